import { test } from 'tap'
import {
  closeAfterEach,
  createTestGateway,
  cut,
  drip,
  endless,
  gzipBomb,
  hang,
  headerBomb,
  informational,
  raw,
  redirect,
  refusedOrigin,
  reply,
  reset,
  resetAt,
  resetOnReuse,
  startFaultUpstream,
  withFault,
  wrongLength,
  fin,
  type Reply
} from '@headgate/api/test'
import type { LookupAddress, LookupOptions } from 'node:dns'
import { answer, disconnected, planOf, providerAt, results, twoUpstreams, until, whole } from './upstream-cases.ts'

const SERVER_ERROR = { type: 'server_error', param: null }

/** A resolver that knows what it is told; a text is an error code. */
function resolver(answers: { [name: string]: string[] | string }): typeof import('node:dns').lookup {
  const lookup = (name: string, _options: LookupOptions, done: (error: Error | null, found: LookupAddress[]) => void): void => {
    const found = answers[name] ?? 'ENOTFOUND'
    if (typeof found === 'string') return done(Object.assign(new Error('lookup of a name failed'), { code: found }), [])
    done(
      null,
      found.map(address => ({ address, family: 4 }))
    )
  }
  return lookup as unknown as typeof import('node:dns').lookup
}

test('U1 a refused connection is an upstream_unreachable, and the next target is tried', async t => {
  const origin = await refusedOrigin()
  const alone = await createTestGateway(t, { providers: { dead: providerAt(origin) } })
  const told = await alone.chat()
  t.equal(told.status, 502)
  t.match(told.error, { ...SERVER_ERROR, code: 'upstream_unreachable' })
  t.equal(told.headers['x-headgate-error-source'], 'upstream')
  t.equal(told.headers['x-headgate-attempts'], '1')
  t.notOk(told.raw.includes(new URL(origin).port), 'the address is not told')
  t.match(alone.exchange, {
    outcome: 'failed',
    error: { source: 'upstream', code: 'upstream_unreachable' },
    response: { status_code: 502 }
  })
  t.same(results(alone), ['refused'])

  const gw = await createTestGateway(t, {
    upstream: answer(),
    plugins: { plan: planOf('dead', 'upstream') },
    providers: { dead: providerAt(origin) }
  })
  t.equal((await gw.chat()).text, 'hi')
  t.same(results(gw), ['refused', 'ok'])
  t.equal(gw.exchanges.length, 1, 'one record for both attempts')
})

test('U1 refused connections leave no handle behind', async t => {
  const gw = await createTestGateway(t, { providers: { dead: providerAt(await refusedOrigin()) } })
  await gw.chat()
  const open = (): number => process.getActiveResourcesInfo().filter(name => name.startsWith('TCP')).length
  const before = open()
  await Promise.all(Array.from({ length: 40 }, () => gw.chat()))
  await until(() => open() <= before)
  t.equal(gw.count('headgate_upstream_attempts_total', { upstream: 'dead', result: 'refused' }), 41)
})

test('U2 a name that does not resolve is an upstream_dns, tried anew with the next request', async t => {
  const live = await startFaultUpstream(t, answer())
  for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL']) {
    const answers: { [name: string]: string[] | string } = { 'model.example': code }
    const gw = await createTestGateway(t, {
      dispatcher: { lookup: resolver(answers) },
      providers: { named: [...providerAt(`http://model.example:${live.port}`), { allow_private: true }] }
    })
    const told = await gw.chat()
    t.equal(told.status, 502, code)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_dns' })
    t.notOk(told.raw.includes('model.example'), 'the name is not told')
    t.same(results(gw), ['dns'])
    answers['model.example'] = ['127.0.0.1']
    t.equal((await gw.chat()).text, 'hi', 'the failure is not remembered')
  }
})

test('U2 a resolver that does not answer counts as a failure of the name', async t => {
  const gw = await createTestGateway(t, {
    upstream: answer(),
    dispatcher: { lookup: (() => undefined) as unknown as typeof import('node:dns').lookup },
    plugins: { plan: planOf('named', 'upstream') },
    providers: { named: [...providerAt('http://model.example'), { timeout: { connect: '20ms' } }] }
  })
  t.equal((await gw.chat()).text, 'hi')
  t.same(results(gw), ['dns', 'ok'])
})

