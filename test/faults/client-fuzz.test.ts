import fc from 'fast-check'
import { test } from 'tap'
import { createTestGateway, reply } from '@headgate/api/test'
import { checkEnvelope } from './envelope.ts'
import { rawChat, rawClient, rawRequest, type RawClient } from './raw-client.ts'

const ANSWER = reply({ json: { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] } })
const BODY =
  '{"model":"test-model","messages":[{"role":"system","content":"be kind"},{"role":"user","content":[{"type":"text","text":"h\\u00e9llo"}]}],"temperature":0.7,"seed":12345678901234567890,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"stream":false}'
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\u00',
  '__proto__',
  '"__proto__":{"polluted":1},',
  '"constructor":{"prototype":{"polluted":1}},',
  'null',
  'true',
  '1e999',
  '-',
  '0',
  '00',
  '1E+400',
  '\u0000',
  '\u2028',
  '\ufeff',
  '💥',
  '"model":"m",',
  '"stream":"x",',
  ' ',
  '\n',
  '/**/',
  'NaN',
  '[[[[[[[[',
  '"a":'
] as const
const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Buffer.prototype]

const edit = fc.record({
  at: fc.nat(400),
  cut: fc.nat(12),
  put: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ maxLength: 6 }), fc.json({ maxDepth: 3 }))
})
const mutated = fc.array(edit, { minLength: 1, maxLength: 4 }).map(edits => {
  let text = BODY
  for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut)
  return text
})
const field = fc.constantFrom(
  'model',
  'messages',
  'stream',
  'temperature',
  'tools',
  'tool_choice',
  'n',
  'max_tokens',
  'stream_options',
  'metadata',
  'store',
  'prediction',
  'functions'
)
const shaped = fc
  .dictionary(field, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 6 })
  .map(fields => JSON.stringify({ ...(JSON.parse(BODY) as object), ...fields }))

function shapeOf(holders: readonly object[]): string {
  return JSON.stringify(holders.map(holder => Reflect.ownKeys(holder).map(String)))
}

test('C8 C12 C14 2,000 mutated bodies: never a 5xx, always the envelope, and the upstream reads what was checked', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER })
  const before = shapeOf(PROTOTYPES)
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 3, arbitrary: mutated }, { weight: 1, arbitrary: shaped }), async text => {
      const forwarded = gw.upstream.requests.length
      const answer = await gw.request('POST', '/v1/chat/completions', text)
      if (answer.status === 200) {
        accepted++
        const sent = gw.upstream.requests.at(-1)!.body.toString()
        // Streams are asked for usage, which is the one thing that is added.
        if (!gw.exchange.request.stream && JSON.stringify(JSON.parse(sent)) !== JSON.stringify(JSON.parse(text.replace(/^\ufeff/, ''))))
          throw new Error(`forwarded as ${sent}`)
        return
      }
      if (answer.status < 400 || answer.status >= 500) throw new Error(`status ${answer.status}`)
      if (gw.upstream.requests.length !== forwarded) throw new Error('forwarded although refused')
      const { error, headers } = answer
      if (error === undefined || typeof error.message !== 'string' || typeof error.type !== 'string' || typeof error.code !== 'string')
        throw new Error(`no envelope: ${answer.raw.toString()}`)
      if (headers['x-request-id'] === undefined || headers['x-headgate-error-source'] === undefined) throw new Error('headers are missing')
      if (!('param' in error) || gw.exchange.outcome !== 'rejected') throw new Error('not recorded as rejected')
    }),
    { numRuns: 2000 }
  )
  t.equal(shapeOf(PROTOTYPES), before, 'prototypes are as they were')
  t.notOk('polluted' in {})
  t.equal(gw.exchanges.length, 2000, 'one record each')
  t.ok(accepted > 50 && accepted < 1950, `${accepted} were served`)
  t.equal((await gw.chat()).status, 200)
})

const SEEDS = [
  rawChat(),
  rawChat({ stream: true }),
  rawRequest('GET', '/v1/models'),
  Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
  ),
  Buffer.concat([rawChat(), rawRequest('GET', '/health')])
]
const SNIPPETS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  'transfer-encoding: chunked\r\n',
  'content-length: 0\r\n',
  'content-length: 99999999999\r\n',
  'expect: 100-continue\r\n',
  'upgrade: websocket\r\nconnection: upgrade\r\n',
  'connection: close\r\n',
  'HTTP/1.0',
  'HTTP/9.9',
  'CONNECT ',
  '%',
  '..',
  '\u00ff',
  'GET / HTTP/1.1\r\n\r\n',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n'
] as const

const bytes = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.array(
      fc.record({
        at: fc.nat(300),
        cut: fc.nat(8),
        put: fc.oneof(
          fc.constantFrom(...SNIPPETS).map(text => Buffer.from(text, 'latin1')),
          fc.uint8Array({ maxLength: 4 }).map(piece => Buffer.from(piece))
        )
      }),
      { minLength: 1, maxLength: 3 }
    ),
    fc.nat(2)
  )
  .map(([seed, edits, split]) => {
    let whole = seed
    for (const { at, cut, put } of edits) whole = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + cut)])
    const middle = Math.ceil(whole.length / (split + 1))
    return [whole.subarray(0, middle), whole.subarray(middle)] as const
  })

/** What a connection got, once it is closed. @throws {Error} when it hangs */
async function fate(client: RawClient, pieces: readonly Uint8Array[]): Promise<void> {
  client.socket.setNoDelay(true)
  for (const piece of pieces) if (piece.length > 0 && client.socket.writable) client.socket.write(piece)
  client.socket.end()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs after ${JSON.stringify(client.text.slice(0, 300))}`)), 8000)
  })
  await Promise.race([client.gone(), late])
  clearTimeout(timer)
}

test('C23 1,000 mutated requests as raw bytes: no crash, no hang, no 5xx', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  const statuses = new Map<number, number>()
  for (let round = 0; round < 20; round++) {
    const samples = fc.sample(bytes, 50)
    await Promise.all(
      samples.map(async pieces => {
        const client = await rawClient(t, gw.url, { allowHalfOpen: true })
        try {
          await fate(client, pieces)
          for (const { status, headers } of client.answers) {
            statuses.set(status, (statuses.get(status) ?? 0) + 1)
            if (status >= 500 || (status >= 400 && headers['x-request-id'] === undefined)) throw new Error(client.text)
          }
        } catch (error) {
          t.fail(`${(error as Error).message}\nfor ${JSON.stringify(Buffer.concat(pieces).toString('latin1'))}`)
        }
      })
    )
  }
  const seen = [...statuses.keys()].sort((a, b) => a - b)
  t.ok(seen.includes(200) && seen.includes(400), `answers: ${JSON.stringify([...statuses])}`)
  await gw.settled()
  t.equal(gw.exchanges.filter(({ outcome }) => outcome === 'failed').length, 0, 'no exchange failed')
  t.strictSame(
    gw.logs.filter(({ level }) => level === 'error'),
    [],
    'nothing went wrong inside'
  )
  const client = await rawClient(t, gw.url)
  t.equal((await client.send(rawChat()).answer()).status, 200, 'others are served')
  const last = await rawClient(t, gw.url)
  checkEnvelope(t, await last.send('x\r\n\r\n').answer(), { status: 400, code: 'invalid_request' })
})
