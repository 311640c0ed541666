import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import fc from 'fast-check'
import { StreamLimitError } from '../../core/stream/limit.ts'
import { SseSplitter, type SseFrame } from '../../core/stream/sse.ts'

const FIXTURES = new URL('../../../shared/fixtures/', import.meta.url)

/** Frames of the bytes when they arrive in these pieces. */
function split(pieces: readonly Buffer[]): SseFrame[] {
  const splitter = new SseSplitter()
  const frames: SseFrame[] = []
  for (const piece of pieces) frames.push(...splitter.push(piece))
  frames.push(...splitter.end())
  return frames
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  const list: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) list.push(bytes.subarray(at, at + size))
  return list
}

/** One string to compare: what each frame says and its exact bytes. */
function told(frames: readonly SseFrame[]): string {
  return JSON.stringify(frames.map(({ raw, event, data }) => [raw.toString('latin1'), event, data]))
}

/** As comparing {@link told}, but cheap enough for a hundred thousand cuts. */
function same(frames: readonly SseFrame[], expected: readonly SseFrame[]): boolean {
  if (frames.length !== expected.length) return false
  return frames.every(({ raw, event, data }, i) => {
    const other = expected[i] as SseFrame
    return data === other.data && event === other.event && raw.length === other.raw.length
  })
}

const NASTY = [
  '',
  '\n',
  '\r',
  '\r\n',
  '\n\n\n',
  'data: a',
  'data: a\n',
  'data: a\n\n',
  'data:a\r\n\r\ndata:b\r\rdata: c\n\n',
  '\ufeffdata: a\n\n',
  '\ufeff\n\n',
  ': ping\n\ndata: 1\n\n',
  ': OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {"a":1}\n\ndata: [DONE]\n\n',
  'event: error\ndata: {"error":{}}\n\n',
  'data:{"a":1}\nevent:message_start\n\n',
  'data: a\ndata:b\ndata\ndata:  c\n\n',
  'id: 1\nretry: 5\n\n',
  'data: é漢😀\r\n\r\ndata: 😀',
  'data: a\r\r\n\ndata: b\n\r\n\r',
  'event: a\r\nevent: b\r\ndata:\r\n\r\n',
  'data: a\r\n\n',
  'datax: a\n\ndata\n\n',
  'data: x\n:c\ndata: y\n\n',
  'data: \u2028\u0085\n\n',
  'data: [DONE]\n\n\n\n'
]

test('U29 the rules of the format', async t => {
  const cases: [string, [string, string | null][]][] = [
    ['data: a\n\n', [['', 'a']]],
    [
      'data:a\r\n\r\ndata:b\r\rdata: c\n\n',
      [
        ['', 'a'],
        ['', 'b'],
        ['', 'c']
      ]
    ],
    [
      '\ufeffdata: a\n\n\ufeffdata: b\n\n',
      [
        ['', 'a'],
        ['', null]
      ]
    ],
    ['data: a\ndata:b\ndata\ndata:  c\n\n', [['', 'a\nb\n\n c']]],
    ['event: x\ndata: 1\n\n', [['x', '1']]],
    ['data:1\nevent:x\n\n', [['x', '1']]],
    [
      'event: x\nevent: y\ndata: 1\n\ndata: 2\n\n',
      [
        ['y', '1'],
        ['', '2']
      ]
    ],
    [': ping\n\n', [['', null]]],
    ['id: 1\nretry: 5\nfoo: bar\n\n', [['', null]]],
    ['data:\n\n', [['', '']]],
    ['data: last', [['', 'last']]],
    ['data: last\n', [['', 'last']]],
    [
      'data: a\r\n\r\n: c\r\n\r\ndata: b',
      [
        ['', 'a'],
        ['', null],
        ['', 'b']
      ]
    ]
  ]
  for (const [text, expected] of cases)
    t.same(
      split([Buffer.from(text)]).map(({ event, data }) => [event, data]),
      expected,
      JSON.stringify(text)
    )
})

test('U29 hand-written streams give the same frames however they are cut', async t => {
  for (const text of NASTY) {
    const bytes = Buffer.from(text)
    const whole = split([bytes])
    t.equal(Buffer.concat(whole.map(frame => frame.raw)).toString('latin1'), bytes.toString('latin1'))
    const expected = told(whole)
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const found = told(split([bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]))
        if (found !== expected) t.fail(`${JSON.stringify(text)} cut at ${first}, ${second}: ${found}`)
      }
    }
    t.equal(told(split(pieces(bytes, 1))), expected)
  }
})

