import { performance } from 'node:perf_hooks'
import { test } from 'tap'
import {
  createTestGateway,
  drip,
  endless,
  fin,
  hang,
  reply,
  reset,
  resetAt,
  sse,
  stall,
  startFaultUpstream,
  withFault,
  type Reply
} from '@headgate/api/test'
import {
  answer,
  disconnected,
  event,
  frame,
  planOf,
  providerAt,
  refusal,
  results,
  ROLE,
  STOP,
  twoUpstreams,
  USAGE,
  USAGE_EVENT
} from './upstream-cases.ts'

const SERVER_ERROR = { type: 'server_error', param: null }
const BEGUN = frame(ROLE) + frame(event({ content: 'hel' })) + frame(event({ content: 'lo' }))

/** The text of a stream as an answer that ends with the connection. */
function closing(text: string): Reply {
  return reply({ headers: { 'content-type': 'text/event-stream' }, body: text, framing: 'close' })
}

/** A stream that goes wrong after its text. */
function broken(text: string, ...faults: Parameters<typeof withFault>[1][]): Reply {
  return withFault(sse(text), ...faults)
}

test('U7 a reset in mid-stream becomes an error event without [DONE]', async t => {
  const { gw, second } = await twoUpstreams(t, broken(BEGUN, reset(BEGUN.length)), answer())
  const told = await gw.chat({ stream: true })
  t.equal(told.status, 200)
  t.equal(told.text, 'hello')
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_truncated' })
  t.notOk(told.done)
  t.ok(told.raw.toString().endsWith(`${JSON.stringify({ error: told.error })}\n\n`), 'the error is the last event')
  t.same(results(gw), ['reset_mid'], 'nothing is repeated once content has left')
  t.equal(second.requests.length, 0)
  t.match(gw.exchange, {
    outcome: 'failed',
    error: { source: 'upstream', code: 'upstream_truncated' },
    response: { status_code: 200, stream_end: 'upstream_error', body: { choices: [{ message: { content: 'hello' } }] } },
    usage: { source: 'estimated' }
  })
  t.ok(gw.exchange.usage.completion_tokens! > 0)
  t.equal(gw.count('headgate_stream_end_total', { reason: 'upstream_error' }), 1)
  t.equal(gw.count('headgate_upstream_attempts_total', { upstream: 'upstream', result: 'ok' }), 0)
})

test('U8 a stream that ends too early becomes a stream_truncated', async t => {
  const cut = BEGUN + frame(event({ content: '!' })).slice(0, -30)
  const endings: { [name: string]: Reply } = {
    'last chunk': sse(BEGUN),
    'closed in mid-body': broken(BEGUN, fin(BEGUN.length)),
    'closed without length': closing(BEGUN),
    'closed inside an event': closing(cut),
    'ended inside an event': sse(cut),
    'no blank line': closing(BEGUN.trimEnd())
  }
  for (const [name, ending] of Object.entries(endings)) {
    const gw = await createTestGateway(t, { upstream: ending })
    const told = await gw.chat({ stream: true })
    t.equal(told.text, 'hello', name)
    t.match(told.error, { ...SERVER_ERROR, code: 'stream_truncated' }, name)
    t.notOk(told.done, name)
    t.same(results(gw), ['truncated'], name)
    t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'truncated' }, usage: { source: 'estimated' } }, name)
    t.equal(gw.count('headgate_upstream_attempts_total', { upstream: 'upstream', result: 'ok' }), 0, 'not counted as a success')
  }
})

test('U8 a stream that ends before any content is tried elsewhere', async t => {
  for (const ending of [
    sse(frame(ROLE)),
    closing(''),
    closing(': hello\n\n'),
    broken(frame(ROLE), reset(20)),
    sse(frame(ROLE).slice(0, -20))
  ]) {
    const { gw } = await twoUpstreams(t, ending, sse([ROLE, event({ content: 'other' }), STOP]))
    const told = await gw.chat({ stream: true })
    t.equal(told.text, 'other')
    t.ok(told.done)
    t.equal(results(gw)[1], 'ok')
    t.equal(told.raw.toString().match(/"role"/g)?.length, 1, 'nothing of the first answer is sent')
  }
})

test('U9 a finished stream without [DONE] gets one', async t => {
  const finished = BEGUN + frame(STOP)
  for (const ending of [
    sse(finished),
    closing(finished),
    closing(finished.trimEnd()),
    broken(finished, fin(finished.length)),
    closing(`${finished}: bye`)
  ]) {
    const gw = await createTestGateway(t, { upstream: ending })
    const told = await gw.chat({ stream: true })
    t.equal(told.text, 'hello')
    t.ok(told.done)
    t.equal(told.error, undefined)
    t.ok(told.raw.toString().endsWith('\n\ndata: [DONE]\n\n'))
    t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' }, warnings: ['done_missing'] })
  }
})