test('U2 a route has a connect limit of its own, and what follows the connection is not counted', async t => {
  const gw = await createTestGateway(t, {
    upstream: withFault(answer(), drip(64, 10)),
    dispatcher: { lookup: (() => undefined) as unknown as typeof import('node:dns').lookup },
    plugins: { plan: planOf('named', 'upstream') },
    providers: { named: providerAt('http://model.example') },
    route: { timeout: { connect: '30ms' } }
  })
  t.equal((await gw.chat()).text, 'hi')
  t.same(results(gw), ['connect_timeout', 'ok'])
})

test('U3 a public name that leads to a private address is egress_denied before a byte is sent', async t => {
  const inside = await startFaultUpstream(t, answer())
  const addresses = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1']
  const gw = await createTestGateway(t, {
    dispatcher: { lookup: resolver({ 'model.example': addresses }) },
    providers: { named: providerAt(`http://model.example:${inside.port}`) }
  })
  for (let i = 0; i < 3; i++) {
    const told = await gw.chat()
    t.equal(told.status, 502)
    t.match(told.error, { ...SERVER_ERROR, code: 'egress_denied' })
    t.notMatch(told.raw.toString(), /127\.0|169\.254|model\.example/)
    t.same(results(gw), ['egress_denied'])
  }
  t.equal(gw.count('headgate_egress_denied_total', { upstream: 'named' }), 3)
  t.equal(inside.connections, 0)
})

test('U3 a metadata address is refused even where private ones are allowed', async t => {
  const gw = await createTestGateway(t, {
    dispatcher: { lookup: resolver({ 'model.example': ['169.254.169.254'] }) },
    providers: { named: [...providerAt('http://model.example'), { allow_private: true }] }
  })
  t.match((await gw.chat()).error, { code: 'egress_denied' })
})

// Made for these tests, good for nothing else: a key, and a certificate of it for localhost.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0A/mfcsRndwFyVJy
u+g6kZwfDPBqPPdWGKKFaSFU4/ChRANCAATpykyzJrrRdSyrdBRAILL3iz8ql0WK
SRKS65jncSv2yyga2g1MroGZqmBjVljBldWUybX9CN6WhHkm1+PP/kqX
-----END PRIVATE KEY-----`

const CERT = `-----BEGIN CERTIFICATE-----
MIIBZjCCAQygAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1oZWFkZ2F0
ZS10ZXN0MCAXDTAwMDEwMTAwMDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1oZWFkZ2F0ZS10ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6cpM
sya60XUsq3QUQCCy94s/KpdFikkSkuuY53Er9ssoGtoNTK6BmapgY1ZYwZXVlMm1
/QjeloR5Jtfjz/5Kl6NFMEMwFAYDVR0RBA0wC4IJbG9jYWxob3N0MAwGA1UdEwQF
MAMBAf8wHQYDVR0OBBYEFKlCQr/MA/gentHUPmDRbqPxkJ8RMAoGCCqGSM49BAMC
A0gAMEUCID05WASfF6F0EYpypQctGNVcmTfZp+9WgJtEy5NTAFfbAiEA6vIP+AFy
6xe/I3W2ozdZY/rWLnVOS6WogEGsf/lrIjE=
-----END CERTIFICATE-----`

test('U4 TLS that cannot be trusted is an upstream_tls and never becomes plain text', async t => {
  const secure = await startFaultUpstream(t, answer(), { tls: { key: KEY, cert: CERT } })
  const plain = await startFaultUpstream(t, answer())
  const stalled = await startFaultUpstream(t, hang('connect'))
  const cases = {
    'self-signed': { origin: `https://localhost:${secure.port}`, target: secure, ca: [] },
    'wrong name': { origin: `https://127.0.0.1:${secure.port}`, target: secure, ca: [CERT] },
    'no TLS at all': { origin: `https://localhost:${plain.port}`, target: plain, ca: [] },
    'handshake stalls': { origin: `https://localhost:${stalled.port}`, target: stalled, ca: [] }
  }
  for (const [name, { origin, target, ca }] of Object.entries(cases)) {
    const gw = await createTestGateway(t, {
      upstream: answer('other'),
      ...(ca.length > 0 && { dispatcher: { ca } }),
      plugins: { plan: planOf('secure', 'upstream') },
      providers: { secure: [...providerAt(origin), { timeout: { connect: '400ms' } }] },
      route: { retry: { max_attempts: 1 } }
    })
    const told = await gw.chat()
    t.equal(told.status, 502, name)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_tls' }, name)
    t.same(results(gw), ['tls'], name)
    t.equal(target.requests.length, 0, `${name}: nothing was asked`)
  }
  const gw = await createTestGateway(t, { dispatcher: { ca: CERT }, providers: { secure: providerAt(`https://localhost:${secure.port}`) } })
  t.equal((await gw.chat()).text, 'hi', 'a trusted certificate is accepted')
})

