import { spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { definePlugin } from '@headgate/api'
import { test } from 'tap'
import { createTestGateway, reply, type TestGateway } from '@headgate/api/test'
import { checkEnvelope, type Expected } from './envelope.ts'
import { rawChat, rawClient, rawRequest, type RawAnswer } from './raw-client.ts'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const
const ANSWER = reply({ json: { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] } })
const MESSAGES = '"messages":[{"role":"user","content":"hello"}]'
const JSON_TYPE = 'content-type: application/json'

/** Sends bodies that the gateway has to refuse, one after the other on one connection where it stays open. */
async function refusals(
  t: Parameters<typeof checkEnvelope>[0],
  gw: TestGateway,
  cases: { readonly [name: string]: string | Uint8Array },
  expected: Expected
): Promise<void> {
  for (const [name, body] of Object.entries(cases)) {
    const client = await rawClient(t, gw.url)
    checkEnvelope(t, await client.send(rawRequest('POST', '/v1/chat/completions', [JSON_TYPE], body)).answer(), expected, name)
    await gw.settled()
    t.match(
      gw.exchange,
      {
        outcome: 'rejected',
        error: { source: 'client', code: expected.code },
        response: { status_code: expected.status },
        provider: { attempts: [] }
      },
      `${name} is recorded`
    )
  }
  t.equal(gw.upstream.requests.length, 0, 'nothing is forwarded')
}

/** A gateway whose plugin counts the bodies it has seen. */
async function watched(t: Parameters<typeof checkEnvelope>[0]): Promise<{ readonly gw: TestGateway; readonly seen: () => number }> {
  let seen = 0
  const watcher = definePlugin({
    name: 'watcher',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      request: ctx => {
        if (ctx.request.model !== '') seen++
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { watcher }, upstream: ANSWER, listen: true })
  return { gw, seen: () => seen }
}

test('C6 a body above the limit is a 413 at its first excess byte', async t => {
  const limit = 64 * 1024
  const gw = await createTestGateway(t, { upstream: ANSWER, server: { body_limit: '64kb' }, listen: true })
  const check = async (name: string, answer: RawAnswer): Promise<void> => {
    checkEnvelope(t, answer, { status: 413, code: 'request_too_large' }, name)
    t.equal(answer.headers['connection'], 'close')
    await gw.settled()
    t.match(gw.exchange, {
      outcome: 'rejected',
      error: { code: 'request_too_large' },
      response: { status_code: 413 },
      provider: { attempts: [] }
    })
  }
  const announced = await rawClient(t, gw.url)
  announced.send(`POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${JSON_TYPE}\r\ncontent-length: ${limit + 1}\r\n\r\n`)
  await check('an announced length, before any byte of it', await announced.answer())
  const chunked = await rawClient(t, gw.url)
  chunked.send(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${JSON_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${limit.toString(16)}\r\n${' '.repeat(limit)}\r\n`
  )
  const served = await rawClient(t, gw.url)
  t.equal((await served.send(rawChat()).answer()).status, 200)
  t.equal(chunked.answers.length, 0, 'up to the limit nothing is refused')
  chunked.send('1\r\n \r\n')
  await check('chunks, at the first excess byte', await chunked.answer())
  const eager = await rawClient(t, gw.url)
  eager.send(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${JSON_TYPE}\r\ncontent-length: 4000000\r\n\r\n`,
    Buffer.alloc(4_000_000, 0x20)
  )
  await check('a client that sends all of it before it reads', await eager.answer())
  t.equal(eager.error, undefined, 'its connection is not reset under it')
  const exact = await rawClient(t, gw.url)
  t.equal(
    (await exact.send(rawChat(`{"model":"m",${MESSAGES},"pad":"${'x'.repeat(limit - 70)}"}`.padEnd(limit))).answer()).status,
    200,
    'a body of exactly the limit is served'
  )
})

test('C7 a compressed body is a 415', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'x']) {
    const client = await rawClient(t, gw.url)
    const answer = await client
      .send(rawRequest('POST', '/v1/chat/completions', [JSON_TYPE, `content-encoding: ${encoding}`], gzipSync('{}')))
      .answer()
    checkEnvelope(t, answer, { status: 415, code: 'unsupported_encoding' }, encoding)
    t.equal(answer.headers['accept-encoding'], 'identity')
  }
  t.equal(gw.upstream.requests.length, 0)
  const client = await rawClient(t, gw.url)
  t.equal((await client.send(rawChat({}, ['content-encoding: identity'])).answer()).status, 200)
})

