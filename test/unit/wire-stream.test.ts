import { test } from 'tap'
import type { Chunk, ResponseBody } from '@headgate/api'
import { chat } from '../../core/wire/chat.ts'
import type { ChunkFacts, StreamDialect } from '../../core/wire/types.ts'

const dialect = chat.stream as StreamDialect
const BASE = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

function chunk(delta: object, finish: string | null = null, more: object = {}, index = 0): Chunk {
  return { ...BASE, choices: [{ index, delta, finish_reason: finish }], ...more } as Chunk
}

function facts(...chunks: unknown[]): ChunkFacts[] {
  const reader = dialect.reader()
  return chunks.map(one => reader.read(one as Chunk))
}

function aggregated(...chunks: Chunk[]): ResponseBody {
  const aggregator = dialect.aggregator()
  for (const one of chunks) aggregator.push(one)
  return aggregator.result()
}

test('content is text, reasoning, refusals, calls and finish reasons; a role is none', async t => {
  const contents = [
    { content: 'a' },
    { refusal: 'no' },
    { reasoning: 'r' },
    { reasoning_content: 'r' },
    { reasoning_details: [{ text: 'r' }] },
    { content: [{ type: 'text', text: 'a' }] },
    { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] },
    { tool_calls: [{ index: 0, id: 'x', function: { name: 'f', arguments: '' } }] },
    { function_call: { name: 'f' } },
    { audio: { data: 'x' } }
  ]
  for (const delta of contents) t.match(facts(chunk(delta))[0], { content: true, finished: false }, JSON.stringify(delta))
  const empty = [
    {},
    { role: 'assistant' },
    { role: 'assistant', content: '', refusal: null },
    { content: null },
    { reasoning: null, reasoning_details: [] },
    { reasoning_details: [{ type: 'reasoning.text', text: '', index: 0 }] },
    { tool_calls: [] }
  ]
  for (const delta of empty)
    t.match(
      facts(chunk(delta))[0],
      { content: false, finished: false, error: null, usage: null, usageOnly: false, anomaly: false },
      JSON.stringify(delta)
    )
  t.match(facts(chunk({}, 'stop'))[0], { content: true, finished: true })
  t.match(facts({ choices: [], prompt_filter_results: [{}], id: '' })[0], { content: false, anomaly: false, usageOnly: false, error: null })
})

test('usage is found wherever servers put it, and the chunk that holds nothing else is known', async t => {
  t.match(facts({ ...BASE, choices: [], usage: USAGE })[0], {
    usage: { total_tokens: 5, source: 'upstream' },
    usageOnly: true,
    content: false
  })
  t.match(facts(chunk({}, 'stop', { usage: USAGE }))[0], { usage: { total_tokens: 5 }, usageOnly: false, finished: true })
  t.match(facts(chunk({}, 'stop', { x_groq: { usage: USAGE } }))[0], { usage: { prompt_tokens: 3 }, usageOnly: false })
  t.match(facts(chunk({ content: '' }, 'stop'), chunk({ role: 'assistant', content: '' }, null, { usage: USAGE }))[1], {
    usage: { total_tokens: 5 },
    usageOnly: true,
    anomaly: false
  })
  t.match(
    facts(chunk({ role: 'assistant', content: '' }, null, { usage: USAGE }))[0],
    { usageOnly: false },
    'the first chunk with running figures is no usage chunk'
  )
  t.match(facts({ ...BASE, choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: USAGE }] })[0], { usage: { total_tokens: 5 } })
  t.match(facts(chunk({ content: 'a' }, null, { usage: null }))[0], { usage: null, usageOnly: false })
})

test('U30 errors are found in every shape that streams have', async t => {
  const error = { message: 'm', code: 500 }
  t.equal(facts({ error })[0]?.error, error)
  t.equal(facts(chunk({ content: '' }, 'error', { error }))[0]?.error, error)
  t.equal(facts({ ...BASE, choices: [{ index: 0, delta: {}, error }] })[0]?.error, error)
  t.match(facts({ object: 'error', message: 'm', code: 400 })[0]?.error, { message: 'm' })
  t.match(facts({ type: 'error', message: 'm' })[0]?.error, { message: 'm' })
  t.equal(facts({ error: 'boom' })[0]?.error, 'boom')
  t.equal(facts(chunk({ content: 'a' }, null, { error: null }))[0]?.error, null)
})

