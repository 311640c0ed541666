import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { chat, demoConfig, run, serve } from '../cli-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface KeyRow {
  readonly id: string
  readonly key?: string
  readonly name: string
}

test('help: an overview, one page a command, and plugins have theirs', async t => {
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ keys: { use: 'auth-api-key' } }) })
  const [bare, flag, start, option, group, helped] = await Promise.all([
    run([], dir),
    run(['--help'], dir),
    run(['help', 'start'], dir),
    run(['check', '--help'], dir),
    run(['keys', '--help'], dir),
    run(['help', 'keys', 'create'], dir)
  ])
  t.same(
    [bare, flag, start, option, group, helped].map(({ code, stderr }) => [code, stderr]),
    new Array(6).fill([0, ''])
  )
  t.equal(bare!.stdout, flag!.stdout)
  for (const word of ['start', 'check', 'print', 'plugins', 'schema', 'keys create|list|revoke', 'version', 'HEADGATE_CONFIG', 'Examples:'])
    t.match(bare!.stdout, word)
  t.match(start!.stdout, /^headgate start: serve requests\n[\s\S]*--quiet[\s\S]*SIGTERM/)
  t.match(option!.stdout, /^headgate check: [\s\S]*--explain[\s\S]*--json[\s\S]*78/)
  t.match(group!.stdout, /keys create [\s\S]*keys list [\s\S]*keys revoke <id>/)
  t.match(helped!.stdout, /^headgate keys create: [\s\S]*--expires VALUE[\s\S]*--model VALUE/)
})

test('version', async t => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'core/package.json'), 'utf8')) as { version: string }
  const [plain, flag, json] = await Promise.all([run(['version'], ROOT), run(['--version'], ROOT), run(['version', '--json'], ROOT)])
  t.equal(plain!.stdout, flag!.stdout)
  t.match(plain!.stdout, new RegExp(`^headgate ${version} \\(node \\d+`))
  t.match(JSON.parse(json!.stdout), { headgate: version, node: /^\d+\./, platform: /-/ })
})

test('a command line that is not understood ends with 64 and the nearest word', async t => {
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ keys: { use: 'auth-api-key' } }) })
  const empty = t.testdirName + '/..'
  const lines: [readonly string[], RegExp, string?][] = [
    [['strat'], /^headgate: no command "strat", did you mean "start"\?\n$/, empty],
    [['help', 'chekc'], /no command "chekc", did you mean "check"\?/],
    [['frobnicate'], /no command "frobnicate"; headgate help lists them/],
    [['keys', 'crate'], /keys takes one of: create, list, revoke/],
    [['check', '--jsno'], /unknown or incomplete option --jsno, did you mean --json\?/],
    [['check', '-c'], /incomplete option|argument missing/],
    [['keys', 'list', '--nmae', 'x'], /unknown or incomplete option --nmae/]
  ]
  await Promise.all(
    lines.map(async ([args, says, cwd]) => {
      const { code, stderr, stdout } = await run(args, cwd ?? dir)
      t.equal(code, 64, args.join(' '))
      t.match(stderr, says)
      t.equal(stdout, '')
      t.notMatch(stderr, /^ {4}at /m)
    })
  )
  const json = await run(['strat', '--json'], dir)
  t.match(JSON.parse(json.stdout), { ok: false, errors: [{ code: 'HG_USAGE', message: /strat/ }] })
})

