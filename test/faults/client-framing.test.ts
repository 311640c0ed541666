import { test } from 'tap'
import { createTestGateway, hang, reply } from '@headgate/api/test'
import { checkEnvelope } from './envelope.ts'
import { rawChat, rawClient, rawRequest } from './raw-client.ts'

const ANSWER = reply({ json: { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] } })
const JSON_TYPE = 'content-type: application/json'
const BODY = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] })
const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n`

function post(...lines: readonly string[]): string {
  return ['POST /v1/chat/completions HTTP/1.1', ...lines, '', ''].join('\r\n')
}

const SMUGGLING: { readonly [name: string]: string } = {
  'Content-Length and Transfer-Encoding':
    post('host: g', JSON_TYPE, `content-length: ${BODY.length}`, 'transfer-encoding: chunked') + `${CHUNK}0\r\n\r\n`,
  'Transfer-Encoding and Content-Length':
    post('host: g', JSON_TYPE, 'transfer-encoding: chunked', 'content-length: 4') + `${CHUNK}0\r\n\r\n`,
  'two different Content-Lengths': post('host: g', JSON_TYPE, `content-length: ${BODY.length}`, 'content-length: 3') + BODY,
  'the same Content-Length twice': post('host: g', JSON_TYPE, `content-length: ${BODY.length}`, `content-length: ${BODY.length}`) + BODY,
  'a list as Content-Length': post('host: g', JSON_TYPE, `content-length: ${BODY.length}, ${BODY.length}`) + BODY,
  'a signed Content-Length': post('host: g', JSON_TYPE, `content-length: +${BODY.length}`) + BODY,
  'a negative Content-Length': post('host: g', JSON_TYPE, 'content-length: -1') + BODY,
  'a hexadecimal Content-Length': post('host: g', JSON_TYPE, 'content-length: 0x30') + BODY,
  'an overflowing Content-Length': post('host: g', JSON_TYPE, 'content-length: 18446744073709551617') + BODY,
  'a space before the colon': post('host: g', JSON_TYPE, 'transfer-encoding : chunked') + `${CHUNK}0\r\n\r\n`,
  'a bare LF between headers': `POST /v1/chat/completions HTTP/1.1\r\nhost: g\n${JSON_TYPE}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
  'a bare LF as the end of the head': `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${JSON_TYPE}\r\ncontent-length: ${BODY.length}\n\n${BODY}`,
  'a bare CR in a header': post('host: g', JSON_TYPE, `x-a: b\rcontent-length: ${BODY.length}`) + BODY,
  'a folded header': post('host: g', JSON_TYPE, 'x-a: b\r\n transfer-encoding: chunked', `content-length: ${BODY.length}`) + BODY,
  'a folded Transfer-Encoding': post('host: g', JSON_TYPE, 'transfer-encoding:\r\n chunked') + `${CHUNK}0\r\n\r\n`,
  'a NUL in a header': post('host: g', JSON_TYPE, 'x-a: b\0c', `content-length: ${BODY.length}`) + BODY,
  'a last coding that is not chunked': post('host: g', JSON_TYPE, 'transfer-encoding: chunked, identity') + `${CHUNK}0\r\n\r\n`,
  'an unknown coding': post('host: g', JSON_TYPE, 'transfer-encoding: xchunked') + `${CHUNK}0\r\n\r\n`,
  'two Transfer-Encodings': post('host: g', JSON_TYPE, 'transfer-encoding: chunked', 'transfer-encoding: identity') + `${CHUNK}0\r\n\r\n`,
  'a chunk size that is none': post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `zz\r\n${BODY}\r\n0\r\n\r\n`,
  'a chunk size with 0x': post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `0x${CHUNK}0\r\n\r\n`,
  'a negative chunk size': post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `-1\r\n${BODY}\r\n0\r\n\r\n`,
  'an overflowing chunk size': post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `1${'0'.repeat(16)}5\r\n${BODY}\r\n0\r\n\r\n`,
  'a chunk that is longer than its size': post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `5\r\n${BODY}\r\n0\r\n\r\n`,
  'a bare LF after a chunk size':
    post('host: g', JSON_TYPE, 'transfer-encoding: chunked') + `${BODY.length.toString(16)}\n${BODY}\r\n0\r\n\r\n`,
  'a header name with a space': post('host: g', JSON_TYPE, 'content length: 3', `content-length: ${BODY.length}`) + BODY,
  'a header without a name': post('host: g', JSON_TYPE, ': x', `content-length: ${BODY.length}`) + BODY,
  'a line without a colon': post('host: g', JSON_TYPE, 'chunked', `content-length: ${BODY.length}`) + BODY,
  'no Host': post(JSON_TYPE, `content-length: ${BODY.length}`) + BODY,
  'Transfer-Encoding in HTTP/1.0': `POST /v1/chat/completions HTTP/1.0\r\nhost: g\r\n${JSON_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n${CHUNK}0\r\n\r\n`,
  'another version': `POST /v1/chat/completions HTTP/2.0\r\nhost: g\r\n${JSON_TYPE}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
  'a request line with two targets': `POST /v1/chat/completions /admin HTTP/1.1\r\nhost: g\r\n${JSON_TYPE}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`
}

test('C23 smuggling vectors get a 400 and a closed connection, and nothing of them is forwarded', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  await Promise.all(
    Object.entries(SMUGGLING).map(async ([name, bytes]) => {
      const client = await rawClient(t, gw.url)
      client.send(bytes, rawChat())
      const answer = await client.answer()
      checkEnvelope(t, answer, { status: 400, code: 'invalid_request' }, name)
      t.equal(answer.headers['connection'], 'close', `${name} says that it closes`)
      await client.gone()
      t.equal(client.answers.length, 1, `${name} gets one answer`)
    })
  )
  t.ok(Object.keys(SMUGGLING).length >= 12)
  t.equal(gw.upstream.requests.length, 0, 'nothing is forwarded')
  t.equal(gw.upstream.connections, 0)
  await gw.settled()
  t.match(
    gw.exchanges.map(({ outcome }) => outcome).filter(outcome => outcome !== 'rejected'),
    [],
    'what became an exchange is recorded as refused'
  )
  t.equal(
    gw.exchanges.length + gw.count('headgate_refused_total', { code: 'invalid_request' }),
    Object.keys(SMUGGLING).length,
    'each vector is counted once'
  )
  const after = await rawClient(t, gw.url)
  t.equal((await after.send(rawChat()).answer()).status, 200, 'others are served')
})

test('C23 a body that breaks off is a 400, not a request', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const client = await rawClient(t, gw.url)
  client.send(post('host: g', JSON_TYPE, `content-length: ${BODY.length}`) + BODY.slice(0, -1))
  client.socket.end()
  checkEnvelope(t, await client.answer(), { status: 400, code: 'invalid_request' })
  await gw.settled()
  t.match(gw.exchange, { outcome: 'rejected', response: { status_code: 400 }, provider: { attempts: [] } })
  t.equal(gw.upstream.requests.length, 0)
})

test('C22 headers beyond 16 KiB, or more than 200 of them, are a 431', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const bombs = {
    'one header of 20 KB': [`x-bomb: ${'b'.repeat(20_000)}`],
    'many headers of 20 KB': Array.from({ length: 200 }, (_, i) => `x-bomb-${i}: ${'b'.repeat(90)}`),
    '3,000 headers': Array.from({ length: 3000 }, () => 'a:'),
    '201 headers': Array.from({ length: 198 }, (_, i) => `x-${i}: 1`)
  }
  for (const [name, headers] of Object.entries(bombs)) {
    const client = await rawClient(t, gw.url)
    const answer = await client.send(rawChat({}, headers)).answer()
    checkEnvelope(t, answer, { status: 431, code: 'headers_too_large' }, name)
    await client.gone()
  }
  t.equal(gw.upstream.requests.length, 0)
  const client = await rawClient(t, gw.url)
  t.equal(
    (
      await client
        .send(
          rawChat(
            {},
            Array.from({ length: 197 }, (_, i) => `x-${i}: 1`)
          )
        )
        .answer()
    ).status,
    200,
    '200 headers are served'
  )
})

test('C24 a second spelling of Host or path never reaches a route', async t => {
  const gw = await createTestGateway(t, {
    upstream: ANSWER,
    listen: true,
    config: {
      version: 1,
      plugins: {
        keys: { use: 'auth-api-key' },
        open: { use: 'auth-none' },
        router: { use: 'kit-router' },
        recorder: { use: 'kit-recorder' }
      },
      providers: { upstream: { use: 'kit-provider', config: { base_url: '${UPSTREAM}/v1' } } },
      routes: [
        { name: 'closed', match: { path: '/v1/chat/completions' }, pipeline: ['keys', 'router', 'recorder'] },
        { name: 'open', match: { path: '/*' }, pipeline: ['open', 'router', 'recorder'] }
      ]
    }
  })
  const targets = [
    '//v1/chat/completions',
    '/v1//chat/completions',
    '/v1/./chat/completions',
    '/v1/x/../chat/completions',
    '/v1/chat/%63ompletions',
    '/v1/chat%2fcompletions',
    '/v1/chat%2Fcompletions',
    '/%76%31/chat/completions',
    '/v1/chat/completions%00',
    '/v1/chat/completions#',
    '/v1/chat/completions#/v1/models',
    '/v1/chat\\completions',
    '/v1/chat/completions%5c',
    '/v1/chat/%2e%2e/chat/completions',
    '/v1/models/%2e%2e/chat/completions',
    '/v1/models/../chat/completions',
    '/v1/models/%63',
    'http://gateway/v1/chat/completions',
    'v1/chat/completions',
    '*',
    '/v1/chat/completions%zz'
  ]
  for (const target of targets) {
    const client = await rawClient(t, gw.url)
    const answer = await client.send(rawRequest('POST', target, [JSON_TYPE], BODY)).answer()
    t.ok(answer.status === 400 || answer.status === 404, `${target} gets ${answer.status}`)
    checkEnvelope(t, answer, { status: answer.status, code: answer.status === 404 ? 'unknown_url' : 'invalid_request' }, target)
  }
  const hosts = await rawClient(t, gw.url)
  checkEnvelope(t, await hosts.send(rawChat({}, ['Host: other'])).answer(), { status: 400, code: 'invalid_request' }, 'two Hosts')
  for (const path of ['/v1/chat/completions/', '/V1/chat/completions', '/v1/chat/completions;x=1']) {
    const client = await rawClient(t, gw.url)
    checkEnvelope(t, await client.send(rawRequest('POST', path, [JSON_TYPE], BODY)).answer(), { status: 404, code: 'unknown_url' }, path)
  }
  const query = await rawClient(t, gw.url)
  t.equal(
    (await query.send(rawRequest('POST', '/v1/chat/completions?a=/../%2f', [JSON_TYPE], BODY)).answer()).status,
    401,
    'a query decides nothing'
  )
  t.equal(gw.upstream.requests.length, 0, 'nothing got past the key')
})

test('C25 pipelined requests are answered in order, one at a time', async t => {
  let running = 0
  let most = 0
  const gw = await createTestGateway(t, {
    listen: true,
    upstream: async request => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 5))
      running--
      return reply({
        json: {
          id: 'x',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: (JSON.parse(request.body.toString()) as { n: string }).n },
              finish_reason: 'stop'
            }
          ]
        }
      })
    }
  })
  const client = await rawClient(t, gw.url)
  client.send(
    Buffer.concat(Array.from({ length: 8 }, (_, n) => rawChat({ tag: n, messages: [{ role: 'user', content: 'x' }], n: n + 1 }))),
    rawRequest('GET', '/nowhere')
  )
  const last = await client.answer(8)
  t.strictSame(
    client.answers
      .slice(0, 8)
      .map(({ body }) => (JSON.parse(body) as { choices: { message: { content: number } }[] }).choices[0]!.message.content),
    [1, 2, 3, 4, 5, 6, 7, 8]
  )
  checkEnvelope(t, last, { status: 404, code: 'unknown_url' })
  t.equal(most, 1, 'never more than one under way')
})

test('C25 what waits on a connection that goes away is dropped, and garbage waits for the answers before it', async t => {
  const gw = await createTestGateway(t, { upstream: [hang(), ANSWER], listen: true })
  const gone = await rawClient(t, gw.url)
  gone.send(Buffer.concat([rawChat(), rawChat(), rawChat()]))
  await gw.upstream.until(() => gw.upstream.requests.length === 1)
  gone.socket.resetAndDestroy()
  await gw.upstream.until(() => gw.upstream.requests[0]!.aborted)
  await gw.settled()
  t.equal(gw.upstream.requests.length, 1, 'requests that waited are not begun')
  t.match(
    gw.exchanges.map(({ outcome }) => outcome),
    ['client_closed']
  )
  const mixed = await rawClient(t, gw.url)
  mixed.send(Buffer.concat([rawChat(), Buffer.from('garbage\r\n\r\n')]))
  t.equal((await mixed.answer(0)).status, 200)
  checkEnvelope(t, await mixed.answer(1), { status: 400, code: 'invalid_request' })
  await mixed.gone()
})

test('C26 other protocols are refused with an answer and a closed connection', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const cases = [
    { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400, code: 'invalid_request' },
    { name: 'CONNECT', bytes: 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n', status: 400, code: 'invalid_request' },
    {
      name: 'a WebSocket',
      bytes: rawRequest('GET', '/v1/realtime', [
        'connection: Upgrade',
        'upgrade: websocket',
        'sec-websocket-version: 13',
        'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
      ]),
      status: 426,
      code: 'upgrade_not_supported'
    },
    {
      name: 'a WebSocket at an endpoint',
      bytes: rawChat({}, ['connection: Upgrade', 'upgrade: websocket']),
      status: 426,
      code: 'upgrade_not_supported'
    },
    { name: 'TLS', bytes: Buffer.from('160301020001000001fc0303', 'hex'), status: 400, code: 'invalid_request' }
  ]
  for (const { name, bytes, status, code } of cases) {
    const client = await rawClient(t, gw.url)
    const answer = await client.send(bytes).answer()
    checkEnvelope(t, answer, { status, code }, name)
    await client.gone()
    t.equal(client.answers.length, 1, `${name} gets one answer`)
  }
  t.equal(gw.upstream.requests.length, 0)
  const client = await rawClient(t, gw.url)
  const h2c = await client
    .send(rawChat({}, ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQAoAAAAAIAAAAA']))
    .answer()
  t.equal(h2c.status, 200, 'an offer of HTTP/2 by clients that can do without it is passed over')
})

test('C27 odd expectations are a 417, odd content types a 415, other methods a 405', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const types = [
    [],
    ['content-type: text/plain'],
    ['content-type: application/x-www-form-urlencoded'],
    ['content-type: application/jsonx'],
    ['content-type: application/json, text/plain'],
    ['content-type: json'],
    ['content-type: '],
    ['content-type: ;'],
    ['content-type: multipart/form-data; boundary=x'],
    ['content-type: application/json; charset=utf-16'],
    ['content-type: application/json; charset="latin1"'],
    [JSON_TYPE, 'content-type: text/plain'],
    [JSON_TYPE, JSON_TYPE]
  ]
  for (const headers of types) {
    const client = await rawClient(t, gw.url)
    checkEnvelope(
      t,
      await client.send(rawRequest('POST', '/v1/chat/completions', headers, BODY)).answer(),
      { status: 415, code: 'unsupported_media_type' },
      headers.join(' + ') || 'no content type'
    )
  }
  const odd = await rawClient(t, gw.url)
  checkEnvelope(t, await odd.send(rawChat({}, ['expect: 200-maybe'])).answer(), { status: 417, code: 'expectation_failed' })
  await odd.gone()
  for (const [method, path, allow] of [
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models', 'GET'],
    ['PUT', '/v1/embeddings', 'POST']
  ] as const) {
    const client = await rawClient(t, gw.url)
    const answer = await client.send(rawRequest(method, path)).answer()
    checkEnvelope(t, answer, { status: 405, code: 'method_not_allowed' }, `${method} ${path}`)
    t.equal(answer.headers['allow'], allow)
  }
  t.equal(gw.upstream.requests.length, 0)
  for (const headers of [
    [JSON_TYPE],
    ['content-type: application/json; charset=UTF-8'],
    ['CONTENT-TYPE: Application/JSON'],
    [JSON_TYPE, 'expect: 100-continue']
  ]) {
    const client = await rawClient(t, gw.url)
    t.equal(
      (await client.send(rawRequest('POST', '/v1/chat/completions', headers, BODY)).answer()).status,
      200,
      `${headers.join(' + ')} is served`
    )
  }
})
