import { test } from 'tap'
import { StreamLimitError } from '../../core/stream/limit.ts'
import { NdjsonSplitter } from '../../core/stream/ndjson.ts'

function split(pieces: readonly Buffer[]): string[] {
  const splitter = new NdjsonSplitter()
  const lines = pieces.flatMap(piece => splitter.push(piece))
  return [...lines, ...splitter.end()]
}

test('lines are the same however the bytes are cut', async t => {
  const cases: [string, string[]][] = [
    ['{"a":1}\n{"b":"é😀"}\n', ['{"a":1}', '{"b":"é😀"}']],
    ['{"a":1}\r\n\r\n\n  \n{"b":2}', ['{"a":1}', '{"b":2}']],
    ['', []],
    ['\n\n', []]
  ]
  for (const [text, expected] of cases) {
    const bytes = Buffer.from(text)
    t.same(split([bytes]), expected)
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        t.same(split([bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]), expected)
      }
    }
  }
})

test('a line past the limit ends the stream', async t => {
  t.throws(() => new NdjsonSplitter(10).push(Buffer.from('0123456789a\n')), StreamLimitError)
  const small = new NdjsonSplitter(10)
  small.push(Buffer.from('01234567'))
  t.throws(() => small.push(Buffer.from('89abc')), /longer than 10 bytes/)
  t.same(new NdjsonSplitter(10).push(Buffer.from('0123456789\n0123456789\n')), ['0123456789', '0123456789'])
})
