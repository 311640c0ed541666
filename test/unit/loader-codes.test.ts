import { globSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES, service, type ErrorCode, type Plugin } from '@headgate/api'
import { captureLog } from '@headgate/api/test'
import { ConfigError, createGateway, Gateway } from 'headgate'
import { test, type Test } from 'tap'
import { readEnvironment } from '../../core/config/environment.ts'
import { run } from '../cli-process.ts'
import { pluginOf } from '../plugin-of.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What brings a code about: a config, with plugins known by the name that `use` gives them, or something to do. */
interface Cause {
  readonly yaml?: string
  readonly files?: { readonly [name: string]: string }
  readonly plugins?: { readonly [use: string]: Plugin }
  readonly act?: (t: Test) => Promise<unknown>
}

const OPEN = pluginOf('open', { authenticate: () => ({ id: 'x' }) })
const NOTHING = pluginOf('nothing', { receive() {} })
const kv = service<object>('kv')

/** A config with one more instance, used by its route. */
function withStep(plugin: Plugin, step = 'p'): Cause {
  return {
    yaml: `version: 1\nplugins: { a: { use: open }, p: { use: given } }\nroutes: [{ name: r, match: { path: /v1/* }, pipeline: [a, ${step}] }]\n`,
    plugins: { given: plugin }
  }
}

/** The error of a promise that should be rejected. */
async function errorOf(pending: Promise<unknown>): Promise<unknown> {
  return await pending.then(
    () => undefined,
    (error: unknown) => error
  )
}

async function jsonCode(t: Test, args: readonly string[]): Promise<unknown> {
  const dir = t.testdir({
    'headgate.yaml': 'version: 1\nplugins: { keys: { use: auth-api-key } }\nroutes: [{ name: r, match: { path: /* }, pipeline: [keys] }]\n'
  })
  const { stdout } = await run([...args, '--json'], dir)
  return (JSON.parse(stdout) as { errors: unknown[] }).errors[0]
}

async function busyPort(t: Test): Promise<unknown> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const dir = t.testdir({
    'headgate.yaml': `version: 1\nserver: { listen: 127.0.0.1:${(server.address() as AddressInfo).port}, admin: false }\n`
  })
  const gateway = await createGateway({ file: join(dir, 'headgate.yaml'), log: captureLog().log, overrides: { data: join(dir, 'data') } })
  return await errorOf(gateway.start())
}

async function badStart(t: Test): Promise<unknown> {
  const { yaml } = withStep(OPEN)
  const dir = t.testdir({ 'headgate.yaml': yaml! })
  const gateway = await Gateway.load({
    file: join(dir, 'headgate.yaml'),
    log: captureLog().log,
    overrides: { data: join(dir, 'data') },
    plugins: {
      open: OPEN,
      given: pluginOf('p', {
        receive() {},
        start() {
          throw new Error('no')
        }
      })
    }
  })
  return await errorOf(gateway.start())
}

