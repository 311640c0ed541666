import { test } from 'tap'
import { closeAfterEach, hang, reply, resetAt, resetOnReuse, startFaultUpstream, withFault } from '../../core/api/test/upstream.ts'
import { failureOf, openUpstream, request, text, turns } from './upstream-setup.ts'

const OK = reply({ body: 'ok' })

test('U5 a kept connection that proves dead costs the request nothing', async t => {
  const target = await startFaultUpstream(t, [withFault(OK, resetOnReuse()), OK])
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  const first = await request(upstream)
  t.equal(await text(first), 'ok')
  t.equal(first.freeRetry, false)
  await turns()
  const second = await request(upstream, { body: Buffer.from('again') })
  t.equal(second.freeRetry, true, 'repeated once')
  t.equal(await text(second), 'ok')
  t.equal(target.connections, 2)
  t.equal(target.requests[1]?.body.toString(), 'again')
  t.equal(target.requests.length, 2)
})

test('U5 the free retry happens once, and a fresh connection gets none', async t => {
  const target = await startFaultUpstream(t, [withFault(OK, resetOnReuse()), resetAt('request')])
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  await text(await request(upstream))
  await turns()
  t.match(await failureOf(request(upstream)), { result: 'reset_pre', retryClass: 'B', freeRetry: true })
  t.equal(target.requests.length, 2)
  t.match(await failureOf(request(upstream)), { result: 'reset_pre', retryClass: 'B', freeRetry: false })
  t.equal(target.requests.length, 3)
})

test('U5 no free retry after a byte of the answer, nor after a time-out', async t => {
  const target = await startFaultUpstream(t, [OK, { ...hang(), payload: [Buffer.from('HTTP/1.1 2')], ending: 'reset' }, OK, hang()])
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  await text(await request(upstream))
  await turns()
  t.match(await failureOf(request(upstream)), { result: 'reset_pre', freeRetry: false })
  await text(await request(upstream))
  await turns()
  t.match(await failureOf(request(upstream, { headersTimeoutMs: 20 })), { result: 'ttft', freeRetry: false })
  t.equal(target.requests.length, 4)
})

test('U5 an abort ends a free retry too', async t => {
  const target = await startFaultUpstream(t, [withFault(OK, resetOnReuse()), hang()])
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  await text(await request(upstream))
  await turns()
  const controller = new AbortController()
  const pending = failureOf(request(upstream, { signal: controller.signal }))
  await target.until(() => target.requests.length === 2)
  controller.abort()
  t.match(await pending, { result: 'client_closed', freeRetry: true })
  await target.until(() => target.sockets === 0)
  t.strictSame(upstream.stats(), { connected: 0, pending: 0, running: 0 })
})

test('U34 connections closed after each answer are not noticed by 500 requests', async t => {
  const target = await startFaultUpstream(t, withFault(OK, closeAfterEach()))
  const upstream = openUpstream(t, target.origin)
  let failed = 0
  for (let i = 0; i < 100; i++) if ((await text(await request(upstream))) !== 'ok') failed++
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.allSettled(Array.from({ length: 20 }, async () => text(await request(upstream))))
    for (const answer of answers) if (answer.status !== 'fulfilled' || answer.value !== 'ok') failed++
  }
  t.equal(failed, 0)
  t.equal(target.requests.length, 500, 'each exactly once')
})

test('U34 a whole pool that died while idle is not noticed either', async t => {
  const target = await startFaultUpstream(t, withFault(OK, resetOnReuse()))
  const upstream = openUpstream(t, target.origin, { connections: 10 })
  let repeated = 0
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(upstream)))
    for (const answer of answers) {
      if (answer.freeRetry) repeated++
      t.equal(await text(answer), 'ok')
    }
    await turns()
  }
  t.ok(repeated > 100, `${repeated} free retries`)
  t.equal(target.requests.length, 500)
})

test('U34 the free retry does not take another dead connection of the pool', async t => {
  const target = await startFaultUpstream(t, withFault(OK, resetOnReuse()))
  const upstream = openUpstream(t, target.origin, { connections: 10 })
  await Promise.all(Array.from({ length: 10 }, async () => text(await request(upstream))))
  t.equal(target.connections, 10)
  await turns()
  for (let i = 0; i < 10; i++) t.equal(await text(await request(upstream)), 'ok')
})

test('connections are kept, limited, and closed when told not to keep them', async t => {
  const target = await startFaultUpstream(t, OK)
  const upstream = openUpstream(t, target.origin, { connections: 4 })
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, async () => text(await request(upstream))))
    await turns()
  }
  t.equal(target.connections, 4)
  t.match(upstream.stats(), { connected: 4, pending: 0, running: 0 })
  const closing = openUpstream(t, target.origin, { keepAliveMs: 0 })
  await text(await request(closing))
  t.equal(target.requests.at(-1)?.headers['connection'], 'close')
})