test('U31 usage that cannot be is none, and flagged', async t => {
  for (const wrong of [-1, 1.5, 2 ** 53, Infinity, 'x']) {
    t.match(facts({ ...BASE, choices: [], usage: { ...USAGE, completion_tokens: wrong } })[0], {
      usage: null,
      usageOnly: true,
      anomaly: true
    })
  }
  const whole = aggregated(chunk({ content: 'a' }, null, { usage: USAGE }), chunk({}, 'stop', { usage: { ...USAGE, total_tokens: 9 } }), {
    ...BASE,
    choices: [],
    usage: { ...USAGE, prompt_tokens: -1 }
  } as Chunk)
  t.equal(whole.usage?.total_tokens, 9, 'the last valid one wins')
})

test('U32 what is out of order is flagged and nothing throws', async t => {
  const flagged = (...chunks: unknown[]): boolean => facts(...chunks).at(-1)?.anomaly === true
  t.ok(flagged(chunk({}, 'stop'), chunk({}, 'stop')), 'two finish reasons')
  t.ok(flagged(chunk({}, 'stop'), chunk({ content: 'more' })), 'text after the end')
  t.notOk(flagged(chunk({}, 'stop'), chunk({}, 'stop', {}, 1)), 'another choice')
  t.notOk(flagged(chunk({}, 'stop'), chunk({ content: '' })))
  t.ok(flagged({ ...BASE, choices: [{ delta: { content: 'a' } }] }), 'no index')
  t.ok(flagged({ ...BASE, choices: [{ index: -1, delta: {} }] }))
  t.ok(
    flagged({
      ...BASE,
      choices: [
        { index: 0, delta: {} },
        { index: 0, delta: {} }
      ]
    }),
    'one choice twice'
  )
  const call = (index: unknown, name?: string): Chunk =>
    chunk({ tool_calls: [{ index, function: { arguments: 'x', ...(name ? { name } : {}) } }] })
  t.notOk(facts(call(0, 'a'), call(0), call(1, 'b'), call(0)).some(found => found.anomaly))
  t.ok(flagged(call(1, 'a')), 'a call that does not begin at 0')
  t.ok(flagged(call(0, 'a'), call(2, 'b')), 'a gap')
  t.ok(flagged(call(0)), 'no name')
  t.ok(flagged(call(undefined, 'a')), 'no index of a call')
  for (const broken of [
    null,
    5,
    'x',
    [],
    {},
    { choices: null },
    { choices: 5 },
    { choices: [null] },
    { choices: [{ index: 0, delta: 5 }] },
    { choices: [{ index: 0, delta: { tool_calls: 5, content: 5 } }] }
  ]) {
    t.ok(facts(broken)[0] !== undefined)
    t.same(dialect.deltas(broken as unknown as Chunk), [])
    t.ok(aggregated(broken as unknown as Chunk))
  }
})

test('U8 U9 a stream is complete when every choice seen is, so its end can be told from a break', async t => {
  const reader = dialect.reader()
  t.notOk(reader.complete())
  reader.read(chunk({ content: 'a' }))
  reader.read(chunk({ content: 'b' }, null, {}, 1))
  reader.read(chunk({}, 'stop'))
  t.notOk(reader.complete(), 'the second choice goes on')
  reader.read(chunk({}, 'length', {}, 1))
  t.ok(reader.complete())
})