test('C8 what is no JSON object is a 400, in our words', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  await refusals(
    t,
    gw,
    {
      empty: '',
      blank: '  \n',
      truncated: `{"model":"m",${MESSAGES}`,
      'cut in a string': '{"model":"m',
      'a bare word': 'secret-word',
      array: '[]',
      string: '"x"',
      number: '1',
      null: 'null',
      NaN: `{"model":"m",${MESSAGES},"temperature":NaN}`,
      Infinity: `{"model":"m",${MESSAGES},"temperature":-Infinity}`,
      'single quotes': "{'model':'m'}",
      comment: `{"model":"m",/**/${MESSAGES}}`,
      'trailing comma': `{"model":"m",${MESSAGES},}`,
      'two objects': `{"model":"m",${MESSAGES}}{}`,
      'control character': `{"model":"a\u0001",${MESSAGES}}`,
      'wrong escape': `{"model":"\\x",${MESSAGES}}`,
      'leading zero': `{"model":"m",${MESSAGES},"seed":01}`,
      form: 'model=m&messages=x',
      HTML: '<html>'
    },
    { status: 400, code: 'invalid_json', param: null }
  )
  for (const message of gw.logs.map(line => JSON.stringify(line))) t.notMatch(message, /secret-word/)
})

test('C9 a body that is not UTF-8 is a 400', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const around = (...bytes: readonly number[]): Buffer =>
    Buffer.concat([Buffer.from('{"model":"m","messages":[{"role":"user","content":"'), Buffer.from(bytes), Buffer.from('"}]}')])
  await refusals(
    t,
    gw,
    {
      'Latin-1': around(0xe9),
      'a lone continuation': around(0x80),
      overlong: around(0xc0, 0xaf),
      'a surrogate': around(0xed, 0xa0, 0x80),
      'beyond Unicode': around(0xf4, 0x90, 0x80, 0x80),
      'cut off': around(0xe2, 0x82),
      'UTF-16': Buffer.from('\ufeff{"model":"m"}', 'utf16le')
    },
    { status: 400, code: 'invalid_encoding' }
  )
})

