import { performance } from 'node:perf_hooks'
import { test } from 'tap'
import { createTestGateway, hang, reply, sse, stall, withFault, type TestGateway } from '@headgate/api/test'
import { rawChat, rawClient, type RawClient } from './raw-client.ts'

const ANSWER = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }
}
const NEVER_ENDS = 1e9

function delta(content: string): { [field: string]: unknown } {
  return { id: 'x', choices: [{ index: 0, delta: { content }, finish_reason: null }] }
}

/** Both ways to go away: a reset, and a close, which on the wire begins like a half-close. */
const WAYS: { readonly [name: string]: (client: RawClient) => unknown } = {
  reset: client => client.socket.resetAndDestroy(),
  close: client => client.socket.destroy()
}

/** Milliseconds from now until the upstream sees its last request aborted. */
async function abortTime(gw: TestGateway, leave: () => unknown): Promise<number> {
  const since = performance.now()
  leave()
  const request = gw.upstream.requests.at(-1)!
  await gw.upstream.until(() => request.aborted)
  return request.abortedAt! - since
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

for (const [name, leave] of Object.entries(WAYS)) {
  test(`C1 a disconnect (${name}) before the upstream's headers aborts the upstream within 100 ms and is recorded as 499`, async t => {
    const gw = await createTestGateway(t, { upstream: hang(), listen: true, route: { retry: { max_attempts: 3 } } })
    const times: number[] = []
    for (let i = 1; i <= 9; i++) {
      const client = await rawClient(t, gw.url)
      client.send(rawChat({ stream: i % 2 === 0 }))
      await gw.upstream.until(() => gw.upstream.requests.length === i)
      times.push(await abortTime(gw, () => leave(client)))
      await gw.settled()
      t.equal(gw.exchanges.length, i, 'one record')
      t.match(gw.exchange, {
        outcome: 'client_closed',
        error: { source: 'client', code: 'client_closed' },
        response: { status_code: 499, body_bytes: 0 },
        provider: { attempts: [{ number: 1, result: 'client_closed', status: null }] }
      })
      t.equal(gw.exchange.provider.attempts.length, 1, 'no retry')
    }
    t.ok(median(times) <= 100, `aborted after ${median(times).toFixed(1)} ms`)
    t.equal(gw.upstream.requests.length, 9)
    t.equal(gw.count('headgate_requests_total', { outcome: 'client_closed' }), 9)
  })

  test(`C2 a disconnect (${name}) in mid-stream aborts the upstream, and the usage is the upstream's or an estimate`, async t => {
    const usage = { id: 'x', choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } }
    const silent = withFault(sse([delta('hello '), delta('world')]), stall(NEVER_ENDS))
    const counted = withFault(sse([delta('hello '), usage, delta('world')]), stall(NEVER_ENDS))
    const gw = await createTestGateway(t, {
      upstream: Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? withoutEnd(silent) : withoutEnd(counted))),
      listen: true
    })
    const times: number[] = []
    for (let i = 1; i <= 8; i++) {
      const client = await rawClient(t, gw.url)
      client.send(rawChat({ stream: true }))
      await client.until(() => client.text.includes('world'))
      times.push(await abortTime(gw, () => leave(client)))
      await gw.settled()
      t.equal(gw.exchanges.length, i, 'one record')
      t.match(gw.exchange, {
        outcome: 'client_closed',
        response: { status_code: 200, stream_end: 'client_closed', body: { choices: [{ message: { content: 'hello world' } }] } },
        provider: { attempts: [{ status: 200, result: 'client_closed' }] }
      })
      if (i % 2 === 0) t.match(gw.exchange.usage, { source: 'upstream', prompt_tokens: 7, completion_tokens: 2 })
      else t.match(gw.exchange.usage, { source: 'estimated', completion_tokens: 3 })
    }
    t.ok(median(times) <= 100, `aborted after ${median(times).toFixed(1)} ms`)
    t.equal(gw.count('headgate_stream_end_total', { reason: 'client_closed' }), 8)
  })
}

/** Without `[DONE]`, so that the stream is still open after its last event. */
function withoutEnd(answer: ReturnType<typeof sse>): ReturnType<typeof sse> {
  return { ...answer, payload: answer.payload.filter(piece => !piece.includes('[DONE]')) }
}

test('C1 a disconnect while the body is sent leaves one record and nothing upstream', async t => {
  const gw = await createTestGateway(t, { upstream: reply({ json: ANSWER }), listen: true })
  const client = await rawClient(t, gw.url)
  client.send(rawChat().subarray(0, -5), '')
  const other = await rawClient(t, gw.url)
  await other.send(rawChat()).answer()
  client.socket.resetAndDestroy()
  while (gw.exchanges.length < 2) await new Promise(resolve => setTimeout(resolve, 1))
  t.match(gw.exchange, { outcome: 'client_closed', response: { status_code: 499 }, provider: { attempts: [] } })
  t.equal(gw.upstream.requests.length, 1)
})

