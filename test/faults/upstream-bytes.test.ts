import fc from 'fast-check'
import { test } from 'tap'
import { createTestGateway, reply, sse, withFault, type Split } from '@headgate/api/test'
import { disconnected, event, frame, results, ROLE, STOP, USAGE_EVENT } from './upstream-cases.ts'

const ASKING = { stream: true, stream_options: { include_usage: true } }
const SERVER_ERROR = { type: 'server_error', param: null }

/** A stream with everything that servers put between and into events. */
function oddStream(newline: string): string {
  const data = [ROLE, event({ content: 'h\u00e9 \u{1f600} \u2028' }), event({ content: 'lo' }), STOP, USAGE_EVENT].map(item =>
    JSON.stringify(item)
  )
  const lines = [
    ': a comment',
    '',
    `data: ${data[0]}`,
    '',
    `id: 7`,
    `event: chunk`,
    `data:${data[1]}`,
    '',
    ': OPENROUTER PROCESSING',
    '',
    '',
    'retry: 10',
    `data: ${data[2]}`,
    'x-unknown: field',
    '',
    `data: ${data[3]}`,
    '',
    `data: ${data[4]}`,
    '',
    'data: [DONE]',
    '',
    ''
  ]
  return lines.join(newline)
}

test('U29 a stream passes byte for byte wherever it is cut', async t => {
  const gw = await createTestGateway(t, { upstream: reply() })
  for (const newline of ['\n', '\r\n', '\r']) {
    const text = oddStream(newline)
    const bytes = Buffer.from(text)
    const splits: Split[] = ['whole', 'every-byte', 'inside-characters', 7]
    for (let at = 1; at < bytes.length; at += newline === '\n' ? 1 : 3) splits.push([at])
    let wrong = 0
    for (const split of splits) {
      gw.upstream.use(sse(text, { split }))
      const told = await gw.chat(ASKING)
      if (!told.raw.equals(bytes) || gw.exchange.outcome !== 'ok' || gw.exchange.usage.source !== 'upstream') wrong++
    }
    t.equal(wrong, 0, `${splits.length} ways to cut a stream with ${JSON.stringify(newline)}`)
  }
})

test('U29 hidden usage is all that is missing from the bytes', async t => {
  const gw = await createTestGateway(t, { upstream: reply() })
  for (const split of ['whole', 'every-byte', 13] as const) {
    gw.upstream.use(sse(oddStream('\n'), { split }))
    const told = await gw.chat({ stream: true })
    t.equal(told.raw.toString(), oddStream('\n').replace(frame(USAGE_EVENT), ''))
  }
})

test('U29 a byte order mark passes and its event is read', async t => {
  const text = `\ufeff${frame(ROLE)}${frame(event({ content: 'hi' }))}${frame(STOP)}${frame('[DONE]')}`
  for (const split of ['whole', 'every-byte'] as const) {
    const gw = await createTestGateway(t, { upstream: sse(text, { split }) })
    const told = await gw.chat(ASKING)
    t.equal(told.raw.toString(), text)
    t.match(gw.exchange, { outcome: 'ok', response: { body: { choices: [{ message: { content: 'hi' } }] } } })
  }
})

test('U29 whatever a server sends in whatever pieces, the same bytes come out', async t => {
  const gw = await createTestGateway(t, { upstream: reply() })
  const delta = fc.record({ content: fc.string({ unit: 'grapheme', maxLength: 40 }) })
  const newline = fc.constantFrom('\n', '\r\n')
  const item = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(delta, newline).map(([content, end]) => frame(event(content), end)) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(': x', ':', ': {"a":1}'), newline).map(([comment, end]) => comment + end + end) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(delta, newline)
        .map(([content, end]) => `event: message${end}id: 1${end}data: ${JSON.stringify(event(content))}${end}${end}`)
    },
    { weight: 1, arbitrary: fc.constantFrom('\n', '\r\n') }
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { maxLength: 8 }),
      async (items, split) => {
        const text = items.join('') + frame(STOP) + frame('[DONE]')
        gw.upstream.use(sse(text, { split }))
        const told = await gw.chat(ASKING)
        return told.raw.toString() === text && gw.exchange.outcome === 'ok'
      }
    ),
    { numRuns: 60 }
  )
  t.pass('60 streams')
})

test('a whole answer passes byte for byte in whatever pieces it comes', async t => {
  const body =
    '\n{ "id" :"x","choices":[ {"index":0,"message":{"role":"assistant","content":"\\u00e9\\ud83d\\ude00 é"},"n":12345678901234567890,"f":1.10,"e":1E400,"finish_reason":"stop"} ],\t"usage":{"prompt_tokens":3} , "x":null}\r\n'
  const gw = await createTestGateway(t, { upstream: reply() })
  for (const sizes of [[1], [7], [100, 1], [10_000]]) {
    for (const framing of ['length', 'chunked'] as const) {
      gw.upstream.use(
        withFault(reply({ headers: { 'content-type': 'application/json' }, body, framing }), answer => ({ ...answer, slices: sizes }))
      )
      t.equal((await gw.chat()).raw.toString(), body)
    }
  }
})

test('U29 a line of 10 MB passes; one that is too long ends the stream with an error event', async t => {
  const line = (megabytes: number): string =>
    frame(ROLE) +
    frame(event({ content: 'hi' })) +
    frame(event({ content: 'x'.repeat(megabytes * 1024 * 1024) })) +
    frame(STOP) +
    frame('[DONE]')
  const long = line(10)
  const gw = await createTestGateway(t, { upstream: sse(long, { split: 65_536 }) })
  const told = await gw.chat(ASKING)
  t.ok(told.raw.equals(Buffer.from(long)))
  t.equal(gw.exchange.outcome, 'ok')
  gw.upstream.use(sse(line(17), { split: 65_536 }))
  const over = await gw.chat(ASKING)
  t.equal(over.text, 'hi')
  t.match(over.error, { ...SERVER_ERROR, code: 'upstream_too_large' })
  t.notOk(over.done)
  t.same(results(gw), ['sse_line'])
  t.match(gw.exchange, { outcome: 'failed', response: { stream_end: 'limit' } })
  t.equal(await disconnected(gw.upstream), 0)
})
