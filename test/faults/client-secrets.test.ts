import { inspect } from 'node:util'
import { definePlugin, type Plugin } from '@headgate/api'
import { test } from 'tap'
import { createTestGateway, reply, sse, type TestAnswer } from '@headgate/api/test'
import { Counters } from '../../core/observe/counters.ts'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const
const PLANTED = {
  bearer: 'PLANTED-bearer',
  xApiKey: 'PLANTED-x-api-key',
  apiKey: 'PLANTED-api-key',
  google: 'PLANTED-google',
  proxy: 'PLANTED-proxy',
  cookie: 'PLANTED-cookie',
  underscore: 'PLANTED-underscore',
  query: 'PLANTED-query',
  upstream: 'PLANTED-upstream'
}
const HEADERS = {
  authorization: `Bearer ${PLANTED.bearer}`,
  'x-api-key': PLANTED.xApiKey,
  'api-key': PLANTED.apiKey,
  'x-goog-api-key': PLANTED.google,
  'proxy-authorization': `Basic ${PLANTED.proxy}`,
  cookie: `session=${PLANTED.cookie}`,
  x_api_key: PLANTED.underscore
}

/** Every text that can be reached from a value: keys, symbols, getters of its prototypes, entries, function sources apart. */
function reach(value: unknown, texts: string[], seen: Set<unknown>, depth: number): void {
  if (typeof value === 'string') texts.push(value)
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || depth === 0 || seen.has(value)) return
  seen.add(value)
  if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString('latin1'))
  if (value instanceof Map || value instanceof Set) for (const entry of value) reach(entry, texts, seen, depth - 1)
  for (
    let holder: object | null = value;
    holder !== null && holder !== Object.prototype && holder !== Function.prototype;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    for (const key of Reflect.ownKeys(holder)) {
      if (typeof key === 'string') texts.push(key)
      try {
        reach(Reflect.get(holder, key, value), texts, seen, depth - 1)
      } catch (error) {
        texts.push(String(error))
      }
    }
  }
}

function dump(value: unknown): string {
  const texts: string[] = []
  reach(value, texts, new Set(), 10)
  return [
    inspect(value, { depth: 10, showHidden: true, getters: true, maxArrayLength: null, maxStringLength: null }),
    JSON.stringify(value),
    String(value),
    ...texts
  ].join('\n')
}

/** Dumps whatever any hook is given, its own credential too where it declared one. */
function dumper(dumps: Map<string, string>, secrets: readonly 'client_credential'[]): Plugin {
  const note = (hook: string, value: unknown): undefined => {
    dumps.set(hook, `${dumps.get(hook) ?? ''}\n${dump(value)}`)
  }
  return definePlugin({
    name: 'dumper',
    apiVersion: 1,
    configSchema: NOTHING,
    secrets,
    streaming: 'transform',
    setup: env => {
      note('setup', env)
      return {
        bodies: true,
        receive: ctx => note('receive', ctx),
        authenticate: ctx => note('authenticate', ctx),
        request: ctx => note('request', ctx),
        guard: ctx => note('guard', ctx),
        route: (ctx, plan) => note('route', [ctx, plan]),
        attempt: ctx => note('attempt', ctx),
        retry: ctx => {
          note('retry', ctx)
          return { action: 'retry' as const }
        },
        response: ctx => note('response', ctx),
        stream: ctx => note('stream', ctx),
        error: ctx => note('error', ctx),
        log: exchange => note('log', exchange)
      }
    }
  })
}

const ALL_HOOKS = [
  'setup',
  'receive',
  'authenticate',
  'request',
  'guard',
  'route',
  'attempt',
  'retry',
  'response',
  'stream',
  'error',
  'log'
]

for (const secrets of [[], ['client_credential']] as const) {
  test(`no secret is reachable from any hook (${secrets.length === 0 ? 'none declared' : 'credential declared'}), nor in logs, records, counters or answers`, async t => {
    const dumps = new Map<string, string>()
    const counted: string[] = []
    const add = Counters.prototype.add
    Counters.prototype.add = function (name, labels, by) {
      counted.push(JSON.stringify([name, labels]))
      add.call(this, name, labels, by)
    }
    t.teardown(() => {
      Counters.prototype.add = add
    })
    const whole = reply({
      json: { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] }
    })
    const echo = {
      error: { message: `Incorrect API key provided: ${PLANTED.upstream}`, type: 'invalid_request_error', code: 'invalid_api_key' }
    }
    const gw = await createTestGateway(t, {
      plugins: { dumper: dumper(dumps, secrets) },
      variables: { KEY: PLANTED.upstream },
      upstream: [
        reply({ status: 503 }),
        whole,
        sse([
          { id: 'x', choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: null }] },
          { id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
        ]),
        reply({ status: 401, json: echo })
      ],
      config: {
        version: 1,
        plugins: { dumper: { use: 'dumper' }, auth: { use: 'kit-auth' }, router: { use: 'kit-router' }, recorder: { use: 'kit-recorder' } },
        providers: { upstream: { use: 'kit-provider', config: { base_url: '${UPSTREAM}/v1', api_key: '${KEY}' } } },
        routes: [{ name: 'all', match: { path: '/*' }, pipeline: ['dumper', 'auth', 'router', 'recorder'], retry: { max_attempts: 2 } }]
      }
    })
    const answers: TestAnswer[] = []
    const url = `/v1/chat/completions?key=${PLANTED.query}`
    const body = { model: 'm', messages: [{ role: 'user', content: 'VISIBLE' }] }
    answers.push(await gw.request('POST', url, body, HEADERS))
    answers.push(await gw.request('POST', url, { ...body, stream: true }, HEADERS))
    answers.push(await gw.request('POST', url, body, HEADERS))
    answers.push(await gw.request('POST', url, '{"model":', HEADERS))
    answers.push(await gw.request('GET', `/nowhere?key=${PLANTED.query}`, undefined, HEADERS))
    t.strictSame(
      answers.map(({ status }) => status),
      [200, 200, 502, 400, 404]
    )
    t.strictSame([...dumps.keys()].sort(), [...ALL_HOOKS].sort(), 'every hook was looked into')
    t.match(dumps.get('request'), /VISIBLE/, 'the dump sees what a hook may see')
    t.equal(gw.upstream.requests[0]!.headers['authorization'], `Bearer ${PLANTED.upstream}`, 'the upstream did get its key')
    t.equal(
      dumps.get('authenticate')!.includes('***'),
      secrets.length > 0,
      'only a declared credential is there, masked wherever it is printed'
    )
    for (const [hook, text] of dumps) t.notMatch(text, /PLANTED/, `${hook} reaches no secret`)
    t.notMatch(dump(gw.exchanges), /PLANTED/, 'no record holds one')
    t.notMatch(dump(gw.logs), /PLANTED/, 'no log line holds one')
    t.notMatch(counted.join('\n'), /PLANTED/, 'no counter holds one')
    t.ok(counted.length > 0)
    for (const answer of answers) t.notMatch(`${answer.raw.toString()}${JSON.stringify(answer.headers)}`, /PLANTED/, 'no answer holds one')
    for (const request of gw.upstream.requests)
      t.notMatch(
        `${JSON.stringify({ ...request.headers, authorization: '' })}${request.path}${request.body.toString()}`,
        /PLANTED/,
        'nothing of the client is forwarded'
      )
  })
}
