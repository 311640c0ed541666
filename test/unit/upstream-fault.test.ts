import { test } from 'tap'
import {
  closeAfterEach,
  cut,
  endless,
  fin,
  garbage,
  gzipBomb,
  hang,
  headerBomb,
  informational,
  raw,
  redirect,
  reply,
  reset,
  resetAt,
  slice,
  sse,
  stall,
  startFaultUpstream,
  withFault,
  wrongLength,
  type Reply,
  type Source,
  type Teardown
} from '../../core/api/test/upstream.ts'
import { Secret } from '@headgate/api'
import type { UpstreamFailure, UpstreamRequest } from '../../core/upstream/index.ts'
import { failureOf, openUpstream, request, text } from './upstream-setup.ts'

const ANSWER = reply({ json: { id: 'x', choices: [] } })

async function failsWith(t: Teardown, source: Source, limit = 1_000_000, fields: Partial<UpstreamRequest> = {}): Promise<UpstreamFailure> {
  const target = await startFaultUpstream(t, source)
  const upstream = openUpstream(t, target.origin)
  const failure = await failureOf(request(upstream, fields).then(response => response.read(limit)))
  await target.until(() => target.sockets === 0)
  if (upstream.stats().running + upstream.stats().pending !== 0) throw new Error('the call is still counted')
  return failure
}

test('U5 a reset or a close before the headers is class B', async t => {
  const before: Reply[] = [
    resetAt('request'),
    withFault(raw(''), fin()),
    raw('HTT'),
    raw('HTTP/1.1 200 OK\r\ncontent-'),
    withFault(raw('HTTP/1.1 200'), reset(12))
  ]
  for (const step of before) {
    t.match(await failsWith(t, step), {
      kind: 'server_error',
      retryClass: 'B',
      code: 'upstream_reset',
      result: 'reset_pre',
      freeRetry: false
    })
  }
})

test('U6 an answer that breaks off is an error, never a short body', async t => {
  const broken: Reply[] = [
    withFault(ANSWER, cut(5)),
    withFault(ANSWER, fin(5)),
    withFault(ANSWER, reset(5)),
    withFault(ANSWER, reset('headers')),
    withFault(ANSWER, fin(0)),
    withFault(sse(['a', 'b']), cut(9)),
    withFault(sse(['a', 'b']), fin(9)),
    withFault(sse(['a', 'b']), reset(9)),
    raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel'),
    raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')
  ]
  for (const step of broken) {
    t.match(await failsWith(t, step), { kind: 'server_error', retryClass: 'B', code: 'upstream_truncated', result: 'reset_mid' })
  }
})

test('U6 a body that the end of the connection ends is whole', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'until the end', framing: 'close' }))
  t.equal(await text(await request(openUpstream(t, target.origin))), 'until the end')
})

test('U10 an upstream that sends no headers in time is given up and its connection closed', async t => {
  const slow: Reply[] = [hang(), withFault(raw('HTTP/1.1 200 OK\r\nx-a: b'), stall(20)), withFault(hang(), informational(2))]
  for (const step of slow) {
    const target = await startFaultUpstream(t, [ANSWER, step])
    const upstream = openUpstream(t, target.origin, { connections: 1 })
    await text(await request(upstream))
    const failure = await failureOf(request(upstream, { headersTimeoutMs: 40 }))
    t.match(failure, { kind: 'timeout', retryClass: 'B', code: 'upstream_timeout', result: 'ttft', status: null })
    await target.until(() => target.sockets === 0)
  }
})

test('U10 the limit ends with the headers', async t => {
  const target = await startFaultUpstream(t, withFault(sse(['a']), stall(0)))
  const upstream = openUpstream(t, target.origin)
  const timers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  const response = await request(upstream, { headersTimeoutMs: 5_000 })
  t.equal(timers(), before, 'no timer runs during the body')
  response.abort()
})

test('U10 a request that never got a connection is class A', async t => {
  const target = await startFaultUpstream(t, hang())
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  const controller = new AbortController()
  const first = failureOf(request(upstream, { signal: controller.signal }))
  await target.until(() => target.requests.length === 1)
  t.match(await failureOf(request(upstream, { headersTimeoutMs: 20 })), {
    kind: 'timeout',
    retryClass: 'A',
    code: 'upstream_timeout',
    result: 'queued'
  })
  controller.abort()
  await first
  t.equal(target.requests.length, 1)
})

test('U26 more bytes than allowed are refused, announced or not', async t => {
  const large = 'x'.repeat(100_000)
  const steps: Reply[] = [
    reply({ body: large }),
    reply({ body: large, framing: 'chunked' }),
    reply({ body: large, framing: 'close' }),
    endless('data: {}\n\n'.repeat(500))
  ]
  for (const step of steps) {
    t.match(await failsWith(t, step, 99_999), { kind: 'bad_response', retryClass: 'C', code: 'upstream_too_large', result: 'size' })
  }
  const target = await startFaultUpstream(t, steps.slice(0, 3))
  const upstream = openUpstream(t, target.origin)
  for (let i = 0; i < 3; i++) t.equal((await (await request(upstream)).read(100_000)).length, 100_000, 'exactly as many are taken')
})

test('U26 a large answer is refused by its announcement, before it is read', async t => {
  const target = await startFaultUpstream(t, withFault(reply({ body: 'x'.repeat(1000) }), stall(0)))
  t.match(await failureOf((await request(openUpstream(t, target.origin))).read(999)), { result: 'size' })
  await target.until(() => target.sockets === 0)
})