test('U10 an upstream that does not begin in time is aborted: 504, or the next target', async t => {
  for (const silent of [hang(), broken(frame(ROLE), stall(9999)), broken(': thinking\n\n', drip(1, 5))]) {
    const gw = await createTestGateway(t, { upstream: silent, route: { timeout: { first_token: '40ms' } } })
    const told = await gw.chat({ stream: true })
    t.equal(told.status, 504)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
    t.same(results(gw), ['ttft'])
    t.ok(gw.exchange.timing.total_latency_ms < 1000)
    t.equal(await disconnected(gw.upstream), 0, 'the upstream is aborted')
  }
  const { gw } = await twoUpstreams(t, hang(), answer('other'), { route: { timeout: { first_token: '40ms' } } })
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['ttft', 'ok'])
})

test('U10 past the deadline of the request nothing more is tried', async t => {
  const { gw, second } = await twoUpstreams(t, hang(), answer(), { route: { timeout: '40ms' } })
  const told = await gw.chat()
  t.equal(told.status, 504)
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
  t.equal(told.headers['x-should-retry'], 'false')
  t.same(results(gw), ['deadline'])
  t.equal(second.requests.length, 0)
  t.equal(await disconnected(gw.upstream), 0)
})

test('U11 silence in the middle is an error event, or a 504 where nothing was sent', async t => {
  const gw = await createTestGateway(t, { upstream: broken(BEGUN, stall(9999)), route: { timeout: { idle: '40ms' } } })
  const told = await gw.chat({ stream: true })
  const toldAt = performance.now()
  t.equal(told.text, 'hello')
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
  t.notOk(told.done)
  t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'timeout' } })
  t.same(results(gw), ['idle'])
  t.equal(await disconnected(gw.upstream), 0)
  const [aborted] = gw.upstream.requests
  t.ok(aborted?.aborted)
  t.ok(aborted!.abortedAt! - toldAt < 100, 'the upstream is aborted at once')

  const { gw: whole } = await twoUpstreams(t, withFault(answer(), stall(20)), [withFault(answer(), stall(20)), answer('other')], {
    route: { timeout: { idle: '40ms' } }
  })
  const silent = await whole.chat()
  t.equal(silent.status, 504)
  t.match(silent.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
  t.same(results(whole), ['idle', 'idle'])
  t.equal((await whole.chat()).text, 'other')
})

test('U12 a drip without end is cut by the limit of the whole request', async t => {
  const gw = await createTestGateway(t, { upstream: broken(BEGUN.repeat(200), drip(40, 2)), route: { timeout: { total: '300ms' } } })
  const told = await gw.chat({ stream: true })
  t.match(told.text, /^hello/)
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_timeout' })
  t.notOk(told.done)
  t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'limit' } })
  t.same(results(gw), ['deadline'])
  t.equal(await disconnected(gw.upstream), 0)
})

test('U13 a stream that never stops is cut by its size', async t => {
  const source = await startFaultUpstream(t, endless(frame(event({ content: 'again and again ' }))))
  const gw = await createTestGateway(t, {
    plugins: { plan: planOf('big') },
    providers: { big: [...providerAt(source.origin), { max_response: '200kb' }] }
  })
  const told = await gw.chat({ stream: true })
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_too_large' })
  t.notOk(told.done)
  t.ok(told.raw.length <= 201 * 1024)
  t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'limit' } })
  t.same(results(gw), ['size'])
  t.equal(await disconnected(source), 0)
})

test('U13 an upstream that goes on after [DONE] is cut off, and the client has its answer', async t => {
  const tail = `${BEGUN}${frame(STOP)}${frame('[DONE]')}`
  for (const source of [broken(tail, stall(9999)), { ...sse(tail), endless: true }]) {
    const gw = await createTestGateway(t, { upstream: source })
    const told = await gw.chat({ stream: true })
    t.equal(told.text, 'hello')
    t.ok(told.done)
    t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' } })
    t.equal(await disconnected(gw.upstream), 0, 'the connection is not held for ever')
  }
})

