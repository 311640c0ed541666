import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { chat, demoConfig, run, serve } from '../cli-process.ts'

const API = fileURLToPath(new URL('../../core/api', import.meta.url))

/** A plugin module; `more` goes into the definition. */
function plugin(name: string, more = '', hooks = '{ receive () {} }'): string {
  return `import { definePlugin, service } from '@headgate/api'
export default definePlugin({ name: '${name}', apiVersion: 1, configSchema: { type: 'object', additionalProperties: false }, ${more} setup: () => (${hooks}) })
`
}

/** Runs `start` with each plugin file alone, at the same time, and expects it to be refused with 78. */
async function refused(t: Test, cases: { readonly [name: string]: { readonly source: string; readonly says: RegExp } }): Promise<void> {
  const files: { [name: string]: string } = {}
  for (const name in cases) {
    files[`${name}.yaml`] = demoConfig({ good: { use: './good.ts' }, bad: { use: `./${name}.ts` } })
    files[`${name}.ts`] = cases[name]!.source
  }
  const dir = t.testdir({ ...files, 'good.ts': plugin('good', '', "{ start () { process.stderr.write('good started') }, receive () {} }") })
  await Promise.all(
    Object.keys(cases).map(async name => {
      const { code, stderr, stdout } = await run(['start', '-c', `${name}.yaml`], dir)
      t.equal(code, 78, name)
      t.match(stderr, cases[name]!.says)
      t.match(stderr, new RegExp(`^${name}\\.yaml:\\d+:\\d+ [\\s\\S]*\\n +\\d+ \\| [\\s\\S]*\\^`), 'with the place in the file')
      t.notMatch(stderr, /good started|listening|^ {4}at /m, 'nothing is started, and no stack is shown')
      t.equal(stdout, '')
    })
  )
}

test('P15 a plugin for another API version is refused, naming both versions', async t => {
  await refused(t, {
    newer: {
      source: plugin('newer').replace('apiVersion: 1', 'apiVersion: 2'),
      says: /bad: plugin "newer" is written for API version 2, this gateway speaks 1[\s\S]*install a version of the plugin for this gateway/
    },
    none: {
      source: plugin('none').replace('apiVersion: 1,', ''),
      says: /bad: plugin "none" is written for API version undefined, this gateway speaks 1/
    }
  })
})

test('P15 a package that says so in its manifest is not even imported', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig({ next: { use: 'headgate-plugin-next' } }),
    node_modules: {
      'headgate-plugin-next': {
        'package.json': JSON.stringify({
          name: 'headgate-plugin-next',
          version: '9.0.0',
          type: 'module',
          exports: './index.js',
          headgate: { apiVersion: 2, plugins: { '.': 'plugin' } }
        }),
        'index.js': 'throw new Error("imported")'
      }
    }
  })
  const { code, stderr } = await run(['check'], dir)
  t.equal(code, 78)
  t.match(stderr, /next: plugin "headgate-plugin-next" is written for API version 2, this gateway speaks 1/)
  t.notMatch(stderr, /imported/)
})

test('P16 a plugin that is not installed comes with the line that installs it', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig({
      a: { use: '@acme/shield' },
      b: { use: 'rate-limmit' },
      c: { use: 'npm:some-guard/sub' },
      d: { use: 'builtin:nothing' },
      e: { use: './gone.ts' }
    })
  })
  const { code, stderr } = await run(['start'], dir)
  t.equal(code, 78)
  t.match(stderr, `a: "@acme/shield" is not installed; searched from ${dir}`)
  for (const line of [
    'npm install @acme/shield',
    'npm install rate-limmit',
    'npm install some-guard',
    'there is no file or folder "./gone.ts" next to the config'
  ])
    t.match(stderr, line)
  t.equal(stderr.match(/headgate\.yaml:\d+:\d+/g)?.length, 5, 'all of them at once')
})

