import { channel } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { definePlugin, defineProvider, type Plugin, type Provider } from '@headgate/api'
import { test } from 'tap'
import {
  createTestGateway,
  cut,
  endless,
  garbage,
  hang,
  reply,
  reset,
  resetAt,
  sse,
  stall,
  startFaultUpstream,
  withFault,
  type Source,
  type Teardown
} from '@headgate/api/test'
import { answer, disconnected, event, frame, planOf, refusal, ROLE, STOP, until } from './upstream-cases.ts'

const PIECE = frame(event({ content: 'again and again '.repeat(500) }))
const LIMIT = 256 * 1024
const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const

/** Bytes of the buffers that somebody holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().arrayBuffers
}

/** The same, once it no longer changes. */
async function steadyBytes(): Promise<number> {
  for (let last = -1; ; ) {
    const now = heldBytes()
    if (Math.abs(now - last) < 1024) return now
    last = now
    await new Promise(done => setTimeout(done, 50))
  }
}

/** A client that asks for a stream and reads nothing until it is told to. */
function silentClient(t: Teardown, url: string): Socket {
  const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'x' }] })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.pause()
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  )
  t.teardown(() => socket.destroy())
  return socket
}

/** The answers that the gateway under test is writing. */
function responses(t: Teardown): ServerResponse[] {
  const open: ServerResponse[] = []
  const started = channel('http.server.request.start')
  const note = (message: unknown): void => {
    open.push((message as { response: ServerResponse }).response)
  }
  started.subscribe(note)
  t.teardown(() => started.unsubscribe(note))
  return open
}

/** A provider in the process that counts what is taken from it. */
function fountain(taken: { bytes: number }): Provider {
  const piece = Buffer.from(PIECE)
  async function* flow(): AsyncGenerator<Buffer> {
    for (;;) {
      taken.bytes += piece.length
      yield piece
      await new Promise(done => setImmediate(done))
    }
  }
  return defineProvider({
    name: 'fountain',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      operations: { chat: { path: '/' } },
      answer: () => ({ status: 200, headers: { 'content-type': 'text/event-stream' }, body: flow() })
    })
  })
}

test('C4 a client that does not read stops the upstream, and reading on starts it again', async t => {
  const taken = { bytes: 0 }
  const open = responses(t)
  const gw = await createTestGateway(t, { listen: true, providers: { upstream: [fountain(taken)] } })
  const client = silentClient(t, gw.url)
  let stopped = -1
  while (stopped !== taken.bytes || open[0]?.writableNeedDrain !== true) {
    if (taken.bytes > 60_000_000) throw new Error('the upstream was never stopped')
    stopped = taken.bytes
    await new Promise(done => setTimeout(done, 50))
  }
  t.ok(open[0]!.writableLength <= LIMIT, `${open[0]!.writableLength} bytes wait for the client`)
  client.resume()
  await until(() => taken.bytes > stopped + 20_000_000)
  client.destroy()
  await gw.settled()
  t.match(gw.exchange, { outcome: 'client_closed', response: { stream_end: 'client_closed' } })
})

test('C4 streams whose clients do not read hold at most 256 KB each', async t => {
  const count = 10
  const direct = await startFaultUpstream(t, endless(PIECE))
  const start = await steadyBytes()
  const straight = Array.from({ length: count }, () => silentClient(t, direct.origin))
  await direct.until(() => direct.requests.length === count)
  const own = (await steadyBytes()) - start
  for (const client of straight) client.destroy()
  await disconnected(direct)

  const open = responses(t)
  const gw = await createTestGateway(t, { listen: true, upstream: endless(PIECE), server: { heartbeat: '5ms' } })
  const before = await steadyBytes()
  const clients = Array.from({ length: count }, () => silentClient(t, gw.url))
  await until(() => open.length === count && open.every(response => response.writableNeedDrain))
  const each = ((await steadyBytes()) - before - own) / count
  t.ok(each <= LIMIT, `${Math.round(each / 1024)} KB in the gateway for each stream`)
  for (const response of open) t.ok(response.writableLength <= LIMIT)
  for (const client of clients) client.destroy()
  t.equal(await disconnected(gw.upstream), 0, 'the upstreams are aborted')
  await gw.settled()
  t.equal(gw.exchanges.length, count)
})

test('C4 a client that does not read for too long is cut, comments or not', async t => {
  for (const heartbeat of ['5ms', '0s']) {
    const gw = await createTestGateway(t, {
      listen: true,
      upstream: endless(PIECE),
      server: { heartbeat, timeout: { write_stall: '50ms' } }
    })
    const client = silentClient(t, gw.url)
    await gw.upstream.until(() => gw.upstream.requests[0]?.aborted === true)
    await gw.settled()
    t.match(
      gw.exchange,
      { response: { stream_end: 'limit' }, error: { source: 'client', code: 'client_stalled' } },
      `heartbeat ${heartbeat}`
    )
    t.equal(await disconnected(gw.upstream), 0)
    client.destroy()
  }
})

