import { definePlugin, defineProvider } from '@headgate/api'
import { test } from 'tap'
import { createTestGateway, garbage, reply, sse, stall, withFault, type Reply } from '@headgate/api/test'
import retry from '../../plugins/retry/index.ts'
import {
  answer,
  decider,
  disconnected,
  event,
  frame,
  planOf,
  refusal,
  results,
  ROLE,
  twoUpstreams,
  USAGE,
  USAGE_EVENT
} from './upstream-cases.ts'

const SERVER_ERROR = { type: 'server_error', param: null }

test('U14 a 429 with a short Retry-After is waited for or gone around', async t => {
  const limited = refusal(
    429,
    { message: 'org-planted is too fast', type: 'requests', code: 'rate_limit_exceeded' },
    { 'retry-after-ms': '30' }
  )
  const waiting = await createTestGateway(t, { upstream: [limited, answer()], plugins: { retry: [retry, { base: '0ms', max: '0ms' }] } })
  t.equal((await waiting.chat()).text, 'hi')
  t.same(results(waiting), ['429', 'ok'])
  t.ok(waiting.exchange.timing.total_latency_ms >= 30, 'it waited as long as it was asked to')
  const { gw } = await twoUpstreams(t, limited, answer('other'))
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['429', 'ok'])
  t.match(gw.exchange, { outcome: 'ok', provider: { name: 'second', attempts: [{ status: 429 }, { status: 200 }] } })
})

test('U15 a Retry-After past the deadline is passed on and never slept through', async t => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString()
  const cases: [given: string, told: RegExp | undefined][] = [
    ['3600', /^3600$/],
    [inAnHour, /^3(600|59\d)$/],
    ['999999999999', /^3600$/],
    ['-5', undefined],
    ['soon', undefined],
    ['', undefined],
    ['0', /^1$/]
  ]
  for (const [given, told] of cases) {
    const limited = refusal(429, { message: 'org-planted is too fast' }, { 'retry-after': given })
    const gw = await createTestGateway(t, {
      upstream: limited,
      plugins: { retry: [retry, { base: '0ms', max: '0ms' }] },
      route: { timeout: '900ms', retry: { max_attempts: 2 } }
    })
    const client = await gw.chat()
    t.equal(client.status, 429, given)
    t.match(client.error, { type: 'rate_limit_error', code: 'rate_limit_exceeded', param: null })
    t.notOk(client.raw.includes('planted'))
    if (told === undefined) t.equal(client.headers['retry-after'], undefined, given)
    else t.match(client.headers['retry-after'], told, given)
    t.equal(client.headers['x-should-retry'], 'false')
    t.ok(gw.exchange.timing.total_latency_ms < 900, 'no request sleeps past its deadline')
    t.ok(results(gw).every(result => result === '429'))
  }
  const { gw } = await twoUpstreams(t, refusal(429, { message: 'm' }, { 'retry-after': '3600' }), answer('other'), {
    plugins: { retry: [retry, {}] }
  })
  t.equal((await gw.chat()).text, 'other', 'another target is tried at once')
})

test('U16 a used-up quota is told as it is, not repeated, and can be gone around', async t => {
  const spent = refusal(429, {
    message: 'You exceeded your current quota, org-planted',
    type: 'insufficient_quota',
    code: 'insufficient_quota'
  })
  const gw = await createTestGateway(t, { upstream: spent, plugins: { retry: [retry, { base: '0ms', max: '0ms' }] } })
  const told = await gw.chat()
  t.equal(told.status, 429)
  t.match(told.error, { type: 'insufficient_quota', code: 'insufficient_quota' })
  t.equal(told.headers['x-should-retry'], 'false')
  t.notOk(told.raw.includes('planted'))
  t.same(results(gw), ['quota'])
  t.equal(gw.upstream.requests.length, 1)
  const other = await twoUpstreams(t, spent, answer('other'))
  t.equal((await other.gw.chat()).text, 'other')
  t.same(results(other.gw), ['quota', 'ok'])
})

