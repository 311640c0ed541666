import { inspect } from 'node:util'
import { Secret } from '@headgate/api'
import { test } from 'tap'
import { endless, hang, reply, sse, startFaultUpstream, withFault, slice, drip, stall, fin } from '../../core/api/test/upstream.ts'
import { createDispatcher, type BodySink, type UpstreamFailure, type UpstreamResponse } from '../../core/upstream/index.ts'
import { failureOf, openUpstream, request, text, turns } from './upstream-setup.ts'

class Recorder implements BodySink {
  readonly events: string[] = []
  bytes = 0
  chunks = 0
  onData: () => void = () => {}
  readonly ended: Promise<void>
  #resolve: () => void = () => {}

  constructor() {
    this.ended = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  data(chunk: Buffer): void {
    this.bytes += chunk.length
    this.chunks++
    this.onData()
  }

  end(): void {
    this.events.push('end')
    this.#resolve()
  }

  error(failure: Error): void {
    this.events.push((failure as UpstreamFailure).result)
    this.#resolve()
  }
}

function record(response: UpstreamResponse, limit?: number): Recorder {
  const recorder = new Recorder()
  response.pipe(recorder, limit)
  return recorder
}

test('the request arrives as it was given', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'ok' }))
  const upstream = openUpstream(t, target.origin)
  const headers = {
    'content-type': 'application/json',
    'X-Api-Key': new Secret('sk-planted'),
    Host: 'evil.example',
    connection: 'upgrade',
    'content-length': '3',
    'transfer-encoding': 'chunked',
    expect: '100-continue'
  }
  const response = await request(upstream, { path: '/v1/x?y=%20z', headers, body: Buffer.from('{"ü":1}') })
  t.equal(await text(response), 'ok')
  const [received] = target.requests
  t.match(received, { method: 'POST', path: '/v1/x?y=%20z', body: Buffer.from('{"ü":1}') })
  t.strictSame(received?.headers, {
    host: new URL(target.origin).host,
    connection: 'keep-alive',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'x-api-key': 'sk-planted',
    'user-agent': 'headgate',
    'content-length': '8'
  })
  t.notMatch(inspect(response, { depth: 9, showHidden: true }), /planted/, 'the answer does not hold the secret')
  await text(await request(upstream, { method: 'GET', body: null, headers: { 'user-agent': 'mine' } }))
  t.equal(target.requests[1]?.headers['content-length'], undefined)
  t.equal(target.requests[1]?.headers['user-agent'], 'mine')
})

test('a body is whole however it is cut on the wire', async t => {
  const body = JSON.stringify({ text: 'größer 🙂 '.repeat(20) })
  const target = await startFaultUpstream(t, [
    withFault(reply({ body }), slice([1])),
    withFault(reply({ body }), slice([13, 200, 7])),
    withFault(reply({ body, framing: 'chunked' }), slice([3])),
    withFault(reply({ body }), drip(100, 1)),
    reply({ body: [] }),
    reply({ status: 204 })
  ])
  const upstream = openUpstream(t, target.origin)
  for (let i = 0; i < 4; i++) t.equal(await text(await request(upstream)), body)
  for (let i = 0; i < 2; i++) t.equal(await text(await request(upstream)), '')
})

test('what has arrived before the body is taken is not lost', async t => {
  const target = await startFaultUpstream(t, [
    sse(['a', 'b']),
    withFault(sse(['a', 'b']), fin(9)),
    withFault(reply({ body: 'abcdef' }), fin(3))
  ])
  const upstream = openUpstream(t, target.origin)
  for (const [bytes, end] of [
    [32, 'end'],
    [9, 'reset_mid'],
    [3, 'reset_mid']
  ] as const) {
    const response = await request(upstream)
    await turns(10)
    const recorder = record(response)
    await recorder.ended
    t.equal(recorder.bytes, end === 'end' ? 'data: a\n\ndata: b\n\ndata: [DONE]\n\n'.length : bytes)
    t.strictSame(recorder.events, [end])
    t.throws(() => response.pipe(recorder), /taken/)
  }
})