test('check says what a config means, as text and as data', async t => {
  const config = demoConfig({ again: { use: 'retry', timeout: '250ms' }, log: { use: 'log-stdout', on_error: 'allow' } })
    .replace('"all"', '"api"')
    .replace('"log",\n', '{ "plugin": "log", "when": { "model": "gpt-*" } },\n')
  const dir = t.testdir({ 'headgate.yaml': config, 'broken.yaml': 'version: 1\nservr: {}\n' })
  const [short, long, json, broken, brokenJson] = await Promise.all([
    run(['check'], dir),
    run(['check', '--explain'], dir),
    run(['check', '--explain', '--json', 'headgate.yaml'], dir),
    run(['check', '-c', 'broken.yaml'], dir),
    run(['check', '--json', '-c', 'broken.yaml'], dir)
  ])
  t.match(short, { code: 0, stdout: /headgate\.yaml is valid: 1 route, 4 plugins, 1 provider\n$/, stderr: '' })
  t.equal(long!.code, 0)
  t.match(long!.stdout, /^route api: \/v1\/\*\n +# +step +hooks +on failure +timeout +streams +when\n +1 +open +authenticate +deny/)
  t.match(long!.stdout, /2 +again +attempt retry +next target, default decision +250 ms/)
  t.match(long!.stdout, /3 +log +log +allow +1000 ms +- +\{"model":"gpt-\*"\}/)
  t.match(JSON.parse(json!.stdout), {
    ok: true,
    routes: [
      {
        name: 'api',
        match: { path: '/v1/*' },
        steps: [
          { order: 1, plugin: 'open', hooks: ['authenticate'], when: null },
          { plugin: 'again', timeout_ms: 250 },
          { plugin: 'log', on_error: 'allow', when: { model: 'gpt-*' } },
          { plugin: 'router' }
        ]
      }
    ],
    providers: [{ name: 'demo', use: 'provider-demo', operations: ['chat', 'completions', 'embeddings'] }]
  })
  t.match(broken, { code: 78, stdout: '', stderr: /^broken\.yaml:2:1 unknown option "servr"\n[\s\S]*\^{5} did you mean "server"\?/ })
  t.equal(brokenJson!.code, 78)
  t.match(JSON.parse(brokenJson!.stdout), {
    ok: false,
    errors: [{ code: 'HG_CONFIG_UNKNOWN_OPTION', line: 2, col: 1, hint: 'did you mean "server"?' }]
  })
})

test('check needs no network and starts nothing', async t => {
  const plugin =
    "import { definePlugin } from '@headgate/api'\nexport default definePlugin({ name: 'x', apiVersion: 1, configSchema: { type: 'object', additionalProperties: false }, setup: () => ({ start () { process.stderr.write('started') }, receive () {} }) })\n"
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ x: { use: './x.ts' } }), 'x.ts': plugin })
  t.match(await run(['check'], dir), { code: 0, stderr: '' })
  t.throws(() => readFileSync(join(dir, 'data')), { code: 'ENOENT' }, 'no data folder either')
})

test('print shows every default and no secret', async t => {
  const planted = 'sk-planted-7f3a9c'
  const config = JSON.parse(
    demoConfig({ keys: { use: 'auth-api-key', config: { pepper: `${planted}-written-out-in-the-file-itself` } } })
  ) as { providers: object }
  config.providers = {
    ...config.providers,
    cloud: { use: 'provider-openai', config: { base_url: 'https://api.example.test/v1', api_key: '${PLANTED}' } }
  }
  const dir = t.testdir({ 'headgate.yaml': JSON.stringify(config), '.env': `PLANTED=${planted}\n` })
  const [yaml, json] = await Promise.all([run(['print'], dir), run(['print', '--json'], dir)])
  t.equal(yaml!.code, 0)
  t.notMatch(yaml!.stdout + yaml!.stderr + json!.stdout + json!.stderr, /planted/i)
  t.match(yaml!.stdout, /body_limit: /, 'defaults are written out')
  t.match(
    JSON.parse(json!.stdout),
    {
      version: 1,
      server: { listen: '127.0.0.1:0', admin: false },
      plugins: { keys: { config: { pepper: '***', refresh: '1s' } } },
      providers: { cloud: { config: { api_key: '***', base_url: 'https://api.example.test/v1' } } }
    },
    'what wins over the file is in it'
  )
})

test('plugins lists what can be used here, also from the folder of the config', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig(),
    node_modules: {
      '@acme': {
        shield: {
          'package.json': JSON.stringify({
            name: '@acme/shield',
            version: '2.1.0',
            type: 'module',
            exports: './index.js',
            headgate: { apiVersion: 1, plugins: { '.': 'plugin' } }
          }),
          'index.js':
            "import { definePlugin } from '@headgate/api'\nexport default definePlugin({ name: '@acme/shield', apiVersion: 1, configSchema: { type: 'object', additionalProperties: false, properties: { level: { type: 'integer' } } }, setup: () => ({ receive () {} }) })\n"
        }
      }
    }
  })
  const [text, json] = await Promise.all([run(['plugins'], dir), run(['plugins', '--json'], dir)])
  const rows = JSON.parse(json!.stdout) as { use: string }[]
  t.match(
    rows.find(({ use }) => use === '@acme/shield'),
    { kind: 'plugin', version: '2.1.0', api_version: 1, stability: 'stable', options: ['level'] }
  )
  for (const use of ['auth-api-key', 'auth-none', 'log-stdout', 'model-router', 'provider-demo', 'provider-openai', 'retry']) {
    t.ok(
      rows.some(row => row.use === use),
      use
    )
    t.match(text!.stdout, new RegExp(`^${use} `, 'm'))
  }
  t.match(text!.stdout, /^use +kind +package +version +stability +options\n@acme\/shield +plugin +@acme\/shield +2\.1\.0 +stable +level$/m)
})

