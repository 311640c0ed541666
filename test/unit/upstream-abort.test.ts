import { getEventListeners } from 'node:events'
import { test, type Test } from 'tap'
import { hang, reply, sse, stall, startFaultUpstream, withFault, type Source, type Teardown } from '../../core/api/test/upstream.ts'
import { UpstreamFailure, type Lookup, type Upstream } from '../../core/upstream/index.ts'
import { failureOf, openUpstream, request, text, turns } from './upstream-setup.ts'

const CLOSED = { retryClass: 'C', code: 'client_closed', result: 'client_closed' }

async function silent(t: Teardown, connections: number, source: Source = hang()) {
  const target = await startFaultUpstream(t, source)
  return { target, upstream: openUpstream(t, target.origin, { connections }) }
}

/** Starts requests, aborts each after `ready`, and checks that nothing is left of them. */
async function abortMany(t: Test, upstream: Upstream, count: number, ready: () => Promise<void>): Promise<void> {
  const controllers = Array.from({ length: count }, () => new AbortController())
  const calls = controllers.map(({ signal }) => failureOf(request(upstream, { signal }).then(response => response.read(1e6))))
  await ready()
  for (const controller of controllers) controller.abort()
  const failures = await Promise.all(calls)
  t.ok(failures.every(failure => failure.result === 'client_closed' && failure.retryClass === 'C'))
  t.ok(
    controllers.every(({ signal }) => getEventListeners(signal, 'abort').length === 0),
    'no listener left'
  )
  t.match(upstream.stats(), { pending: 0, running: 0 })
}

test('an abort of a sent request closes its connection at once, 250 times', async t => {
  const { target, upstream } = await silent(t, 250)
  await abortMany(t, upstream, 250, () => target.until(() => target.requests.length === 250))
  await target.until(() => target.sockets === 0)
  t.ok(target.requests.every(received => received.aborted))
})

test('an abort in the middle of an answer closes its connection at once, 250 times', async t => {
  const { target, upstream } = await silent(t, 250, withFault(sse(['a', 'b']), stall(9)))
  await abortMany(t, upstream, 250, async () => {
    await target.until(() => target.requests.length === 250)
    await turns(20)
  })
  await target.until(() => target.sockets === 0)
  t.equal(upstream.stats().connected, 0)
})

test('an abort while connecting closes the connection at once, 250 times', async t => {
  const target = await startFaultUpstream(
    t,
    Array.from({ length: 300 }, () => hang('connect'))
  )
  const upstream = openUpstream(t, `https://127.0.0.1:${target.port}`, { connections: 250, connectTimeoutMs: 0 })
  await abortMany(t, upstream, 250, () => target.until(() => target.sockets === 250))
  await target.until(() => target.sockets === 0)
})

test('an abort in the queue is answered at once and the request never sent, 250 times', async t => {
  const { target, upstream } = await silent(t, 1, [hang(), reply({ body: 'next' })])
  const first = new AbortController()
  const running = failureOf(request(upstream, { signal: first.signal }))
  await target.until(() => target.requests.length === 1)
  const controllers = Array.from({ length: 250 }, () => new AbortController())
  const calls = controllers.map(({ signal }) => failureOf(request(upstream, { signal, path: '/queued' })))
  t.match(upstream.stats(), { pending: 250, running: 1 })
  for (const controller of controllers) controller.abort()
  for (const failure of await Promise.all(calls)) if (failure.result !== 'client_closed') t.fail(failure.result)
  t.match(upstream.stats(), { pending: 0, running: 1 })
  t.ok(controllers.every(({ signal }) => getEventListeners(signal, 'abort').length === 0))
  const next = request(upstream, { path: '/next' })
  first.abort()
  t.match(await running, CLOSED)
  t.equal(await text(await next), 'next')
  t.strictSame(
    target.requests.map(received => received.path),
    ['/v1/chat/completions', '/next']
  )
  t.equal(target.connections, 2, 'the dropped requests cost no connection')
})

test('an abort while the name is resolved is answered at once', async t => {
  const upstream = openUpstream(t, 'http://slow.example', {}, { lookup: (() => {}) as unknown as Lookup })
  const controller = new AbortController()
  const call = failureOf(request(upstream, { signal: controller.signal }))
  await turns()
  controller.abort()
  t.match(await call, CLOSED)
})

test('a signal that is aborted already sends nothing', async t => {
  const { target, upstream } = await silent(t, 1)
  t.match(await failureOf(request(upstream, { signal: AbortSignal.abort() })), CLOSED)
  t.equal(target.connections, 0)
})

test('one signal for 1,000 requests keeps no listener', async t => {
  const { upstream } = await silent(t, 8, [reply({ body: 'ok' }), reply({ body: 'ok' })])
  const { signal } = new AbortController()
  for (let i = 0; i < 125; i++) await Promise.all(Array.from({ length: 8 }, async () => text(await request(upstream, { signal }))))
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

test('a failure as the reason of the abort is the failure of the call', async t => {
  const { target, upstream } = await silent(t, 1)
  const controller = new AbortController()
  const call = failureOf(request(upstream, { signal: controller.signal }))
  await target.until(() => target.requests.length === 1)
  const reason = new UpstreamFailure({
    kind: 'timeout',
    retryClass: 'C',
    status: null,
    code: 'deadline',
    message: 'late',
    retryAfterMs: null,
    result: 'deadline'
  })
  controller.abort(reason)
  t.equal(await call, reason)
})

test('the sink hears of an abort once and of nothing after it', async t => {
  const { target, upstream } = await silent(t, 1, withFault(sse(['a', 'b']), stall(9)))
  const controller = new AbortController()
  const response = await request(upstream, { signal: controller.signal })
  const heard: string[] = []
  response.pipe({
    data: () => {
      heard.push('data')
    },
    end: () => {
      heard.push('end')
    },
    error: error => {
      heard.push((error as UpstreamFailure).result)
    }
  })
  await turns()
  controller.abort()
  response.abort()
  await target.until(() => target.sockets === 0)
  t.strictSame(heard, ['data', 'client_closed'])
})

test('abort of an answer closes the connection and silences the sink', async t => {
  const { target, upstream } = await silent(t, 1, withFault(sse(['a', 'b']), stall(9)))
  const response = await request(upstream)
  response.pipe({ data: () => {}, end: () => t.fail('end'), error: () => t.fail('error') })
  response.abort()
  await target.until(() => target.sockets === 0)
  t.ok(target.requests[0]?.aborted)
  const unread = await request(upstream)
  unread.abort()
  await target.until(() => target.sockets === 0)
  t.strictSame(upstream.stats(), { connected: 0, pending: 0, running: 0 })
})