test('C10 lone surrogates, NUL and a byte-order mark are accepted and well-formed on the wire', async t => {
  const edit = definePlugin({
    name: 'edit',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      request: ctx => {
        if (ctx.headers['x-edit'] !== undefined) ctx.edit()['user'] = 'u'
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { edit }, upstream: ANSWER, listen: true })
  const text = '{"model":"m","messages":[{"role":"user","content":"\\ud800 \\udfff \\u0000 \\ud83d\\ude00 😀"}]}'
  const contents: string[] = []
  for (const [body, headers] of [
    [text, []],
    [`\ufeff${text}`, []],
    [text, ['x-edit: 1']]
  ] as const) {
    const client = await rawClient(t, gw.url)
    t.equal((await client.send(rawRequest('POST', '/v1/chat/completions', [JSON_TYPE, ...headers], body)).answer()).status, 200)
    const forwarded = gw.upstream.requests.at(-1)!.body
    t.equal(Buffer.compare(Buffer.from(forwarded.toString()), forwarded), 0, 'valid UTF-8')
    t.equal(forwarded[0], 0x7b, 'no byte-order mark')
    contents.push((JSON.parse(forwarded.toString()) as { messages: { content: string }[] }).messages[0]!.content)
  }
  t.strictSame(contents, new Array(3).fill('\ud800 \udfff \0 😀 😀'))
  await gw.settled()
  t.doesNotThrow(() => encodeURIComponent(JSON.stringify(gw.exchange)), 'the record is well-formed when written as JSON')
})

const COMPLEX: { readonly [name: string]: string } = {
  'arrays in arrays': `{"model":"m",${MESSAGES},"x":${'['.repeat(64)}${']'.repeat(64)}}`,
  'endless nesting': `{"model":"m","x":${'['.repeat(500_000)}`,
  'objects in objects': `{"model":"m",${MESSAGES},"x":${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`,
  '100,001 values': `{"model":"m",${MESSAGES},"x":[${'0,'.repeat(100_000)}0]}`,
  '10,001 messages': `{"model":"m","messages":[${new Array(10_001).fill('{"role":"user","content":"x"}').join(',')}]}`
}

/** Refuses a body from standard input again and again and prints the best time in milliseconds. */
const TIMER = `
import { readFileSync } from 'node:fs'
const { scanBody } = await import(process.argv[1])
const bytes = readFileSync(0)
let best = Infinity
for (let i = 0; i < 200; i++) {
  const since = performance.now()
  try { scanBody(bytes) } catch { best = Math.min(best, performance.now() - since) }
}
process.stdout.write(String(best))
`

/** Best time until the scanner refuses a body, in a process without the counters of a coverage run. */
function scanTime(bytes: Buffer): number {
  const scan = new URL('../../core/wire/scan.ts', import.meta.url).href
  // The test runner puts its variables into every child; `env` takes them out again behind its back.
  const clean = ['-u', 'NODE_OPTIONS', '-u', 'NODE_V8_COVERAGE', process.execPath, '--input-type=module', '-e', TIMER, scan]
  const { stdout } = spawnSync('env', clean, { input: bytes, encoding: 'utf8' })
  return Number(stdout || Infinity)
}

test('C11 bodies that are too complex are a 400 within 5 ms, before any plugin reads them', async t => {
  const { gw, seen } = await watched(t)
  await refusals(t, gw, COMPLEX, { status: 400, code: 'too_complex' })
  t.equal(seen(), 0)
  for (const [name, body] of Object.entries(COMPLEX)) {
    const best = scanTime(Buffer.from(body))
    t.ok(best > 0 && best <= 5, `${name} takes ${best.toFixed(2)} ms`)
  }
})

test('C12 keys that reach a prototype are a 400 at any depth and in any spelling', async t => {
  const { gw, seen } = await watched(t)
  await refusals(
    t,
    gw,
    {
      top: `{"model":"m",${MESSAGES},"__proto__":{"polluted":1}}`,
      deep: `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","__proto__":{"polluted":1}}]}]}`,
      escaped: `{"model":"m",${MESSAGES},"\\u005f_proto\\u005f_":{"polluted":1}}`,
      constructor: `{"model":"m",${MESSAGES},"constructor":{"prototype":{"polluted":1}}}`
    },
    { status: 400, code: 'forbidden_key' }
  )
  t.equal(seen(), 0)
  t.notOk('polluted' in {})
  const client = await rawClient(t, gw.url)
  t.equal(
    (await client.send(rawChat({ metadata: { constructor: 'ACME', prototype: 'x' } })).answer()).status,
    200,
    'the words alone are harmless'
  )
})

test('C13 a field given twice is a 400, so that policy and upstream read the same', async t => {
  const { gw, seen } = await watched(t)
  for (const [field, body] of [
    ['model', `{"model":"cheap",${MESSAGES},"model":"dear"}`],
    ['messages', `{${MESSAGES},"model":"m",${MESSAGES}}`],
    ['stream', `{"stream":false,"model":"m",${MESSAGES},"stream":true}`],
    ['model', `{"model":"cheap",${MESSAGES},"mod\\u0065l":"dear"}`]
  ] as const) {
    await refusals(t, gw, { [field]: body }, { status: 400, code: 'duplicate_key', param: field })
  }
  t.equal(seen(), 0)
})

test('C14 wrong types are a 400 with the field, unknown fields pass through', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const cases: readonly (readonly [param: string, code: string, body: object])[] = [
    ['model', 'missing_required_parameter', { model: undefined }],
    ['model', 'invalid_type', { model: 7 }],
    ['model', 'invalid_type', { model: ['m'] }],
    ['model', 'invalid_value', { model: '' }],
    ['model', 'invalid_value', { model: 'm'.repeat(257) }],
    ['messages', 'missing_required_parameter', { messages: undefined }],
    ['messages', 'invalid_type', { messages: 'hello' }],
    ['messages', 'empty_array', { messages: [] }],
    ['messages[0]', 'invalid_type', { messages: ['x'] }],
    ['messages[1].role', 'missing_required_parameter', { messages: [{ role: 'user', content: 'x' }, { content: 'x' }] }],
    ['messages[0].content', 'invalid_type', { messages: [{ role: 'user', content: 7 }] }],
    ['stream', 'invalid_type', { stream: 'true' }],
    ['stream_options', 'invalid_type', { stream_options: [] }],
    ['n', 'invalid_type', { n: '2' }],
    ['n', 'integer_below_min_value', { n: 0 }],
    ['max_tokens', 'invalid_type', { max_tokens: 1.5 }],
    ['temperature', 'invalid_type', { temperature: '1' }],
    ['tools', 'invalid_type', { tools: {} }]
  ]
  for (const [param, code, change] of cases) {
    const client = await rawClient(t, gw.url)
    checkEnvelope(t, await client.send(rawChat(change)).answer(), { status: 400, code, param }, JSON.stringify(change).slice(0, 60))
  }
  t.equal(gw.upstream.requests.length, 0)
  const client = await rawClient(t, gw.url)
  const body = `{"model":"m", "x_unknown":{"a":[1,{"b":null}]},${MESSAGES}}`
  t.equal((await client.send(rawRequest('POST', '/v1/chat/completions', [JSON_TYPE], body)).answer()).status, 200)
  t.equal(gw.upstream.requests[0]!.body.toString(), body)
})