test('P17 a module that exports something else is refused with what it should export', async t => {
  await refused(t, {
    nothing: {
      source: 'export const plugin = 1\n',
      says: /bad: "\.\/nothing\.ts" is no plugin: it has no default export; write `export default definePlugin\(/
    },
    factory: {
      source: 'export default () => ({ receive () {} })\n',
      says: /its default export is a function; export what definePlugin returns, not a factory/
    },
    plain: {
      source: 'export default { name: "plain", apiVersion: 1, setup: () => ({}) }\n',
      says: /its default export is not made by definePlugin or defineProvider/
    },
    doubled: {
      source: plugin('doubled').replace('export default', 'const inner =') + 'export default { default: inner }\n',
      says: /compiled from ESM to CommonJS/
    },
    throws: { source: 'throw new Error("at import")\n', says: /bad: "\.\/throws\.ts" cannot be imported: at import[\s\S]*throws\.ts/ },
    syntax: { source: 'export default {{\n', says: /bad: "\.\/syntax\.ts" cannot be imported: / },
    imports: { source: "import 'no-such-dependency'\n", says: /cannot be imported: Cannot find package 'no-such-dependency'/ },
    schema: {
      source: plugin('schema').replace("{ type: 'object', additionalProperties: false }", "{ type: 'objekt' }"),
      says: /the configSchema of "schema" is not usable/
    },
    schemaless: { source: plugin('schemaless').replace(/configSchema: \{.*?\},/, ''), says: /its definition has no configSchema/ },
    misspelt: {
      source: plugin('misspelt', '', '{ requets () {} }'),
      says: /bad: plugin "misspelt" has an unknown hook "requets", did you mean "request"\?/
    },
    hookless: { source: plugin('hookless', '', 'undefined'), says: /bad: plugin "hookless" setup returned no object of hooks/ },
    value: { source: plugin('value', '', '{ request: true }'), says: /hook "request" is no function/ },
    provider: {
      source: plugin('provider').replaceAll('definePlugin', 'defineProvider'),
      says: /bad: "provider" is a provider and belongs under providers/
    }
  })
})

test('P18 wrong options are told all at once, each with its place, its frame and a suggestion', async t => {
  const dir = t.testdir({
    'headgate.yaml': `version: 1
plugins:
  open: { use: auth-none }
  limiter:
    use: ./limiter.ts
    config:
      limitt: 100
      window: 60
      by: team
  router: { use: model-router, config: { models: { a: demo/demo } } }
providers:
  demo: { use: provider-demo }
routes:
  - name: all
    match: { path: /v1/* }
    pipeline: [open, limitr, router]
`,
    'limiter.ts': plugin('limiter').replace(
      "{ type: 'object', additionalProperties: false }",
      "{ type: 'object', additionalProperties: false, required: ['limit'], properties: { limit: { type: 'integer' }, window: { type: 'string', format: 'duration' }, by: { enum: ['key', 'user', 'model'] } } }"
    )
  })
  const { code, stderr } = await run(['start'], dir)
  t.equal(code, 78)
  t.match(stderr, /^headgate\.yaml:7:7 limiter: unknown option "limitt"\n +7 \| {7}limitt: 100\n +\| {7}\^{6} did you mean "limit"\?$/m)
  t.match(stderr, /^headgate\.yaml:8:15 limiter: expected string, got (number|integer)\n +8 \| .*\n +\| +\^\^ write "60s"\?$/m)
  t.match(stderr, /^headgate\.yaml:9:11 limiter: "team" is not one of "key", "user", "model"$/m)
  t.match(stderr, /^headgate\.yaml:16:22 no plugin instance named "limitr"\n.*\n +\| +\^{6} did you mean "limiter"\?$/m)
})

test('P21 two that claim the same are both named', async t => {
  const provides = plugin('store', "provides: [service('kv')],", "{ receive () {}, services: [{ ref: service('kv'), impl: {} }] }")
  const dir = t.testdir({
    'store.ts': provides,
    'services.yaml': demoConfig({ one: { use: './store.ts' }, two: { use: './store.ts' } }),
    'routes.yaml': demoConfig().replace(
      '"routes": [',
      '"routes": [{"name":"all","match":{"path":"/v1/models"},"pipeline":["open","router"]},'
    ),
    'names.yaml': 'version: 1\nplugins:\n  open: { use: auth-none }\n  open: { use: auth-none }\nroutes: []\n'
  })
  const says = {
    services: /two and one both provide the service "kv"/,
    routes: /two routes are named "all"/,
    names: /names\.yaml:4:3 .*open/
  }
  await Promise.all(
    Object.entries(says).map(async ([name, message]) => {
      const { code, stderr } = await run(['start', '-c', `${name}.yaml`], dir)
      t.equal(code, 78)
      t.match(stderr, message)
    })
  )
})

test('P22 an order that nothing satisfies is told as the circle that it is', async t => {
  const dir = t.testdir({
    'a.ts': plugin('a', "after: ['b'],"),
    'b.ts': plugin('b', "after: ['a'],"),
    'x.ts': plugin('x', "requires: { y: service('y') }, provides: [service('x')],"),
    'y.ts': plugin('y', "requires: { x: service('x') }, provides: [service('y')],"),
    'order.yaml': demoConfig({ a: { use: './a.ts' }, b: { use: './b.ts' } }),
    'services.yaml': demoConfig({ x: { use: './x.ts' }, y: { use: './y.ts' } })
  })
  const [order, services] = await Promise.all([run(['start', '-c', 'order.yaml'], dir), run(['start', '-c', 'services.yaml'], dir)])
  t.equal(order.code, 78)
  t.match(order.stderr, /no order satisfies these steps: a → b → a/)
  t.equal(services.code, 78)
  t.match(services.stderr, /services depend on each other in a circle: x → y → x/)
})

test('P23 a plugin with its own copy of the API works: definitions, denials, state and secrets', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig({ writer: { use: './writer.ts' }, reader: { use: './reader.ts', config: { word: 'sesame' } } }),
    'writer.ts': plugin(
      'writer',
      "writes: [{ kind: 'state', name: 'team' }],",
      "{ request (ctx) { ctx.set({ kind: 'state', name: 'team' }, 'blue') } }"
    ),
    'reader.ts': `import { definePlugin, reject, stateKey, principal, isSecret } from './sdk/index.ts'
const team = stateKey('team')
export default definePlugin({
  name: 'reader', apiVersion: 1, reads: [team, principal],
  configSchema: { type: 'object', additionalProperties: false, required: ['word'], properties: { word: { type: 'string', format: 'secret' } } },
  setup: ({ config }) => ({
    guard (ctx) {
      if (ctx.headers['x-word'] !== config.word.use(word => word)) throw reject(403, 'wrong_word', \`\${ctx.get(team)} \${ctx.get(principal).id} \${isSecret(config.word)} \${config.word}\`)
    }
  })
})
`
  })
  cpSync(API, join(dir, 'sdk'), { recursive: true, filter: source => !source.endsWith('/test') })
  const gateway = await serve(t, dir)
  t.equal((await chat(gateway.url, {}, { 'x-word': 'sesame' })).status, 200)
  const denied = await chat(gateway.url)
  t.equal(denied.status, 403)
  t.match(await denied.json(), { error: { code: 'wrong_word', message: /^blue \S+ true \*\*\*$/ } })
})