test('U30 an error event inside a stream is passed on in the shape of the client', async t => {
  const shapes: { [name: string]: string } = {
    groq: 'event: error\ndata: {"error":{"message":"planted at /srv","type":"internal_server_error","status_code":500}}\n\n',
    'groq tool':
      'event: error\ndata: {"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","status_code":400}}\n\n',
    openrouter: frame({
      id: 'gen-1',
      object: 'chat.completion.chunk',
      provider: 'x',
      error: { code: 502, message: 'planted' },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }]
    }),
    'openrouter choice': frame({
      id: 'gen-1',
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error', error: { code: 502, message: 'planted' } }]
    }),
    openai: frame({ error: { message: 'The server had an error', type: 'server_error', param: null, code: null } }),
    vllm: frame({ object: 'error', message: 'planted', type: 'InternalServerError', code: 500 })
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const { gw, second } = await twoUpstreams(t, sse(BEGUN + shape + frame('[DONE]')), answer())
    const told = await gw.chat({ stream: true })
    t.equal(told.text, 'hello', name)
    t.match(
      told.error,
      name === 'groq tool'
        ? { type: 'invalid_request_error', code: 'tool_use_failed', message: 'Failed to call a function.' }
        : { ...SERVER_ERROR, code: 'upstream_error' },
      name
    )
    t.notOk(told.done, `${name}: no [DONE] after a failure, though the upstream sent one`)
    t.notOk(told.raw.includes('planted'), name)
    t.same(results(gw), ['soft_error'], name)
    t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'upstream_error' }, usage: { source: 'estimated' } }, name)
    t.equal(second.requests.length, 0)
    gw.upstream.use(sse(frame(ROLE) + shape))
    const early = await gw.chat({ stream: true })
    if (name === 'groq tool') t.equal(early.status, 400, 'an error of the request is told with its status')
    else t.equal(early.text, 'hi', `${name}: before any content the next target is tried`)
  }
})

test('U30 an error event together with content in one piece is no success', async t => {
  const gw = await createTestGateway(t, {
    upstream: reply({ headers: { 'content-type': 'text/event-stream' }, body: BEGUN + frame({ error: { message: 'm', code: 500 } }) })
  })
  const told = await gw.chat({ stream: true })
  t.equal(told.text, 'hello')
  t.match(told.error, { code: 'upstream_error' })
  t.same(results(gw), ['soft_error'])
})

test('U31 the last valid usage counts, and an estimate is marked as one', async t => {
  const usage = (fields: object): string => frame({ id: 'x', choices: [], usage: fields })
  const cases: [events: string, expected: object][] = [
    [usage({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }) + usage(USAGE), { ...USAGE, source: 'upstream' }],
    [usage(USAGE) + frame(event({ content: ' more' })), { ...USAGE, source: 'upstream' }],
    [usage(USAGE) + usage({ prompt_tokens: -5, completion_tokens: 2, total_tokens: -3 }), { ...USAGE, source: 'upstream' }],
    [usage({ prompt_tokens: 2 ** 53 + 2, completion_tokens: 1, total_tokens: 1 }), { source: 'estimated' }],
    [usage({ prompt_tokens: 'NaN', completion_tokens: 1.5 }), { source: 'estimated' }],
    ['', { source: 'estimated' }]
  ]
  for (const [events, expected] of cases) {
    const gw = await createTestGateway(t, { upstream: sse(BEGUN + frame(STOP) + events + frame('[DONE]')) })
    const told = await gw.chat({ stream: true })
    t.ok(told.done)
    t.match(gw.exchange.usage, expected, events)
    for (const count of [gw.exchange.usage.prompt_tokens, gw.exchange.usage.completion_tokens])
      t.ok(Number.isSafeInteger(count) && count! >= 0)
  }
})

test('U32 events out of order are passed on and flagged', async t => {
  const call = (index: unknown, fields: object): string => frame(event({ tool_calls: [{ index, ...fields }] }))
  const cases: { [name: string]: string } = {
    'two finish reasons': BEGUN + frame(STOP) + frame(event({}, 'length')),
    'content after the end': BEGUN + frame(STOP) + frame(event({ content: '?' })),
    'one choice twice':
      BEGUN +
      frame({
        id: 'x',
        choices: [
          { index: 0, delta: { content: 'a' } },
          { index: 0, delta: { content: 'b' } }
        ]
      }) +
      frame(STOP),
    'a bad index': BEGUN + frame({ id: 'x', choices: [{ index: -1, delta: { content: 'a' } }] }) + frame(STOP),
    'a call without a beginning': frame(ROLE) + call(3, { function: { arguments: '{"a"' } }) + call('x', {}) + frame(STOP),
    'choices of the wrong shape': BEGUN + frame({ id: 'x', choices: [null, 5, { index: 0, delta: 'text' }] }) + frame(STOP)
  }
  for (const [name, events] of Object.entries(cases)) {
    const gw = await createTestGateway(t, { upstream: sse(events + frame('[DONE]')) })
    const told = await gw.chat({ stream: true, stream_options: { include_usage: true } })
    t.equal(told.status, 200, name)
    t.equal(told.raw.toString(), events + frame('[DONE]'), `${name}: byte for byte`)
    t.match(gw.exchange, { outcome: 'ok', warnings: ['anomaly'] }, name)
    t.equal(gw.count('headgate_anomaly_total', { upstream: 'upstream' }), 1)
  }
})