test('U26 a wrong Content-Length is an error or cuts the body, and never reaches the next answer', async t => {
  t.match(await failsWith(t, withFault(ANSWER, wrongLength(7), closeAfterEach())), { result: 'reset_mid' })
  const target = await startFaultUpstream(t, [
    withFault(reply({ body: 'first+HTTP/1.1 200 OK\r\n\r\n' }), wrongLength(-20)),
    reply({ body: 'second' })
  ])
  const upstream = openUpstream(t, target.origin, { connections: 1 })
  t.equal(await text(await request(upstream)), 'first')
  t.equal(await text(await request(upstream)), 'second')
  t.equal(target.connections, 2, 'the connection with bytes left over is not used again')
})

test('U27 identity is asked for and every other encoding refused', async t => {
  const target = await startFaultUpstream(t, [ANSWER, reply({ headers: { 'content-encoding': 'identity' }, body: 'plain' })])
  const upstream = openUpstream(t, target.origin)
  await text(await request(upstream, { headers: { 'Accept-Encoding': 'gzip, br' } }))
  t.equal(target.requests[0]?.headers['accept-encoding'], 'identity', 'also where a provider asks for more')
  t.equal(await text(await request(upstream)), 'plain')
  const encoded: Reply[] = [gzipBomb(10_000_000), gzipBomb(10_000, 6)]
  for (const name of ['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'GZIP', 'gzip, identity']) {
    encoded.push(reply({ headers: { 'content-encoding': name }, body: 'zz' }))
  }
  encoded.push(raw('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nzz\r\n0\r\n\r\n'))
  for (const step of encoded) {
    t.match(await failsWith(t, step), { kind: 'bad_response', retryClass: 'C', code: 'upstream_bad_encoding', result: 'encoding' })
  }
})

test('U28 headers that are too much or wrong are refused', async t => {
  const bad: Reply[] = [
    headerBomb(),
    withFault(headerBomb(30_000), slice([500])),
    withFault(ANSWER, informational(100)),
    withFault(ANSWER, informational(1, 100)),
    withFault(ANSWER, informational(1, 101)),
    raw('nonsense\r\n\r\n'),
    raw('HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n'),
    raw('HTTP/1.1 200 OK\r\nx y: z\r\n\r\n'),
    raw('HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n'),
    raw('HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n'),
    raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
    raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n')
  ]
  for (const step of bad) {
    const failure = await failsWith(t, step)
    t.match(
      failure,
      { kind: 'bad_response', retryClass: 'C', code: 'upstream_bad_headers', result: 'header' },
      `${JSON.stringify(step.payload.toString().slice(0, 60))} ${step.prelude.length}`
    )
  }
})

test('U28 some interim answers and 100 headers are taken', async t => {
  const headers: { [name: string]: string } = {}
  for (let i = 0; i < 150; i++) headers[`x-${i}`] = `${i}`
  const target = await startFaultUpstream(
    t,
    withFault(reply({ headers: { ...headers, 'x-1': ['a', 'b'] as unknown as string, __proto__x: 'p' }, body: 'ok' }), informational(3))
  )
  const response = await request(openUpstream(t, target.origin))
  t.equal(response.headers['x-1'], 'a, b')
  t.equal(Object.keys(response.headers).length, 100)
  t.equal(await text(response), 'ok')
})

test('U28 line breaks in a header of the request never reach the socket', async t => {
  const target = await startFaultUpstream(t, ANSWER)
  const upstream = openUpstream(t, target.origin)
  for (const value of ['a\r\nx-evil: 1', 'a\nb', 'a\0b', new Secret('sk-planted\r\nx-evil: 1')]) {
    const failure = await failureOf(request(upstream, { headers: { authorization: value } }))
    t.match(failure, { kind: 'invalid_request', retryClass: 'C', result: 'request' })
    t.notMatch(`${failure.stack}${JSON.stringify(failure)}`, /planted|evil/)
  }
  t.match(await failureOf(request(upstream, { headers: { 'x\r\nevil': '1' } })), { result: 'request' })
  for (const path of ['/a b', '/a\r\nx: y', 'http://other.example/', 'relative', ''])
    t.match(await failureOf(request(upstream, { path })), { result: 'request' })
  t.equal(target.bytesReceived, 0)
  t.equal(await text(await request(upstream)), '{"id":"x","choices":[]}')
})

test('U33 a redirect is never followed', async t => {
  const trap = await startFaultUpstream(t, reply({ body: 'credentials' }))
  for (const status of [300, 301, 302, 303, 304, 307, 308]) {
    const failure = await failsWith(t, redirect(`${trap.origin}/latest/meta-data`, status), 1_000_000, {
      headers: { authorization: new Secret('Bearer sk-1') }
    })
    t.match(failure, { kind: 'bad_response', retryClass: 'C', code: 'upstream_redirect', result: 'redirect' })
    t.notMatch(failure.message, /127|meta/)
  }
  t.equal(trap.connections, 0)
})

test('U22 and error statuses are answers, not failures', async t => {
  const target = await startFaultUpstream(t, [
    garbage(32),
    reply({ status: 429, headers: { 'retry-after': '1' }, json: {} }),
    reply({ status: 529, json: {} })
  ])
  const upstream = openUpstream(t, target.origin)
  t.equal((await (await request(upstream)).read(100)).length, 32)
  const limited = await request(upstream)
  t.match(limited, { status: 429, headers: { 'retry-after': '1' } })
  limited.abort()
  t.equal((await request(upstream)).status, 529)
})
