import { test } from 'tap'
import { isNative, isSecret, Secret, type Env, type ProviderInstance } from '@headgate/api'
import plugin from '../index.ts'
import { PRESETS, type PresetName } from '../presets.ts'

type Config = { readonly [name: string]: unknown }

async function setup(config: Config): Promise<ProviderInstance> {
  return plugin.setup({ config } as unknown as Env<unknown, Record<never, never>>)
}

async function headersOf(config: Config): Promise<{ [name: string]: string }> {
  const headers = await (await setup(config)).headers!()
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecret(value) ? value.use(text => `secret ${text}`) : value])
  )
}

function problemsOf(config: Config): string[] {
  return plugin.validate!(config).map(problem => `${problem.path} ${problem.message}`)
}

test("the address is the preset's, or its own without a trailing slash", async t => {
  t.equal((await setup({})).origin, 'https://api.openai.com/v1')
  t.equal((await setup({ preset: 'groq' })).origin, 'https://api.groq.com/openai/v1')
  t.equal((await setup({ base_url: 'http://10.0.0.1:8000/v1//' })).origin, 'http://10.0.0.1:8000/v1')
  t.equal((await setup({ preset: 'vllm', base_url: 'http://gpu:8000/v1' })).origin, 'http://gpu:8000/v1')
})

test('every preset is a usable address, named in the schema', async t => {
  const named = (plugin.configSchema.properties?.['preset']?.enum ?? []) as readonly PresetName[]
  t.same([...named], Object.keys(PRESETS))
  for (const preset of named) {
    const { origin = '', operations } = await setup({ preset })
    t.ok(URL.canParse(origin) && !origin.endsWith('/'), preset)
    const key = new Secret('k')
    t.same(problemsOf({ preset, api_key: key }), [])
    t.same(Object.keys(operations), ['chat', 'completions', 'embeddings'])
  }
})

test('operations are native, their paths go behind the prefix', async t => {
  const { operations } = await setup({ preset: 'fireworks' })
  t.ok(operations.chat !== undefined && isNative(operations.chat))
  t.match(operations, {
    chat: { path: '/chat/completions', usageInStream: true },
    completions: { path: '/completions' },
    embeddings: { path: '/embeddings' }
  })
})

test('servers that refuse stream_options are not asked for usage, unless the config says so', async t => {
  t.match((await setup({ preset: 'mistral' })).operations, { chat: { usageInStream: false } })
  t.match((await setup({ preset: 'mistral', usage_in_stream: true })).operations, { chat: { usageInStream: true } })
  t.match((await setup({ base_url: 'http://h/v1', usage_in_stream: false })).operations, {
    chat: { usageInStream: false },
    completions: { usageInStream: false }
  })
})

test('local servers are known as such', async t => {
  for (const preset of ['vllm', 'lmstudio', 'ollama', 'llamacpp']) t.equal((await setup({ preset })).local, true, preset)
  t.equal((await setup({ preset: 'openai' })).local, false)
  for (const host of ['localhost:1234', '127.0.0.1:8000', '[::1]:8000'])
    t.equal((await setup({ base_url: `http://${host}/v1` })).local, true, host)
  for (const host of ['example.com', '10.0.0.1', '127.0.0.1.example.com', 'localhost.example.com'])
    t.equal((await setup({ base_url: `http://${host}/v1` })).local, false, host)
  t.equal((await setup({ base_url: 'http://10.0.0.1/v1', local: true })).local, true)
})

test('the key is a bearer token, or bare under another name, and stays a secret', async t => {
  const api_key = new Secret('sk-1')
  t.same(await headersOf({ api_key }), { authorization: 'secret Bearer sk-1' })
  t.same(await headersOf({ api_key, api_key_header: 'Api-Key' }), { 'api-key': 'secret sk-1' })
  t.same(await headersOf({ preset: 'ollama' }), {}, 'no key, no header')
  t.same(await headersOf({ preset: 'ollama', api_key: new Secret('') }), {})
  t.notMatch(JSON.stringify(await (await setup({ api_key })).headers!()), 'sk-1')
})

test('organization, project and further headers are sent', async t => {
  const headers = { 'HTTP-Referer': new Secret('https://example.com'), authorization: new Secret('stale') }
  t.same(await headersOf({ organization: 'org', project: 'proj', headers, api_key: new Secret('k') }), {
    'http-referer': 'secret https://example.com',
    'openai-organization': 'org',
    'openai-project': 'proj',
    authorization: 'secret Bearer k'
  })
})

test('models are advertised when they are given', async t => {
  t.same((await setup({ models: ['a', 'b'] })).models, ['a', 'b'])
  t.equal((await setup({})).models, undefined)
})

test('mistakes in a config are told with their place', async t => {
  t.match(problemsOf({}), [/^\/api_key openai needs an API key/])
  t.match(problemsOf({ preset: 'groq', api_key: new Secret('') }), [/^\/api_key groq needs/])
  t.same(problemsOf({ base_url: 'http://127.0.0.1:9/v1' }), [], "an address of one's own needs none")
  t.same(problemsOf({ preset: 'ollama' }), [])
  const api_key = new Secret('k')
  t.match(problemsOf({ api_key, base_url: 'nonsense' }), [/^\/base_url .*not a URL/])
  t.match(problemsOf({ api_key, base_url: 'ftp://h/v1' }), [/neither http/])
  t.match(problemsOf({ api_key, base_url: 'https://user:pw@h/v1' }), [/user name or password/])
  t.match(problemsOf({ api_key, base_url: 'https://h/v1?x=1' }), [/query/])
  t.match(problemsOf({ api_key, base_url: 'https://h/v1/chat/completions' }), [/ends in an endpoint/])
  t.match(problemsOf({ api_key: new Secret('k\nx') }), [/control character/])
  t.match(problemsOf({ api_key, headers: { 'a b': new Secret('x'), host: new Secret('x'), 'x-a': new Secret('x\r\ny') } }), [
    /not a header name/,
    /itself sends "host"/,
    /"x-a" has a control/
  ])
  t.notMatch(problemsOf({ api_key: new Secret('hidden\n') }).join(), /hidden/)
})