test('choices, calls and log probabilities come together, however they interleave', async t => {
  const whole = aggregated(
    chunk({ role: 'assistant', content: '', refusal: null }),
    chunk({ role: 'assistant', content: 'B' }, null, {}, 1),
    { ...BASE, choices: [{ index: 0, delta: { content: 'A' }, logprobs: { content: [{ token: 'A' }], refusal: null } }] },
    { ...BASE, choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }], refusal: null } }] },
    chunk({ content: 'b' }, 'stop', {}, 1),
    chunk({ tool_calls: [{ index: 1, id: 'c1', type: 'function', function: { name: 'g', arguments: '' } }] }, null, {}, 2),
    chunk({ tool_calls: [{ index: 0, id: 'c0', type: 'function', function: { name: 'f', arguments: '{"x"' } }] }, null, {}, 2),
    chunk(
      {
        tool_calls: [
          { index: 0, id: '', type: 'function', function: { name: '', arguments: ':1}' } },
          { index: 1, function: { arguments: '{}' } }
        ]
      },
      null,
      {},
      2
    ),
    chunk({}, 'tool_calls', { system_fingerprint: 'fp' }, 2),
    chunk({}, 'stop'),
    { ...BASE, choices: [], usage: USAGE }
  )
  t.match(whole, { id: 'c', object: 'chat.completion', model: 'm', created: 1, system_fingerprint: 'fp', usage: USAGE })
  t.match(whole.choices?.[0], {
    index: 0,
    message: { role: 'assistant', content: 'Aa', refusal: null },
    finish_reason: 'stop',
    logprobs: { content: [{ token: 'A' }, { token: 'a' }], refusal: null }
  })
  t.match(whole.choices?.[1], { index: 1, message: { content: 'Bb' }, logprobs: null })
  t.same(whole.choices?.[2]?.message?.tool_calls, [
    { id: 'c0', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
    { id: 'c1', type: 'function', function: { name: 'g', arguments: '{}' } }
  ])
  t.equal(whole.choices?.[2]?.message?.content, null)
})

test('what servers add comes along: reasoning, details, thinking lists, audio, citations', async t => {
  const whole = aggregated(
    { ...BASE, id: '', choices: [], prompt_filter_results: [1] } as unknown as Chunk,
    chunk(
      {
        role: 'assistant',
        reasoning: 'th',
        reasoning_details: [{ type: 'reasoning.text', text: 'th', index: 0 }],
        audio: { id: 'a', data: 'AA', transcript: 'x' }
      },
      null,
      { obfuscation: 'zz' }
    ),
    chunk({
      reasoning: 'ink',
      reasoning_details: [{ type: 'reasoning.text', text: 'ink', signature: 's', index: 0 }],
      audio: { data: 'BB', transcript: 'y' }
    }),
    chunk({ reasoning_content: 'rc', function_call: { name: 'f', arguments: '{' } }),
    chunk({ function_call: { arguments: '}' } }, 'function_call', { citations: ['u'], provider: 'P' })
  )
  t.match(whole, { id: 'c', prompt_filter_results: [1], citations: ['u'], provider: 'P' })
  t.notOk('obfuscation' in whole)
  t.match(whole.choices?.[0]?.message, {
    reasoning: 'think',
    reasoning_content: 'rc',
    reasoning_details: [{ type: 'reasoning.text', text: 'think', signature: 's' }],
    audio: { id: 'a', data: 'AABB', transcript: 'xy' },
    function_call: { name: 'f', arguments: '{}' }
  })
  const list = aggregated(
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] }),
    chunk({
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'b' }] },
        { type: 'text', text: 'c' }
      ]
    }),
    chunk({ content: 'd' }, 'stop')
  )
  t.same(list.choices?.[0]?.message?.content, [
    { type: 'thinking', thinking: [{ type: 'text', text: 'ab' }] },
    { type: 'text', text: 'cd' }
  ])
})

const ANSWER = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  system_fingerprint: null,
  citations: ['u'],
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'hello', refusal: null, annotations: [], reasoning_content: 'because' },
      logprobs: { content: [{ token: 'hello' }], refusal: null },
      finish_reason: 'stop'
    },
    {
      index: 1,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', type: 'custom', custom: { name: 'g', input: 'free' } }
        ]
      },
      logprobs: null,
      finish_reason: 'tool_calls'
    },
    { index: 2, message: { role: 'assistant', content: null, refusal: 'no' }, logprobs: null, finish_reason: 'stop' },
    { index: 3, message: { role: 'assistant', content: '' }, logprobs: null, finish_reason: 'length' }
  ],
  usage: USAGE
}