test('U17 server errors are repeated, then told as 502 or 503 with the real status in the record', async t => {
  for (const [status, told, code] of [
    [500, 502, 'upstream_error'],
    [502, 502, 'upstream_error'],
    [503, 503, 'upstream_overloaded'],
    [504, 502, 'upstream_error']
  ] as const) {
    const broken = refusal(status, { message: 'stack at /srv/planted.py' })
    const gw = await createTestGateway(t, { upstream: broken, plugins: { retry: [retry, { base: '0ms', max: '0ms' }] } })
    const client = await gw.chat()
    t.equal(client.status, told, String(status))
    t.match(client.error, { ...SERVER_ERROR, code })
    t.notOk(client.raw.includes('planted'))
    t.equal(client.headers['x-should-retry'], 'false')
    t.equal(client.headers['x-headgate-attempts'], '3')
    t.match(gw.exchange.provider.attempts, [
      { status, result: '5xx' },
      { status, result: '5xx' },
      { status, result: '5xx' }
    ])
    t.equal(gw.exchanges.length, 1)
    gw.upstream.use([broken, answer()])
    t.equal((await gw.chat()).text, 'hi')
  }
})

test('U17 without a deciding step a server error goes to the next target', async t => {
  const { gw } = await twoUpstreams(t, refusal(500, { message: 'm' }), answer('other'))
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['5xx', 'ok'])
})

test('U18 an overloaded upstream is a 503 with Retry-After', async t => {
  const gw = await createTestGateway(t, {
    upstream: [refusal(529, { type: 'overloaded_error', message: 'Overloaded' }), refusal(529, { message: 'm' }, { 'retry-after': '7' })]
  })
  for (const seconds of ['1', '7']) {
    const told = await gw.chat()
    t.equal(told.status, 503)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_overloaded' })
    t.equal(told.headers['retry-after'], seconds)
    t.same(results(gw), ['529'])
  }
})

test('U19 a refused key of the gateway is a 502, and the words about it stay here', async t => {
  for (const status of [401, 403]) {
    const denied = refusal(status, {
      message: 'Incorrect API key provided: sk-upst***tted. See https://planted.example',
      type: 'invalid_request_error',
      code: 'invalid_api_key'
    })
    const gw = await createTestGateway(t, { upstream: denied, plugins: { retry: [retry, { base: '0ms', max: '0ms' }] } })
    const told = await gw.chat()
    t.equal(told.status, 502)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_auth' })
    t.notMatch(told.raw.toString(), /planted|sk-/)
    t.notMatch(JSON.stringify(gw.exchange), /planted\.example|sk-up/)
    t.match(gw.exchange.provider.attempts, [{ status, result: 'auth' }], 'not repeated')
    const other = await twoUpstreams(t, denied, answer('other'))
    t.equal((await other.gw.chat()).text, 'other', 'another credential is tried')
  }
})

test('U20 errors of the request keep their status and words in the shape of the client', async t => {
  const cases: [reply: Reply, status: number, error: object][] = [
    [
      refusal(400, { message: 'bad field', type: 'invalid_request_error', param: 'messages[0]', code: null }),
      400,
      { message: 'bad field', type: 'invalid_request_error', param: 'messages[0]', code: 'invalid_request' }
    ],
    [
      reply({ status: 422, json: { detail: [{ loc: ['body'], msg: 'field required' }] } }),
      422,
      { message: 'field required', type: 'invalid_request_error', param: null, code: 'invalid_request' }
    ],
    [
      reply({ status: 404, json: { error: 'model "x" not found, try pulling it first' } }),
      404,
      { message: 'model "x" not found, try pulling it first', code: 'model_not_found' }
    ],
    [
      reply({
        status: 400,
        json: { object: 'error', message: 'max_tokens is too large', type: 'BadRequestError', param: null, code: 400 }
      }),
      400,
      { message: 'max_tokens is too large', type: 'BadRequestError', code: 'invalid_request' }
    ],
    [
      reply({ status: 400, headers: { 'content-type': 'text/html' }, body: '<h1>nginx</h1>' }),
      400,
      { message: 'the provider answered with status 400', type: 'invalid_request_error' }
    ]
  ]
  for (const [given, status, error] of cases) {
    const gw = await createTestGateway(t, { upstream: given, plugins: { retry: [retry, { base: '0ms', max: '0ms' }] } })
    for (const stream of [false, true]) {
      const told = await gw.chat({ stream })
      t.equal(told.status, status)
      t.match(told.headers['content-type'], /^application\/json/)
      t.match(told.error, error)
      t.equal(told.headers['x-should-retry'], undefined, 'nothing was spent')
      t.match(gw.exchange.provider.attempts, [{ status, result: '4xx' }])
    }
  }
})