test('pause stops the flow down to the socket and resume continues it', async t => {
  const piece = 'x'.repeat(16_384)
  const target = await startFaultUpstream(t, endless(piece))
  const upstream = openUpstream(t, target.origin)
  const response = await request(upstream)
  const recorder = new Recorder()
  recorder.onData = () => {
    if (recorder.chunks === 1) response.pause()
  }
  response.pipe(recorder, 20_000_000)
  await turns(50)
  t.equal(recorder.chunks, 1, 'no data while paused')
  response.resume()
  await recorder.ended
  t.strictSame(recorder.events, ['size'])
  t.ok(recorder.bytes > 19_000_000 && recorder.bytes <= 20_000_000, `${recorder.bytes} bytes`)
  await target.until(() => target.sockets === 0)
})

test('1,000 pauses lose nothing, and the end waits for the reader', async t => {
  const frames = Array.from({ length: 1000 }, (_, i) => `frame ${i}`)
  const target = await startFaultUpstream(t, sse(frames))
  const response = await request(openUpstream(t, target.origin))
  const recorder = new Recorder()
  recorder.onData = () => {
    response.pause()
    setImmediate(() => response.resume())
  }
  response.pipe(recorder)
  await recorder.ended
  t.equal(recorder.chunks, 1001)
  t.strictSame(recorder.events, ['end'])
})

test('an answer nobody reads fills no memory', async t => {
  const target = await startFaultUpstream(t, endless('x'.repeat(65_536)))
  const response = await request(openUpstream(t, target.origin))
  const before = process.memoryUsage()
  await turns(200)
  const after = process.memoryUsage()
  t.ok(after.external + after.arrayBuffers - before.external - before.arrayBuffers < 16_000_000)
  response.abort()
  await target.until(() => target.sockets === 0)
})

test('stats count what waits and what runs', async t => {
  const target = await startFaultUpstream(t, withFault(sse(['a']), stall(0)))
  const upstream = openUpstream(t, target.origin, { connections: 2 })
  const controller = new AbortController()
  const { signal } = controller
  const calls = [request(upstream, { signal }), request(upstream, { signal }), request(upstream, { signal })]
  await target.until(() => target.requests.length === 2)
  await turns(5)
  t.strictSame(upstream.stats(), { connected: 2, pending: 1, running: 2 })
  controller.abort()
  t.strictSame(
    (await Promise.allSettled(calls)).map(call => call.status),
    ['fulfilled', 'fulfilled', 'rejected']
  )
  await target.until(() => target.sockets === 0)
  t.strictSame(upstream.stats(), { connected: 0, pending: 0, running: 0 })
  t.equal(target.connections, 2, 'none was made for the request that nobody waited for')
})

test('upstreams with equal options share their connections until the last one is closed', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'ok' }))
  const dispatcher = createDispatcher()
  const options = { origin: target.origin, connections: 1, keepAliveMs: 5_000, connectTimeoutMs: 1_000, allowPrivate: true }
  const one = dispatcher.open(options)
  const two = dispatcher.open({ ...options, origin: `${target.origin}/` })
  await text(await request(one))
  await text(await request(two))
  t.equal(target.connections, 1)
  await one.close()
  await one.close()
  t.match(await failureOf(request(one)), { result: 'closed', retryClass: 'A' })
  t.equal(await text(await request(two)), 'ok')
  await two.close()
  await target.until(() => target.sockets === 0)
  const again = dispatcher.open(options)
  t.equal(await text(await request(again)), 'ok')
  await dispatcher.close(new AbortController().signal)
  t.match(await failureOf(request(again)), { result: 'closed' })
  t.throws(() => dispatcher.open(options), /closed/)
})

test('closing lets running requests end until the deadline and then cuts them', async t => {
  const target = await startFaultUpstream(t, [sse(['a', 'b', 'c'], { delayMs: 5 }), hang(), withFault(sse(['a', 'b']), stall(9))])
  const dispatcher = createDispatcher()
  const upstream = dispatcher.open({
    origin: target.origin,
    connections: 5,
    keepAliveMs: 5_000,
    connectTimeoutMs: 1_000,
    allowPrivate: true
  })
  const ending = await request(upstream)
  const silent = failureOf(request(upstream))
  await target.until(() => target.requests.length === 2)
  const streaming = record(await request(upstream))
  const deadline = new AbortController()
  const closed = dispatcher.close(deadline.signal)
  t.match(await text(ending), /data: c\n\ndata: \[DONE\]/)
  t.match(await failureOf(request(upstream)), { result: 'closed' })
  t.strictSame(streaming.events, [], 'still open')
  deadline.abort()
  await closed
  t.match(await silent, { result: 'reset_pre' })
  await streaming.ended
  t.strictSame(streaming.events, ['reset_mid'])
  await target.until(() => target.sockets === 0)
})
