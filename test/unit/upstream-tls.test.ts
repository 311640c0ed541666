import { test } from 'tap'
import { hang, reply, resetAt, startFaultUpstream, type Source, type Teardown } from '../../core/api/test/upstream.ts'
import { failureOf, openUpstream, request, text } from './upstream-setup.ts'

// Made for these tests, good for nothing else: a key, and certificates of it for localhost until 2126 and until 2020.
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

const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBZTCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1oZWFkZ2F0
ZS10ZXN0MB4XDTIwMDEwMTAwMDAwMFoXDTIwMDEwMjAwMDAwMFowGDEWMBQGA1UE
AwwNaGVhZGdhdGUtdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOnKTLMm
utF1LKt0FEAgsveLPyqXRYpJEpLrmOdxK/bLKBraDUyugZmqYGNWWMGV1ZTJtf0I
3paEeSbX48/+SpejRTBDMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAMBgNVHRMEBTAD
AQH/MB0GA1UdDgQWBBSpQkK/zAP4Hp7R1D5g0W6j8ZCfETAKBggqhkjOPQQDAgNJ
ADBGAiEAvVJ0YIaPptimeeCU8pSV1y887Lm/irEPTcs5MGPKvwsCIQCLewkxAoo4
v9IAqmDUQMeBMe3d2Wjtq9GzwH5k+fPPbw==
-----END CERTIFICATE-----`

async function secureOrigin(t: Teardown, cert: string, source: Source = reply({ body: 'ok' })) {
  const target = await startFaultUpstream(t, source, { tls: { key: KEY, cert } })
  return { target, named: `https://localhost:${target.port}`, numbered: `https://127.0.0.1:${target.port}` }
}

const TLS_FAILURE = { kind: 'connect', retryClass: 'A', code: 'upstream_tls', result: 'tls', status: null }

test('U4 a certificate that is trusted and fits is accepted, and its connection kept', async t => {
  const { target, named } = await secureOrigin(t, CERT)
  const upstream = openUpstream(t, named, { connections: 1 }, { ca: CERT })
  for (let i = 0; i < 3; i++) t.equal(await text(await request(upstream)), 'ok')
  t.equal(target.connections, 1)
})

test('U4 a self-signed certificate is refused before the request is sent', async t => {
  const { target, named } = await secureOrigin(t, CERT)
  t.match(await failureOf(request(openUpstream(t, named))), { ...TLS_FAILURE, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  t.equal(target.requests.length, 0)
})

test('U4 the environment cannot turn the check off', async t => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  const { target, named } = await secureOrigin(t, CERT)
  t.match(await failureOf(request(openUpstream(t, named))), TLS_FAILURE)
  t.equal(target.requests.length, 0)
})

test('U4 a certificate for another name is refused', async t => {
  const { target, numbered } = await secureOrigin(t, CERT)
  const failure = await failureOf(request(openUpstream(t, numbered, {}, { ca: CERT })))
  t.match(failure, { ...TLS_FAILURE, reason: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  t.notMatch(failure.message, /127/)
  t.equal(target.requests.length, 0)
})

test('U4 an expired certificate is refused', async t => {
  const { target, named } = await secureOrigin(t, EXPIRED)
  t.match(await failureOf(request(openUpstream(t, named, {}, { ca: EXPIRED }))), { ...TLS_FAILURE, reason: 'CERT_HAS_EXPIRED' })
  t.equal(target.requests.length, 0)
})

test('U4 a handshake that stalls ends with the time for connecting', async t => {
  const target = await startFaultUpstream(t, hang('connect'))
  const upstream = openUpstream(t, `https://127.0.0.1:${target.port}`, { connectTimeoutMs: 40 })
  t.match(await failureOf(request(upstream)), TLS_FAILURE)
  await target.until(() => target.sockets === 0)
})

test('U4 a reset in the handshake and an upstream without TLS are refused, and never tried in plain', async t => {
  const reset = await startFaultUpstream(t, resetAt('connect'))
  const failure = await failureOf(request(openUpstream(t, `https://localhost:${reset.port}`)))
  t.match(failure, { kind: 'connect', retryClass: 'A' })
  const plain = await startFaultUpstream(t, reply({ body: 'plain' }))
  const refused = await failureOf(request(openUpstream(t, `https://127.0.0.1:${plain.port}`, { connectTimeoutMs: 40 })))
  t.match(refused, TLS_FAILURE)
  t.equal(plain.requests.length, 0)
  t.equal(plain.connections, 1, 'no second connection')
})