test('U29 random streams give the same frames however they are cut', async t => {
  const stream = fc.array(fc.constantFrom('data', ':', ' ', '\n', '\r', '\r\n', 'event: x', '\n\n', 'é', '😀', '\ufeff', 'data: 1\n\n'), {
    maxLength: 30
  })
  fc.assert(
    fc.property(stream, fc.array(fc.nat(100), { maxLength: 8 }), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''))
      const list: Buffer[] = []
      let from = 0
      for (const cut of cuts) {
        list.push(bytes.subarray(from, from + cut))
        from = Math.min(from + cut, bytes.length)
      }
      list.push(bytes.subarray(from))
      const frames = split(list)
      return told(frames) === told(split([bytes])) && Buffer.concat(frames.map(frame => frame.raw)).equals(bytes)
    }),
    { numRuns: 2000 }
  )
  t.pass()
})

test('U29 recorded streams give the same frames at every cut', async t => {
  if (!existsSync(FIXTURES)) return t.comment('SKIPPED: ../shared/fixtures is not there, recorded streams were not read')
  let seen = 0
  for (const provider of readdirSync(FIXTURES, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
    for (const name of readdirSync(new URL(`${provider.name}/`, FIXTURES))) {
      const file = new URL(`${provider.name}/${name}/provider_stream.sse`, FIXTURES)
      if (!existsSync(file)) continue
      seen++
      const bytes = readFileSync(file)
      const whole = split([bytes])
      const expected = told(whole)
      t.ok(Buffer.concat(whole.map(frame => frame.raw)).equals(bytes), `${provider.name}/${name}`)
      for (const size of [1, 7]) t.equal(told(split(pieces(bytes, size))), expected, `${name} in ${size}-byte pieces`)
      // Every offset of short streams; single bytes have cut the long ones everywhere already.
      for (let cut = 0; cut < bytes.length; cut += bytes.length > 8192 ? 11 : 1) {
        if (!same(split([bytes.subarray(0, cut), bytes.subarray(cut)]), whole)) t.fail(`${name} cut at ${cut}`)
      }
    }
  }
  t.ok(seen >= 8)
})

test('frames that arrive whole are views of the chunk, not copies', async t => {
  const chunk = Buffer.from('data: {"a":1}\n\ndata: {"b":2}\n\n')
  const frames = new SseSplitter().push(chunk)
  t.equal(frames.length, 2)
  for (const { raw } of frames) t.equal(raw.buffer, chunk.buffer)
  t.equal(frames[1]?.raw.byteOffset, chunk.byteOffset + 15)
})

test('a frame is told as soon as its last byte is there', async t => {
  const splitter = new SseSplitter()
  t.same(splitter.push(Buffer.from('data: a\n')), [])
  t.equal(splitter.push(Buffer.from('\n')).length, 1)
  t.same(splitter.push(Buffer.from('data: b\r\n\r')), [], 'a line feed may belong to the carriage return')
  t.equal(splitter.push(Buffer.from('\n')).length, 1)
  t.same(splitter.end(), [])
})

test('U29 an event past the limit ends the stream, whole or in pieces', async t => {
  const line = Buffer.from(`data: ${'x'.repeat(200)}`)
  t.throws(() => new SseSplitter(100).push(line), StreamLimitError)
  t.throws(() => new SseSplitter(100).push(Buffer.concat([line, Buffer.from('\n\n')])), /longer than 100 bytes/)
  const slow = new SseSplitter(100)
  t.throws(() => {
    for (const piece of pieces(line, 7)) slow.push(piece)
  }, StreamLimitError)
  const many = new SseSplitter(100)
  for (let i = 0; i < 50; i++) many.push(Buffer.from('data: 0123456789\n\n'))
  t.same(many.end(), [], 'the limit is of one event')
})

test('U29 a line of 10 MB arrives, in small pieces too', async t => {
  const data = 'é'.repeat(5 * 1024 * 1024)
  const bytes = Buffer.from(`data: ${data}\n\ndata: next\n\n`)
  const frames = split(pieces(bytes, 1460))
  t.equal(frames.length, 2)
  t.ok(frames[0]?.data === data)
  t.equal(frames[1]?.data, 'next')
  t.throws(() => split(pieces(Buffer.alloc(17 * 1024 * 1024, 'x'), 65536)), StreamLimitError)
})