const CAUSES: { readonly [C in ErrorCode]: Cause } = {
  HG_CONFIG_NOT_FOUND: { act: async t => await errorOf(Gateway.load({ file: join(t.testdir({}), 'gone.yaml'), log: captureLog().log })) },
  HG_CONFIG_TOO_LARGE: { yaml: `version: 1\nx: ${'['.repeat(500)}${']'.repeat(500)}\n` },
  HG_CONFIG_SYNTAX: { yaml: 'version: 1\nversion: 1\n' },
  HG_CONFIG_INCLUDE: { yaml: 'version: 1\ninclude: ./headgate.yaml\n' },
  HG_CONFIG_VARIABLE: { yaml: 'version: 1\nserver: { listen: "${NOWHERE}" }\n' },
  HG_CONFIG_UNKNOWN_OPTION: { yaml: 'version: 1\nservr: {}\n' },
  HG_CONFIG_INVALID: { yaml: 'version: 2\n' },
  HG_CONFIG_MISSING: { yaml: 'version: 1\nplugins: { p: {} }\n' },
  HG_CONFIG_REFERENCE: withStep(NOTHING, 'p, q'),
  HG_CONFIG_UNUSED: withStep(NOTHING, 'a'),
  HG_CONFIG_ROUTE: {
    yaml: 'version: 1\nplugins: { p: { use: given } }\nroutes: [{ name: r, match: { path: /* }, pipeline: [p] }]\n',
    plugins: { given: NOTHING }
  },
  HG_CONFIG_ORDER: withStep(pluginOf('p', { receive() {} }, { reads: [{ kind: 'state', name: 'team' }] })),
  HG_CONFIG_STREAMING: withStep(pluginOf('p', { response() {} })),
  HG_CONFIG_WHEN: withStep(NOTHING, '{ plugin: p, when: { model: x } }'),
  HG_CONFIG_COVERAGE: withStep(pluginOf('p', { request() {} }, { operations: ['chat'] }), '{ plugin: p, required: true }'),
  HG_ENV_INVALID: { act: async t => await errorOf(readEnvironment({ LOG_LEVEL: 'loud' }, { cwd: t.testdir({}) })) },
  HG_PLUGIN_NOT_FOUND: { yaml: 'version: 1\nplugins: { p: { use: no-such-plugin } }\n' },
  HG_PLUGIN_FORBIDDEN: { yaml: 'version: 1\nplugins: { p: { use: /etc/passwd } }\n' },
  HG_PLUGIN_IMPORT: { yaml: 'version: 1\nplugins: { p: { use: ./p.mjs } }\n', files: { 'p.mjs': 'throw new Error("no")' } },
  HG_PLUGIN_API_VERSION: withStep(Object.freeze({ ...NOTHING, apiVersion: 2 }) as unknown as Plugin),
  HG_PLUGIN_HOOK: withStep(pluginOf('p', { requets() {} } as never)),
  HG_PLUGIN_CONFLICT: {
    yaml: 'version: 1\nplugins: { a: { use: open }, p: { use: given }, q: { use: given } }\nroutes: [{ name: r, match: { path: /* }, pipeline: [a, p, q] }]\n',
    plugins: { given: pluginOf('p', { receive() {}, services: [{ ref: kv, impl: {} }] }, { provides: [kv] }) }
  },
  HG_PLUGIN_CYCLE: {
    yaml: 'version: 1\nplugins: { a: { use: open }, p: { use: given }, q: { use: other } }\nroutes: [{ name: r, match: { path: /* }, pipeline: [a, p, q] }]\n',
    plugins: { given: pluginOf('p', { receive() {} }, { after: ['q'] }), other: pluginOf('q', { receive() {} }, { after: ['p'] }) }
  },
  HG_PLUGIN_SETUP: withStep(
    pluginOf('p', () => {
      throw new Error('no')
    })
  ),
  HG_PLUGIN_START: { act: badStart },
  HG_PLUGIN_SERVICE: withStep(pluginOf('p', { receive() {} }, { requires: { kv } as never })),
  HG_LISTEN: { act: busyPort },
  HG_USAGE: { act: async t => await jsonCode(t, ['strat']) },
  HG_COMMAND: { act: async t => await jsonCode(t, ['keys', 'revoke', 'key_of_nobody']) }
}

for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
  test(`${code}: ${ERROR_CODES[code]}`, async t => {
    const { yaml, files, plugins, act } = CAUSES[code]
    const error =
      act !== undefined
        ? await act(t)
        : await errorOf(
            Gateway.load({
              file: join(t.testdir({ 'headgate.yaml': yaml!, ...files }), 'headgate.yaml'),
              log: captureLog().log,
              plugins: { open: OPEN, ...plugins }
            })
          )
    if (error instanceof ConfigError)
      t.ok(
        error.diagnostics.some(diagnostic => diagnostic.code === code),
        error.message
      )
    else t.match(error, { code, message: /\S/ })
  })
}

test('the table, its uses and its page are the same', async t => {
  const used = new Set<string>()
  for (const file of globSync(['core/**/*.ts', 'plugins/**/*.ts'], {
    cwd: ROOT,
    exclude: ['**/node_modules/**', '**/*.test.ts', 'core/api/errors.ts']
  })) {
    for (const [, code] of readFileSync(join(ROOT, file), 'utf8').matchAll(/'(HG_[A-Z_]+)'/g)) used.add(code!)
  }
  t.same([...used].sort(), Object.keys(ERROR_CODES).sort())
  const page = readFileSync(join(ROOT, 'core/api/errors.md'), 'utf8')
  t.same(
    [...page.matchAll(/^\| `(HG_[A-Z_]+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [code, meaning]),
    Object.entries(ERROR_CODES)
  )
})
