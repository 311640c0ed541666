import type { LookupAddress } from 'node:dns'
import { test } from 'tap'
import { refusedOrigin, reply, resetAt, startFaultUpstream } from '../../core/api/test/upstream.ts'
import type { Lookup } from '../../core/upstream/index.ts'
import { failureOf, openUpstream, request, text, turns } from './upstream-setup.ts'

type Answer = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void

function lookupOf(answer: (callback: Answer) => void): Lookup {
  return ((_name: string, _options: object, callback: Answer) => answer(callback)) as unknown as Lookup
}

function answering(...addresses: string[]): Lookup {
  return lookupOf(callback =>
    callback(
      null,
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    )
  )
}

function failing(code: string): Lookup {
  return lookupOf(callback => callback(Object.assign(new Error(`${code} secret.example`), { code }), []))
}

function isSocket(resource: string): boolean {
  return resource.startsWith('TCPSocket')
}

test('U1 a refused connection is a class A failure and leaves nothing open', async t => {
  const origin = await refusedOrigin()
  const upstream = openUpstream(t, origin)
  const before = process.getActiveResourcesInfo().filter(isSocket).length
  for (let i = 0; i < 50; i++) {
    const failure = await failureOf(request(upstream))
    t.match(failure, {
      kind: 'connect',
      retryClass: 'A',
      code: 'upstream_unreachable',
      result: 'refused',
      status: null,
      reason: 'ECONNREFUSED'
    })
    t.notMatch(`${failure.message}${JSON.stringify(failure)}`, new URL(origin).port, 'no address in the failure')
    t.equal(failure.cause, undefined)
  }
  t.strictSame(upstream.stats(), { connected: 0, pending: 0, running: 0 })
  await turns()
  t.equal(process.getActiveResourcesInfo().filter(isSocket).length, before, 'no socket is left')
})

test('U2 names that do not resolve are class A failures', async t => {
  for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA']) {
    const failure = await failureOf(request(openUpstream(t, 'http://secret.example', {}, { lookup: failing(code) })))
    t.match(failure, { kind: 'connect', retryClass: 'A', code: 'upstream_dns', result: 'dns', reason: code })
    t.notMatch(failure.message, /secret/)
  }
  const empty = await failureOf(request(openUpstream(t, 'http://secret.example', {}, { lookup: answering() })))
  t.match(empty, { result: 'dns', retryClass: 'A' })
})

test('U2 a resolver that stalls ends with the time for connecting', async t => {
  const stalled = openUpstream(t, 'http://secret.example', { connectTimeoutMs: 20 }, { lookup: lookupOf(() => {}) })
  t.match(await failureOf(request(stalled)), { result: 'dns', retryClass: 'A', code: 'upstream_dns' })
})

test('U2 a failed name is asked for again by the next request', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'ok' }))
  let calls = 0
  const lookup = lookupOf(callback => {
    if (calls++ === 0) callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), [])
    else callback(null, [{ address: '127.0.0.1', family: 4 }])
  })
  const upstream = openUpstream(t, `http://model.example:${target.port}`, {}, { lookup })
  t.match(await failureOf(request(upstream)), { result: 'dns' })
  t.equal(await text(await request(upstream)), 'ok')
  t.equal(target.requests[0]?.headers['host'], `model.example:${target.port}`)
})

test('U3 a public name with a private address is refused and no byte is sent', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'inside' }))
  for (const lookup of [
    answering('127.0.0.1'),
    answering('127.0.0.1', '10.0.0.1', '::1'),
    answering('::ffff:127.0.0.1'),
    answering('not an address')
  ]) {
    const upstream = openUpstream(t, `http://public.example:${target.port}`, { allowPrivate: false }, { lookup })
    t.match(await failureOf(request(upstream)), { kind: 'egress_denied', retryClass: 'C', code: 'egress_denied', result: 'egress_denied' })
  }
  const metadata = openUpstream(t, `http://public.example:${target.port}`, {}, { lookup: answering('169.254.169.254') })
  t.match(await failureOf(request(metadata)), { result: 'egress_denied' }, 'metadata even with allow_private')
  t.equal(target.connections, 0)
  t.equal(target.bytesReceived, 0)
})

test('U3 the address at the other end is checked again once connected', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'inside' }))
  // An answer that is public when it is looked at and loopback when it is used.
  let looks = 0
  const lookup = lookupOf(callback =>
    callback(null, [
      {
        get address() {
          return looks++ === 0 ? '93.184.216.34' : '127.0.0.1'
        },
        family: 4
      }
    ])
  )
  for (const scheme of ['http', 'https']) {
    looks = 0
    const upstream = openUpstream(t, `${scheme}://public.example:${target.port}`, { allowPrivate: false }, { lookup })
    t.match(await failureOf(request(upstream)), { kind: 'egress_denied', retryClass: 'C' }, scheme)
  }
  await target.until(() => target.connections === 2 && target.sockets === 0)
  t.equal(target.bytesReceived, 0, 'not even a TLS greeting')
})

test('U3 of several addresses only the allowed ones are tried', async t => {
  const target = await startFaultUpstream(t, reply({ body: 'ok' }))
  const upstream = openUpstream(t, `http://mixed.example:${target.port}`, {}, { lookup: answering('169.254.169.254', '127.0.0.1') })
  t.equal(await text(await request(upstream)), 'ok')
})

test('U5 a connection that is reset before the request was sent is class A', async t => {
  const target = await startFaultUpstream(t, resetAt('connect'))
  const failure = await failureOf(request(openUpstream(t, target.origin)))
  t.match(failure, { code: 'upstream_reset', result: 'reset_pre' })
  t.equal(target.requests.length, 0)
})