test('C4 while a guard still thinks, little of the answer is taken from the upstream', async t => {
  const taken = { bytes: 0 }
  let agree: () => void = () => undefined
  const slow: Plugin = definePlugin({
    name: 'slow',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      guard: () =>
        new Promise<void>(resolve => {
          agree = resolve
        })
    })
  })
  const gw = await createTestGateway(t, {
    listen: true,
    plugins: { slow: [slow, {}, { timeout: '5s' }] },
    steps: { slow: { overlap: true } },
    providers: { upstream: [fountain(taken)] }
  })
  const client = silentClient(t, gw.url)
  client.resume()
  await until(() => taken.bytes > LIMIT)
  await new Promise(done => setTimeout(done, 50))
  t.ok(taken.bytes < LIMIT + 2 * PIECE.length, `${taken.bytes} bytes taken`)
  agree()
  await until(() => taken.bytes > 5_000_000)
  client.destroy()
  await gw.settled()
})

test('what came while a guard was thinking is sent once it agrees, and the rest follows', async t => {
  let agree: () => void = () => undefined
  const slow: Plugin = definePlugin({
    name: 'slow',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      guard: () =>
        new Promise<void>(resolve => {
          agree = resolve
        })
    })
  })
  const text = PIECE.repeat(100) + frame(STOP) + frame('[DONE]')
  const gw = await createTestGateway(t, {
    upstream: sse(text, { split: 8192 }),
    plugins: { slow: [slow, {}, { timeout: '5s' }] },
    steps: { slow: { overlap: true } }
  })
  const asking = gw.chat({ stream: true, stream_options: { include_usage: true } })
  await gw.upstream.until(() => gw.upstream.requests.length === 1)
  await new Promise(done => setTimeout(done, 40))
  agree()
  t.ok((await asking).raw.equals(Buffer.from(text)))
})

test('a slow client does not count as a silent upstream', async t => {
  const open = responses(t)
  const gw = await createTestGateway(t, { listen: true, upstream: endless(PIECE), route: { timeout: { idle: '200ms' } } })
  const client = silentClient(t, gw.url)
  let since = performance.now()
  await until(() => {
    if (open[0]?.writableNeedDrain !== true) since = performance.now()
    return performance.now() - since > 300
  })
  t.equal(gw.exchanges.length, 0, 'still open after more than the idle time')
  client.destroy()
  await gw.settled()
  t.equal(gw.exchange.response.stream_end, 'client_closed')
})

const FAILURES: { readonly [name: string]: Source } = {
  'reset before the answer': resetAt(),
  'reset in a body': withFault(answer(), reset(30)),
  'reset in a stream': withFault(sse(frame(ROLE) + PIECE), reset(9000)),
  'cut stream': withFault(sse(frame(ROLE) + PIECE), cut(9000)),
  silence: hang(),
  'silence in a body': withFault(answer(), stall(20)),
  'silence in a stream': withFault(sse(frame(ROLE) + PIECE), stall(8500)),
  'error status': refusal(500, { message: 'm' }),
  'error without end': withFault(refusal(500, { message: 'm' }), stall(5)),
  'error body without limit': { ...endless('x'.repeat(5000), 'application/json'), status: 500 },
  'error event': sse(frame(event({ content: 'a' })) + frame({ error: { message: 'm' } })),
  garbage: garbage(),
  'garbage in a stream': sse(frame(event({ content: 'a' })) + 'data: {{{\n\n'),
  'marker without end': withFault(sse(frame(event({ content: 'a' })) + frame('[DONE]')), stall(9999)),
  page: reply({ headers: { 'content-type': 'text/html' }, body: '<p>' })
}

test('no failure leaves a connection, a timer or a request behind', async t => {
  for (const [name, source] of Object.entries(FAILURES)) {
    const gw = await createTestGateway(t, {
      upstream: source,
      plugins: { plan: planOf('upstream', { provider: 'upstream', model: 'other' }) },
      route: { timeout: { first_token: '30ms', idle: '30ms' } }
    })
    await gw.chat()
    const held = (): string[] =>
      process.getActiveResourcesInfo().filter(kind => kind === 'Timeout' || kind === 'Immediate' || kind.startsWith('TCPSocket'))
    await Promise.all([false, true, false, true].map(stream => gw.chat({ stream })))
    t.equal(gw.exchanges.length, 5, `${name}: one record for each request`)
    t.ok(
      gw.exchanges.every(({ outcome, provider }) => outcome !== 'crashed' && provider.attempts.every(({ result }) => result !== 'pending')),
      name
    )
    await gw.close()
    await until(() => held().length === 0)
    t.same(held(), [], `${name}: nothing is left`)
  }
})

test('a connection whose answer was given up is closed, not kept', async t => {
  for (const name of [
    'reset in a stream',
    'silence',
    'silence in a body',
    'silence in a stream',
    'error without end',
    'error body without limit',
    'marker without end'
  ] as const) {
    const gw = await createTestGateway(t, { upstream: FAILURES[name]!, route: { timeout: { first_token: '150ms', idle: '30ms' } } })
    await Promise.all([true, false, true].map(stream => gw.chat({ stream })))
    t.equal(await disconnected(gw.upstream), 0, name)
  }
})