test('schema: what is checked in as config/headgate.schema.json is what the command prints', async t => {
  const { code, stdout } = await run(['schema'], ROOT)
  t.equal(code, 0)
  const checkedIn = readFileSync(join(ROOT, 'config/headgate.schema.json'), 'utf8')
  t.ok(stdout === checkedIn, 'stale: run `headgate schema > config/headgate.schema.json`')
  t.match(JSON.parse(stdout), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    required: ['version'],
    additionalProperties: false
  })
  t.match(stdout, /How often the key file is looked at for changes/, 'with the options of plugins')
})

test('keys: a new one works at a running gateway, a revoked one stops within seconds', async t => {
  const config = demoConfig({ keys: { use: 'auth-api-key', config: { refresh: '100ms' } } })
    .replace('"open": {\n      "use": "auth-none"\n    },', '')
    .replace('"open",', '')
  const dir = t.testdir({ 'headgate.yaml': config })
  const gateway = await serve(t, dir)
  const first = /\bhg_\S+/.exec(gateway.stderr())?.[0] ?? ''
  t.ok(first.length >= 32, 'the first run shows a key')
  const made = await run(['keys', 'create', '--name', 'ci', '--expires', '90d', '--json'], dir)
  t.equal(made.code, 0)
  const { id, key = '' } = JSON.parse(made.stdout) as KeyRow
  const status = async (headers: { readonly [name: string]: string }): Promise<number> => (await chat(gateway.url, {}, headers)).status
  const until = async (headers: { readonly [name: string]: string }, wanted: number): Promise<number> => {
    const since = Date.now()
    while ((await status(headers)) !== wanted && Date.now() - since < 5000) await new Promise(resolve => setTimeout(resolve, 20))
    return await status(headers)
  }
  t.equal(await status({ authorization: `Bearer ${first}` }), 200)
  t.equal(await until({ authorization: `Bearer ${key}` }, 200), 200)
  t.equal(await status({ 'x-api-key': key }), 200)
  const listed = await run(['keys', 'list', '--json'], dir)
  t.match(
    (JSON.parse(listed.stdout) as KeyRow[]).find(row => row.id === id),
    { name: 'ci' }
  )
  t.notMatch(
    listed.stdout + (await run(['keys', 'list'], dir)).stdout + readFileSync(join(dir, 'data/keys.json'), 'utf8'),
    key,
    'a key is shown once'
  )
  const revoked = await run(['keys', 'revoke', id, '--json'], dir)
  t.equal(revoked.code, 0)
  t.equal(await until({ authorization: `Bearer ${key}` }, 401), 401)
  t.equal(await status({ authorization: `Bearer ${first}` }), 200, 'others go on')
  t.match(await run(['keys', 'revoke', 'key_of_nobody'], dir), { code: 1, stdout: '', stderr: /^headgate: .*key_of_nobody/ })
  t.notMatch(gateway.stderr() + gateway.stdout(), key)
})

const HELLO = `import { definePlugin } from '@headgate/api'

export default definePlugin({
  name: 'hello',
  apiVersion: 1,
  configSchema: { type: 'object', additionalProperties: false, properties: { header: { type: 'string', default: 'x-team' } } },
  setup: ({ config }) => ({
    request (ctx) { ctx.setHeader('x-hello', ctx.headers[config.header as string] ?? 'world') }
  })
})
`

test('a hello-world plugin of at most 12 lines, in TypeScript, in a folder, without a build', async t => {
  t.ok(HELLO.trimEnd().split('\n').length <= 12)
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ hello: { use: './plugins/hello' } }), plugins: { hello: { 'index.ts': HELLO } } })
  const gateway = await serve(t, dir)
  t.equal((await chat(gateway.url)).headers.get('x-hello'), 'world')
  t.equal((await chat(gateway.url, {}, { 'x-team': 'blue' })).headers.get('x-hello'), 'blue')
  t.match(
    gateway.stderr(),
    /├─ plugins\n[\s\S]*hello +hello +request +\d+\.\d ms\n[\s\S]*├─ providers\n[\s\S]*demo[\s\S]*└─ routes\n[\s\S]*all +\/v1\/\* +→ +open › hello › router/,
    'the boot tree'
  )
  const typo = t.testdir({
    'headgate.yaml': demoConfig({ hello: { use: './hello.ts' } }),
    'hello.ts': HELLO.replace('request (ctx)', 'requst (ctx)')
  })
  t.match(await run(['check'], typo), { code: 78, stderr: /hello: plugin "hello" has an unknown hook "requst", did you mean "request"\?/ })
})
