import { test } from 'tap'
import fc from 'fast-check'
import type { Chunk, ResponseBody } from '@headgate/api'
import { chat } from '../../core/wire/chat.ts'
import { completions } from '../../core/wire/completions.ts'
import type { ChunkFacts, Delta, StreamDialect } from '../../core/wire/types.ts'

const dialect = chat.stream as StreamDialect
const BASE = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

function _chunk(delta: object, finish: string | null = null, more: object = {}, index = 0): Chunk {
  return { ...BASE, choices: [{ index, delta, finish_reason: finish }], ...more } as Chunk
}

function _facts(...chunks: unknown[]): ChunkFacts[] {
  const reader = dialect.reader()
  return chunks.map(one => reader.read(one as Chunk))
}

function _aggregated(...chunks: Chunk[]): ResponseBody {
  const aggregator = dialect.aggregator()
  for (const one of chunks) aggregator.push(one)
  return aggregator.result()
}

test('text completions stream in their own shape', async t => {
  const own = completions.stream as StreamDialect
  const text = (value: string, finish: string | null = null, index = 0, logprobs: object | null = null): Chunk => ({
    id: 'c',
    object: 'text_completion',
    created: 1,
    model: 'm',
    choices: [{ index, text: value, logprobs, finish_reason: finish }]
  })
  const chunks = [
    text('a', null, 0, { tokens: ['a'], text_offset: [0] }),
    text('x', null, 1),
    text('b', 'stop', 0, { tokens: ['b'], text_offset: [1] }),
    text('', 'length', 1),
    { choices: [], usage: USAGE }
  ]
  const reader = own.reader()
  const read = chunks.map(one => reader.read(one))
  t.same(
    read.map(found => [found.content, found.finished, found.usageOnly]),
    [
      [true, false, false],
      [true, false, false],
      [true, true, false],
      [true, true, false],
      [false, false, true]
    ]
  )
  t.ok(reader.complete())
  const aggregator = own.aggregator()
  for (const one of chunks) aggregator.push(one)
  const whole = aggregator.result()
  const expected = {
    id: 'c',
    object: 'text_completion',
    created: 1,
    model: 'm',
    usage: USAGE,
    choices: [
      { index: 0, text: 'ab', logprobs: { tokens: ['a', 'b'], text_offset: [0, 1] }, finish_reason: 'stop' },
      { index: 1, text: 'x', logprobs: null, finish_reason: 'length' }
    ]
  }
  t.same(whole, expected)
  const again = own.aggregator()
  const events = own.split(whole, true)
  for (const one of events) again.push(one)
  t.same(again.result(), expected)
  t.equal(own.done, '[DONE]')
  const [delta] = own.deltas(chunks[0] as Chunk) as [Delta]
  t.same(own.textChunk(chunks[0] as Chunk, delta.channel, 'z').choices, [{ index: 0, text: 'z', logprobs: null, finish_reason: null }])
  t.ok(own.isEmpty(text('')))
  t.notOk(own.isEmpty(text('', 'stop')))
})

test('U32 no chunk of any shape makes a reader or an aggregator throw', async t => {
  const value = fc.letrec(tie => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, '', 'x', 0, -1, 1.5, true),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          'index',
          'delta',
          'content',
          'tool_calls',
          'function',
          'arguments',
          'text',
          'thinking',
          'message',
          'finish_reason',
          'logprobs',
          'reasoning_details',
          'custom',
          'input',
          'name',
          'id',
          'type'
        ),
        tie('any'),
        { maxKeys: 5 }
      )
    )
  })).any
  const broken = fc.array(
    fc.record(
      {
        choices: fc.oneof(
          value,
          fc.array(fc.record({ index: value, delta: value, finish_reason: value, logprobs: value }), { maxLength: 3 })
        ),
        usage: value,
        error: value
      },
      { requiredKeys: [] }
    ),
    { maxLength: 4 }
  )
  fc.assert(
    fc.property(broken, chunks => {
      for (const own of [dialect, completions.stream as StreamDialect]) {
        const reader = own.reader()
        const aggregator = own.aggregator()
        for (const one of structuredClone(chunks) as Chunk[]) {
          reader.read(one)
          own.isEmpty(one)
          for (const delta of own.deltas(one)) delta.text += ''
          aggregator.push(one)
        }
        own.split(aggregator.result(), true)
      }
    }),
    { numRuns: 1000 }
  )
  t.pass()
})