const BIG =
  '"seed":9007199254740993,"big":12345678901234567890123,"huge":1e999,"tiny":0.10000000000000000001,"zero":-0,"list":[1.0,9223372036854775807,{"x":18446744073709551615}]'

test('C15 numbers that a double cannot hold reach the upstream as they are, also when something else was edited', async t => {
  const edit = definePlugin({
    name: 'edit',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      request(ctx) {
        if (ctx.headers['x-edit'] === 'field') ctx.edit()['user'] = 'somebody'
        if (ctx.headers['x-edit'] === 'text') for (const span of ctx.texts()) span.text = span.text.toUpperCase()
      },
      attempt(ctx) {
        if (ctx.headers['x-edit'] === 'patch') ctx.patch({ user: 'somebody' })
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { edit }, upstream: ANSWER, listen: true })
  for (const how of ['nothing', 'field', 'text', 'patch']) {
    const client = await rawClient(t, gw.url)
    const body = `{"model":"m",${MESSAGES},${BIG}}`
    t.equal((await client.send(rawRequest('POST', '/v1/chat/completions', [JSON_TYPE, `x-edit: ${how}`], body)).answer()).status, 200)
    const forwarded = gw.upstream.requests.at(-1)!.body.toString()
    for (const number of [
      '"seed":9007199254740993,',
      '"big":12345678901234567890123,',
      '"huge":1e999,',
      '"tiny":0.10000000000000000001,',
      '"zero":-0,',
      '9223372036854775807',
      '{"x":18446744073709551615}'
    ])
      t.ok(forwarded.includes(number), `${how} edited: ${number}`)
    if (how === 'nothing') t.equal(forwarded, body, 'byte for byte')
    if (how === 'field' || how === 'patch') t.match(forwarded, /"user":"somebody"/)
    if (how === 'text') t.match(forwarded, /"content":"HELLO"/)
  }
})