test('U20 a request that is wrong is not sent to the next target', async t => {
  for (const status of [400, 422]) {
    const { gw, second } = await twoUpstreams(t, refusal(status, { message: 'm' }), answer())
    t.equal((await gw.chat()).status, status)
    t.equal(second.requests.length, 0)
  }
})

test('U21 a prompt that is too long keeps its code, and only a step may try another model', async t => {
  const long = refusal(400, {
    message: "This model's maximum context length is 8192 tokens.",
    type: 'invalid_request_error',
    param: 'messages',
    code: 'context_length_exceeded'
  })
  const { gw, second } = await twoUpstreams(t, long, answer('larger'))
  const told = await gw.chat()
  t.equal(told.status, 400)
  t.match(told.error, { type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' })
  t.same(results(gw), ['ctx'])
  t.equal(second.requests.length, 0)
  const seen: { code: string; remaining: number }[] = []
  const ruled = await twoUpstreams(t, long, answer('larger'), {
    plugins: { plan: planOf('upstream', 'second'), rule: decider({ action: 'next' }, seen) }
  })
  t.equal((await ruled.gw.chat()).text, 'larger')
  t.same(seen, [{ code: 'context_length_exceeded', remaining: 1 }])
})

test('U22 an answer that is not JSON is an upstream_bad_response, with its beginning in the log alone', async t => {
  const bodies: { [name: string]: Reply } = {
    bytes: garbage(600),
    text: reply({ headers: { 'content-type': 'application/json' }, body: 'upstream said sk-planted0123456789abcdef no' }),
    nothing: reply({ headers: { 'content-type': 'application/json' } }),
    list: reply({ json: [1] }),
    number: reply({ json: 5 }),
    half: reply({ headers: { 'content-type': 'application/json' }, body: '{"id":' })
  }
  for (const [name, body] of Object.entries(bodies)) {
    const gw = await createTestGateway(t, { upstream: body })
    const told = await gw.chat()
    t.equal(told.status, 502, name)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_bad_response' }, name)
    t.notOk(told.raw.includes('upstream said'))
    t.same(results(gw), ['parse'], name)
    const detail = gw.exchange.error?.detail ?? ''
    t.match(detail, /^parse: upstream_bad_response; \d+ bytes, beginning "/)
    t.ok(detail.length < 700)
    t.notMatch(detail, /planted/, 'what looks like a key is masked')
    if (name === 'text') t.match(detail, /upstream said \*\*\* no/)
  }
  const { gw } = await twoUpstreams(t, garbage(), answer('other'))
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['parse', 'ok'])
  t.equal((await gw.chat({ store: true })).status, 502, 'it may have been stored: not done twice')
})

test('U23 a page in place of an answer is an upstream_bad_response', async t => {
  const page = reply({ headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<html><title>Log in to the network</title></html>' })
  const gw = await createTestGateway(t, { upstream: page })
  for (const stream of [false, true]) {
    const told = await gw.chat({ stream })
    t.equal(told.status, 502)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_bad_response' })
    t.notOk(told.raw.includes('network'))
    t.same(results(gw), ['ctype'])
  }
  const fallback = await twoUpstreams(t, page, answer('other'))
  t.equal((await fallback.gw.chat()).text, 'other')
})

test('U24 a stream in answer to a whole request becomes a whole answer', async t => {
  const events = [
    ROLE,
    event({ content: 'he' }),
    event({ content: 'llo' }),
    event({ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a"' } }] }),
    event({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    event({}, 'tool_calls'),
    USAGE_EVENT
  ]
  const gw = await createTestGateway(t, { upstream: sse(events, { split: 7 }) })
  const told = await gw.chat()
  t.equal(told.status, 200)
  t.match(told.headers['content-type'], /^application\/json/)
  t.match(told.json, {
    object: 'chat.completion',
    choices: [
      {
        message: { role: 'assistant', content: 'hello', tool_calls: [{ id: 'c1', function: { name: 'f', arguments: '{"a":1}' } }] },
        finish_reason: 'tool_calls'
      }
    ],
    usage: USAGE
  })
  t.match(gw.exchange, { outcome: 'ok', usage: { source: 'upstream', prompt_tokens: 3 }, response: { stream_end: null } })
})

test('U24 a stream that breaks in place of a whole answer is repeated, or a 502', async t => {
  const broken = sse([ROLE, event({ content: 'he' })], { done: false })
  const { gw } = await twoUpstreams(t, broken, answer('other'))
  t.equal((await gw.chat()).text, 'other', 'nothing had reached the client')
  t.same(results(gw), ['truncated', 'ok'])
  const alone = await createTestGateway(t, { upstream: broken })
  const told = await alone.chat()
  t.equal(told.status, 502)
  t.match(told.error, { ...SERVER_ERROR, code: 'stream_truncated' })
})

test('U24 a stream that hangs in place of a whole answer ends with the deadline', async t => {
  const gw = await createTestGateway(t, {
    upstream: withFault(sse([ROLE, event({ content: 'he' })], { done: false }), stall(9999)),
    route: { timeout: { total: '60ms' } }
  })
  const told = await gw.chat()
  t.equal(told.status, 504)
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
  t.same(results(gw), ['deadline'])
  t.equal(await disconnected(gw.upstream), 0)
})

test('U24 the deadline holds for a provider in the process too', async t => {
  async function* flow(): AsyncGenerator<Buffer> {
    yield Buffer.from(frame(event({ content: 'he' })))
    await new Promise(() => undefined)
  }
  const local = defineProvider({
    name: 'local',
    apiVersion: 1,
    configSchema: { type: 'object' },
    setup: () => ({
      operations: { chat: { path: '/' } },
      answer: () => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body: flow() })
    })
  })
  const gw = await createTestGateway(t, { providers: { upstream: [local] }, route: { timeout: { total: '60ms' } } })
  const told = await gw.chat()
  t.equal(told.status, 504)
  t.match(gw.exchange, { outcome: 'failed', error: { code: 'upstream_timeout' } })
})

test('U24 a step that holds a stream back gets all of it, or the client an error', async t => {
  const holding = definePlugin({
    name: 'holding',
    apiVersion: 1,
    configSchema: { type: 'object' },
    streaming: 'buffer',
    setup: () => ({
      response(ctx) {
        for (const span of ctx.texts()) span.text = span.text.toUpperCase()
      }
    })
  })
  const gw = await createTestGateway(t, {
    upstream: sse([ROLE, event({ content: 'he' }), event({ content: 'llo' }, 'stop')]),
    plugins: { holding }
  })
  const told = await gw.chat({ stream: true })
  t.equal(told.text, 'HELLO')
  t.ok(told.done)
  gw.upstream.use(sse([ROLE, event({ content: 'he' })], { done: false }))
  const broken = await gw.chat({ stream: true })
  t.equal(broken.status, 502)
  t.match(broken.error, { ...SERVER_ERROR, code: 'stream_truncated' })
  t.same(results(gw), ['truncated'])
})

test('U24 a whole answer to a stream request becomes a stream', async t => {
  const gw = await createTestGateway(t, { upstream: answer('hello') })
  const told = await gw.chat({ stream: true, stream_options: { include_usage: true } })
  t.match(told.headers['content-type'], /^text\/event-stream/)
  t.equal(told.text, 'hello')
  t.ok(told.done)
  t.match(told.chunks.at(-1), { choices: [], usage: USAGE })
  t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' }, usage: { source: 'upstream' } })
  const plain = await gw.chat({ stream: true })
  t.notOk(plain.raw.includes('prompt_tokens'), 'usage only for those who ask')
})

test('U25 an error body under a 200 is an error', async t => {
  const cases: [body: object, status: number, error: object][] = [
    [{ error: { message: 'planted', code: 502 } }, 502, { ...SERVER_ERROR, code: 'upstream_error' }],
    [{ error: { message: 'slow down', type: 'rate_limit_error' } }, 429, { type: 'rate_limit_error', code: 'rate_limit_exceeded' }],
    [
      { error: { message: 'no such tool', type: 'invalid_request_error', code: 'tool_use_failed' } },
      400,
      { code: 'tool_use_failed', message: 'no such tool' }
    ]
  ]
  for (const [body, status, error] of cases) {
    const gw = await createTestGateway(t, { upstream: reply({ json: body }) })
    for (const stream of [false, true]) {
      const told = await gw.chat({ stream })
      t.equal(told.status, status)
      t.match(told.error, error)
      t.match(gw.exchange, { outcome: 'failed', provider: { attempts: [{ result: 'soft_error', status: 200 }] } })
    }
  }
  const { gw } = await twoUpstreams(t, reply({ json: { error: { message: 'm', code: 502 } } }), answer('other'))
  t.equal((await gw.chat()).text, 'other')
})