test('U4 after a failed handshake the next target is tried', async t => {
  const secure = await startFaultUpstream(t, answer(), { tls: { key: KEY, cert: CERT } })
  const gw = await createTestGateway(t, {
    upstream: answer('other'),
    plugins: { plan: planOf('secure', 'upstream') },
    providers: { secure: providerAt(`https://localhost:${secure.port}`) }
  })
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['tls', 'ok'])
})

test('U5 a reset before the headers is an upstream_reset, repeated only where nothing is stored', async t => {
  const { gw, second } = await twoUpstreams(t, resetAt('request'), answer())
  t.equal((await gw.chat()).text, 'hi')
  t.same(results(gw), ['reset_pre', 'ok'])
  const stored = await gw.chat({ store: true })
  t.equal(stored.status, 502)
  t.match(stored.error, { ...SERVER_ERROR, code: 'upstream_reset' })
  t.same(results(gw), ['reset_pre'], 'the upstream may have kept it: it is not done twice')
  t.equal(second.requests.length, 1)
})

test('U5 a stale kept connection is replaced once and at once, unseen', async t => {
  const gw = await createTestGateway(t, { upstream: withFault(answer(), resetOnReuse()) })
  for (let i = 0; i < 4; i++) t.equal((await gw.chat()).text, 'hi')
  t.same(results(gw), ['ok'])
  t.equal(gw.upstream.requests.length, 4)
  t.ok(gw.upstream.connections > 1)
})

test('U6 a body that breaks off is an upstream_truncated, never half a 200', async t => {
  const faults: { [name: string]: Reply } = {
    reset: withFault(answer(), reset(40)),
    cut: withFault(answer(), cut(40)),
    'length too long': withFault(answer(), wrongLength(50), fin(9999)),
    'chunked and closed': withFault(reply({ json: whole('hi'), framing: 'chunked' }), fin(60))
  }
  for (const [name, fault] of Object.entries(faults)) {
    const gw = await createTestGateway(t, { upstream: fault })
    const told = await gw.chat()
    t.equal(told.status, 502, name)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_truncated' }, name)
    t.notOk(told.raw.includes('chatcmpl'), 'nothing of the partial body')
    t.same(results(gw), ['reset_mid'], name)
    t.match(gw.exchange, { outcome: 'failed', response: { status_code: 502 } })
    t.equal(await disconnected(gw.upstream), 0, name)
  }
  const { gw } = await twoUpstreams(t, withFault(answer(), reset(40)), answer('whole'))
  t.equal((await gw.chat()).text, 'whole')
  t.same(results(gw), ['reset_mid', 'ok'])
})

test('U26 an answer past the limit is an upstream_too_large and is read no further', async t => {
  const huge = {
    'announced length': reply({ json: whole('x'.repeat(200_000)) }),
    'no length': reply({ json: whole('x'.repeat(200_000)), framing: 'chunked' }),
    'no end': endless('{"a":1},'.repeat(500), 'application/json')
  }
  for (const [name, body] of Object.entries(huge)) {
    const source = await startFaultUpstream(t, body)
    const { gw, second } = await twoUpstreams(t, answer(), answer(), {
      plugins: { plan: planOf('big', 'second') },
      providers: { big: [...providerAt(source.origin), { max_response: '64kb' }] }
    })
    const told = await gw.chat()
    t.equal(told.status, 502, name)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_too_large' }, name)
    t.same(results(gw), ['size'], name)
    t.equal(second.requests.length, 0, 'it is not asked for again')
    t.equal(await disconnected(source), 0, name)
  }
})