test('usage is asked for in every stream and hidden from those who did not ask', async t => {
  const stream = sse([ROLE, event({ content: 'hi' }), STOP, USAGE_EVENT])
  const gw = await createTestGateway(t, { upstream: stream })
  const asked = (at: number): unknown =>
    (JSON.parse(gw.upstream.requests[at]!.body.toString()) as { stream_options?: unknown }).stream_options
  const plain = await gw.chat({ stream: true, stream_options: { include_obfuscation: false } })
  t.same(asked(0), { include_obfuscation: false, include_usage: true }, 'what the client says stays')
  t.notOk(plain.raw.includes('prompt_tokens'))
  t.ok(plain.done)
  const asking = await gw.chat({ stream: true, stream_options: { include_usage: true } })
  t.match(asking.chunks.at(-1), { choices: [], usage: USAGE })
  await gw.chat({ stream: true, stream_options: { include_usage: false } })
  t.same(asked(2), { include_usage: true })
  for (const exchange of gw.exchanges) t.match(exchange.usage, { ...USAGE, source: 'upstream' })
  gw.upstream.use(answer())
  await gw.chat()
  t.equal(asked(3), undefined, 'only streams')
})

test('comments keep a waiting client alive, and do not end the search for an answer', async t => {
  const { gw } = await twoUpstreams(
    t,
    async () => {
      await new Promise(done => setTimeout(done, 40))
      return refusal(503, { message: 'm' })
    },
    sse([ROLE, event({ content: 'other' }), STOP]),
    { server: { heartbeat: '10ms' } }
  )
  const told = await gw.chat({ stream: true })
  t.equal(told.status, 200)
  t.match(told.raw.toString(), /^(: ping\n\n)+data: /)
  t.equal(told.text, 'other', 'the fallback happens after the first comment')
  t.ok(told.done)
  t.same(results(gw), ['5xx', 'ok'])
})

test('comments fill silences inside an answer without cutting an event', async t => {
  const text = BEGUN + frame(STOP) + frame('[DONE]')
  const gw = await createTestGateway(t, { upstream: withFault(sse(text), drip(150, 30)), server: { heartbeat: '8ms' } })
  const told = await gw.chat({ stream: true, stream_options: { include_usage: true } })
  const raw = told.raw.toString()
  t.ok(raw.split(': ping\n\n').length > 3)
  t.equal(raw.replaceAll(': ping\n\n', ''), text)
  t.notMatch(raw.slice(raw.indexOf('[DONE]')), /ping/)
})

test('a stream that flows gets no comments', async t => {
  const gw = await createTestGateway(t, {
    upstream: withFault(sse(BEGUN.repeat(25) + frame(STOP) + frame('[DONE]')), drip(200, 4)),
    server: { heartbeat: '60ms' }
  })
  const told = await gw.chat({ stream: true })
  t.ok(gw.exchange.timing.total_latency_ms > 120, 'longer than two silences')
  t.ok(told.raw.toString().split(': ping').length <= 2, 'each piece begins the silence anew')
})

test('after a comment a failure is an event with the right end in the record', async t => {
  const ends: [fault: Reply, timeout: object, end: string, code: string][] = [
    [resetAt('request'), {}, 'upstream_error', 'upstream_reset'],
    [hang(), { first_token: '40ms' }, 'timeout', 'upstream_timeout'],
    [hang(), { total: '40ms' }, 'limit', 'upstream_timeout']
  ]
  for (const [fault, timeout, end, code] of ends) {
    const gw = await createTestGateway(t, {
      upstream: async () => {
        await new Promise(done => setTimeout(done, 25))
        return fault
      },
      server: { heartbeat: '5ms' },
      route: { timeout }
    })
    const told = await gw.chat({ stream: true })
    t.equal(told.status, 200)
    t.match(told.error, { ...SERVER_ERROR, code })
    t.notOk(told.done)
    t.match(gw.exchange, { outcome: 'failed', response: { status_code: 200, stream_end: end } })
  }
})

test('no comment goes to clients that do not stream, and none where they are off', async t => {
  const late = async (): Promise<Reply> => {
    await new Promise(done => setTimeout(done, 30))
    return answer()
  }
  const gw = await createTestGateway(t, { upstream: late, server: { heartbeat: '5ms' } })
  t.notMatch((await gw.chat()).raw.toString(), /ping/)
  const off = await createTestGateway(t, { upstream: late, server: { heartbeat: '0s' } })
  t.notMatch((await off.chat({ stream: true })).raw.toString(), /ping/)
})