test('C1 a disconnect during a hook ends the wait for it', async t => {
  const { definePlugin } = await import('@headgate/api')
  const aborted: boolean[] = []
  let entered = false
  const slow = definePlugin({
    name: 'slow',
    apiVersion: 1,
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    setup: () => ({
      guard: ctx =>
        new Promise<void>(resolve => {
          entered = true
          ctx.signal.addEventListener('abort', () => {
            aborted.push(true)
            resolve()
          })
        })
    })
  })
  const gw = await createTestGateway(t, {
    upstream: reply({ json: ANSWER }),
    plugins: { slow },
    steps: { slow: { timeout: '60s' } },
    listen: true
  })
  const client = await rawClient(t, gw.url)
  client.send(rawChat())
  while (!entered) await new Promise(resolve => setTimeout(resolve, 1))
  client.socket.resetAndDestroy()
  while (gw.exchanges.length < 1) await new Promise(resolve => setTimeout(resolve, 1))
  t.match(gw.exchange, { outcome: 'client_closed', response: { status_code: 499 }, provider: { attempts: [] } })
  t.strictSame(aborted, [true])
  t.equal(gw.upstream.requests.length, 0)
})

test('C3 a client that has only finished sending gets its whole answer', async t => {
  const gw = await createTestGateway(t, {
    upstream: async () => {
      for (let i = 0; i < 6; i++) await new Promise(resolve => setTimeout(resolve, 40))
      return reply({ json: ANSWER })
    },
    listen: true
  })
  const whole = await rawClient(t, gw.url, { allowHalfOpen: true })
  whole.send(rawChat()).socket.end()
  const answer = await whole.answer()
  t.equal(answer.status, 200)
  t.strictSame(JSON.parse(answer.body), ANSWER)
  t.match(whole.text, /^HTTP\/1\.1 102 /, 'it was asked whether it is still there')
  await gw.settled()
  t.match(gw.exchange, { outcome: 'ok', response: { status_code: 200 } })
  t.notOk(gw.upstream.requests[0]!.aborted)

  gw.upstream.use(
    sse([delta('one '), delta('two '), delta('three'), { id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }], {
      delayMs: 45
    })
  )
  const stream = await rawClient(t, gw.url, { allowHalfOpen: true })
  stream.send(rawChat({ stream: true }))
  await stream.until(() => stream.text.includes('one '))
  stream.socket.end()
  const streamed = await stream.answer()
  t.ok(streamed.complete)
  t.match(streamed.body, /: ping\n\n/, 'comments were sent to see whether it is still there')
  t.strictSame(
    events(streamed.body)
      .slice(0, 3)
      .map(event => (JSON.parse(event) as { choices: { delta: { content: string } }[] }).choices[0]!.delta.content),
    ['one ', 'two ', 'three']
  )
  t.equal(events(streamed.body).at(-1), '[DONE]')
  await gw.settled()
  t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' } })
})

function events(body: string): string[] {
  return body
    .split('\n\n')
    .filter(frame => frame.startsWith('data: '))
    .map(frame => frame.slice(6))
}

test('C3 pipelined requests of a client that has finished sending are all answered', async t => {
  const gw = await createTestGateway(t, { upstream: reply({ json: ANSWER }), listen: true })
  const client = await rawClient(t, gw.url, { allowHalfOpen: true })
  client.send(Buffer.concat([rawChat(), rawChat(), rawChat()])).socket.end()
  await client.answer(2)
  t.strictSame(
    client.answers.map(({ status }) => status),
    [200, 200, 200]
  )
  await gw.settled()
  t.match(
    gw.exchanges.map(({ outcome }) => outcome),
    ['ok', 'ok', 'ok']
  )
})

for (const stream of [false, true]) {
  test(`C3 a client that goes away after its half-close is noticed ${stream ? 'in mid-stream' : 'before the head'}`, async t => {
    const gw = await createTestGateway(t, {
      upstream: stream ? withoutEnd(withFault(sse([delta('hello')]), stall(NEVER_ENDS))) : hang(),
      listen: true
    })
    const client = await rawClient(t, gw.url, { allowHalfOpen: true })
    client.send(rawChat({ stream }))
    await gw.upstream.until(() => gw.upstream.requests.length === 1)
    if (stream) await client.until(() => client.text.includes('hello'))
    client.socket.end()
    await client.until(() => client.text.includes(stream ? ': ping' : ' 102 '))
    t.notOk(gw.upstream.requests[0]!.aborted, 'the half-close alone aborts nothing')
    t.ok((await abortTime(gw, () => client.socket.destroy())) < 2500)
    await gw.settled()
    t.match(gw.exchange, { outcome: 'client_closed' })
  })
}

test('C3 a client of HTTP/1.0 never gets an interim response', async t => {
  const gw = await createTestGateway(t, {
    upstream: async () => {
      for (let i = 0; i < 3; i++) await new Promise(resolve => setTimeout(resolve, 40))
      return reply({ json: ANSWER })
    },
    listen: true
  })
  const client = await rawClient(t, gw.url, { allowHalfOpen: true })
  client.send(rawChat().toString().replace('HTTP/1.1', 'HTTP/1.0')).socket.end()
  t.equal((await client.answer()).status, 200)
  t.notMatch(client.text, / 102 /)
})