test('U26 a length that is too short cuts the body, which is then no answer', async t => {
  const gw = await createTestGateway(t, { upstream: withFault(answer(), wrongLength(-10)) })
  const told = await gw.chat()
  t.equal(told.status, 502)
  t.match(told.error, SERVER_ERROR)
  t.equal(await disconnected(gw.upstream), 0, 'the connection is not used again')
})

test('U27 compressed answers are not opened: plain ones are asked for', async t => {
  for (const bomb of [
    gzipBomb(50_000_000),
    gzipBomb(5_000_000, 6),
    reply({ headers: { 'content-type': 'application/json', 'content-encoding': 'br' }, body: 'x' })
  ]) {
    const gw = await createTestGateway(t, { upstream: bomb })
    const told = await gw.chat()
    t.equal(told.status, 502)
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_bad_response' })
    t.same(results(gw), ['encoding'])
    t.equal(gw.upstream.requests[0]?.headers['accept-encoding'], 'identity')
    t.equal(await disconnected(gw.upstream), 0)
  }
})

test('U28 headers that no server should send end the attempt', async t => {
  const body = JSON.stringify(whole('hi'))
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`
  const cases = {
    'too many bytes': headerBomb(),
    'interim answers': withFault(answer(), informational(50)),
    'a bare line feed in a value': raw(`${head}x-a: b\nx-evil: 1\n\r\n${body}`),
    'a control character in a value': raw(`${head}x-a: b\u0001c\r\n\r\n${body}`),
    'two lengths': raw(`${head}content-length: 3\r\n\r\n${body}`)
  }
  for (const [name, source] of Object.entries(cases)) {
    const gw = await createTestGateway(t, { upstream: source })
    const told = await gw.chat()
    t.equal(told.headers['x-evil'], undefined, name)
    t.equal(told.status, 502, name)
    t.match(told.error, SERVER_ERROR, name)
    t.same(results(gw), ['header'], name)
  }
})

test('U28 headers of the upstream do not reach the client, its request id apart', async t => {
  const headers = {
    'x-request-id': 'req-up',
    'set-cookie': 'a=b',
    server: 'up',
    'x-ratelimit-remaining-requests': '1',
    'openai-organization': 'org-planted',
    'keep-alive': 'timeout=5',
    'x-unknown': '1',
    'access-control-allow-origin': '*'
  }
  const gw = await createTestGateway(t, { upstream: reply({ headers, json: whole('hi') }) })
  const told = await gw.chat()
  t.equal(told.headers['x-upstream-request-id'], 'req-up')
  t.not(told.headers['x-request-id'], 'req-up')
  for (const name of Object.keys(headers)) if (name !== 'x-request-id') t.equal(told.headers[name], undefined, name)
})

test('U33 a redirect is refused and nobody gets the credential', async t => {
  const trap = await startFaultUpstream(t, answer())
  for (const status of [301, 302, 303, 307, 308, 304]) {
    const { gw, second } = await twoUpstreams(t, redirect(`${trap.origin}/latest/meta-data`, status), answer())
    const told = await gw.chat()
    t.equal(told.status, 502, String(status))
    t.match(told.error, { ...SERVER_ERROR, code: 'upstream_bad_response' })
    t.notOk(told.raw.includes('meta-data'))
    t.equal(told.headers['location'], undefined)
    t.same(results(gw), ['redirect'])
    t.equal(second.requests.length, 0)
  }
  t.equal(trap.connections, 0)
})

test('U34 an upstream that closes its kept connections is not seen by clients', async t => {
  for (const close of [closeAfterEach(), resetOnReuse()]) {
    const gw = await createTestGateway(t, { upstream: withFault(answer(), close), plugins: {} })
    let failed = 0
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => gw.chat()))
      failed += answers.filter(({ status, text }) => status !== 200 || text !== 'hi').length
    }
    t.equal(failed, 0)
    t.equal(gw.count('headgate_upstream_attempts_total', { upstream: 'upstream', result: 'ok' }), 200)
    t.equal(gw.upstream.requests.length, 200, 'no request was sent twice')
  }
})