test('a whole answer becomes the events that a stream of it would have had', async t => {
  const chunks = dialect.split(ANSWER as unknown as ResponseBody, true)
  t.same(aggregated(...structuredClone(chunks)), ANSWER, 'and back again')
  const read = facts(...chunks)
  t.notOk(read.some(found => found.anomaly))
  t.same(
    chunks.filter(one => one.choices?.[0]?.index === 0).map(one => one.choices?.[0]?.delta),
    [{ role: 'assistant', content: '', annotations: [], refusal: null }, { reasoning_content: 'because' }, { content: 'hello' }, {}]
  )
  t.same(
    chunks.filter(one => one.choices?.[0]?.index === 1).map(one => one.choices?.[0]?.delta?.tool_calls),
    [
      undefined,
      [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }],
      [{ index: 0, function: { arguments: '{"x":1}' } }],
      [{ index: 1, id: 'b', type: 'custom', custom: { name: 'g', input: '' } }],
      [{ index: 1, custom: { input: 'free' } }],
      undefined
    ]
  )
  t.same(chunks.at(-1), { ...BASE, system_fingerprint: null, choices: [], usage: USAGE })
  t.ok(chunks.slice(0, -1).every(one => one.usage === null))
  t.ok(read.at(-1)?.usageOnly)
  const without = dialect.split(ANSWER as unknown as ResponseBody, false)
  t.equal(without.length, chunks.length - 1)
  t.ok(without.every(one => !('usage' in one)))
})

test('texts of chunks are live, by channel', async t => {
  const one = {
    ...BASE,
    choices: [
      {
        index: 2,
        delta: {
          content: 'A',
          refusal: 'B',
          reasoning: 'C',
          reasoning_content: 'D',
          reasoning_details: [{ index: 1, text: 'E' }],
          tool_calls: [
            { index: 3, function: { arguments: 'F' } },
            { index: 4, custom: { input: 'G' } }
          ]
        },
        logprobs: { content: [] }
      },
      {
        index: 0,
        delta: {
          content: [
            { type: 'thinking', thinking: [{ text: 'H' }] },
            { type: 'text', text: 'I' }
          ],
          function_call: { arguments: 'J' }
        }
      }
    ]
  } as unknown as Chunk
  const deltas = dialect.deltas(one)
  t.same(
    deltas.map(({ text, channel }) => `${text} ${channel.choice} ${channel.kind} ${channel.index}`),
    [
      'D 2 reasoning 0',
      'C 2 reasoning 1',
      'E 2 reasoning 4',
      'A 2 answer 0',
      'B 2 refusal 0',
      'F 2 tool_arguments 3',
      'G 2 tool_arguments 4',
      'H 0 reasoning 2',
      'I 0 answer 0',
      'J 0 tool_arguments 0'
    ]
  )
  for (const delta of deltas) {
    const made = dialect.textChunk(one, delta.channel, delta.text)
    const [back] = dialect.deltas(made)
    t.same(
      [back?.channel, back?.text, dialect.deltas(made).length],
      [delta.channel, delta.text, 1],
      'a text chunk stands in the place of its channel'
    )
    t.match(made, BASE)
  }
  for (const delta of deltas) delta.text = delta.text.toLowerCase()
  t.notMatch(JSON.stringify(one.choices), /"[A-J]"/)
  t.equal(one.choices?.[0]?.logprobs, null)
})

test('a chunk is empty when nothing is left worth sending', async t => {
  const empty = [
    { content: '' },
    {},
    { content: null, refusal: '' },
    { tool_calls: [{ index: 0, function: { arguments: '' } }] },
    { reasoning: '', reasoning_details: [{ type: 'reasoning.text', text: '', format: 'x', index: 0 }] },
    { reasoning: '', channel: 'analysis' },
    { content: [{ type: 'text', text: '' }] }
  ]
  for (const delta of empty) t.ok(dialect.isEmpty(chunk(delta)), JSON.stringify(delta))
  const full = [
    { role: 'assistant', content: '' },
    { content: 'a' },
    { tool_calls: [{ index: 0, id: 'x', function: { arguments: '' } }] },
    { content: '', audio: { data: 'x' } },
    { reasoning_details: [{ text: '', signature: 's' }] }
  ]
  for (const delta of full) t.notOk(dialect.isEmpty(chunk(delta)), JSON.stringify(delta))
  t.notOk(dialect.isEmpty(chunk({}, 'stop')))
  t.notOk(dialect.isEmpty(chunk({}, null, { usage: USAGE })))
  t.notOk(dialect.isEmpty(chunk({}, null, { error: { message: 'x' } })))
  t.notOk(dialect.isEmpty({ ...BASE, choices: [] }))
})
