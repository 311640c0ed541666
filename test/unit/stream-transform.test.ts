import { test } from 'tap'
import fc from 'fast-check'
import type { Channel, Chunk, Transform } from '@headgate/api'
import { StreamLimitError } from '../../core/stream/limit.ts'
import type { CreateTransform } from '../../core/stream/stage.ts'
import { ChannelTransforms } from '../../core/stream/transform.ts'
import { chat } from '../../core/wire/chat.ts'
import { completions } from '../../core/wire/completions.ts'
import type { StreamDialect } from '../../core/wire/types.ts'

const dialect = chat.stream as StreamDialect
const BASE = { id: 'c', object: 'chat.completion.chunk', model: 'm' }

function chunk(delta: object, finish: string | null = null, index = 0): Chunk {
  return { ...BASE, choices: [{ index, delta, finish_reason: finish }] } as Chunk
}

function text(content: string, finish: string | null = null, index = 0): Chunk {
  return chunk({ content }, finish, index)
}

function run(steps: readonly CreateTransform[], chunks: readonly Chunk[], own: StreamDialect = dialect): Chunk[] {
  const transforms = new ChannelTransforms(own, steps)
  return [...chunks.flatMap(one => transforms.chunk(structuredClone(one))), ...transforms.end()]
}

/** What each chunk says: its texts by channel, and its finish reasons. */
function told(chunks: readonly Chunk[]): string[] {
  return chunks.map(one => {
    const texts = dialect.deltas(one).map(({ channel, text: value }) => `${channel.choice}${channel.kind[0]}${channel.index}:${value}`)
    const ends = (one.choices ?? []).filter(choice => choice.finish_reason).map(choice => `${choice.index}!${choice.finish_reason}`)
    return [...texts, ...ends].join(' ')
  })
}

/** The pii-vault of the architecture: puts values back for placeholders, which chunk boundaries may cut. */
function vault(map: ReadonlyMap<string, string>): CreateTransform {
  const restore = (value: string): string => value.replace(/<[a-z]+_\d+>/g, found => map.get(found) ?? found)
  return () => {
    let held = ''
    return {
      text(delta) {
        held += delta
        const cut = held.search(/<[a-z_\d]*$/)
        const out = cut < 0 ? held : held.slice(0, cut)
        held = held.slice(out.length)
        return restore(out)
      },
      end() {
        return restore(held)
      }
    }
  }
}

const MAP = new Map([
  ['<email_0>', 'ann@example.org'],
  ['<email_1>', 'bob@example.org']
])
const ANSWER = 'a<b, <, <<email_1>> mail <email_0>, <email_9> <email_'
const RESTORED = 'a<b, <, <bob@example.org> mail ann@example.org, <email_9> <email_'

/** Everything that stands in one channel. */
function joined(chunks: readonly Chunk[], kind: string, choice = 0, index = 0): string {
  return chunks
    .flatMap(one => dialect.deltas(one))
    .filter(({ channel }) => channel.kind === kind && channel.choice === choice && channel.index === index)
    .map(delta => delta.text)
    .join('')
}

/** The answer in three pieces. */
function cut(first: number, second: number): string[] {
  return [ANSWER.slice(0, first), ANSWER.slice(first, second), ANSWER.slice(second)]
}

test('U29 a vault restores the same text over every two-cut split, in every channel', async t => {
  const shapes: [string, (piece: string) => object][] = [
    ['answer', piece => ({ content: piece })],
    ['refusal', piece => ({ refusal: piece })],
    ['reasoning', piece => ({ reasoning_content: piece })],
    ['tool_arguments', piece => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })]
  ]
  for (const [kind, delta] of shapes) {
    for (let first = 0; first <= ANSWER.length; first++) {
      for (let second = first; second <= ANSWER.length; second++) {
        const chunks = cut(first, second).map(piece => chunk(delta(piece)))
        const ended = run([vault(MAP)], [...chunks, chunk({}, 'stop')])
        if (joined(ended, kind) !== RESTORED) t.fail(`${kind} ${first} ${second}: ${joined(ended, kind)}`)
        const open = run([vault(MAP)], chunks)
        if (joined(open, kind) !== RESTORED) t.fail(`${kind} without finish ${first} ${second}: ${joined(open, kind)}`)
      }
    }
  }
  t.pass()
})

test('interleaved choices and kinds never mix, whatever is held back', async t => {
  const queue = [0, 1].flatMap(choice => ['answer', 'reasoning'].map(kind => ({ choice, kind })))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 })), { maxLength: 60 }), picks => {
      const left = queue.map(() => ANSWER)
      const chunks: Chunk[] = []
      const add = (lane: number, length: number): void => {
        const { choice, kind } = queue[lane] as { choice: number; kind: string }
        // A model that has begun its answer does not go back to its reasoning.
        if (kind === 'answer' && left[lane + 1] !== '') return add(lane + 1, length)
        const piece = (left[lane] as string).slice(0, length)
        left[lane] = (left[lane] as string).slice(piece.length)
        if (piece !== '') chunks.push(chunk(kind === 'answer' ? { content: piece } : { reasoning: piece }, null, choice))
      }
      for (const [lane, length] of picks) add(lane, length)
      for (const lane of [1, 3, 0, 2]) add(lane, 1000)
      chunks.push(chunk({}, 'stop', 1), chunk({}, 'stop', 0))
      const out = run([vault(MAP)], chunks)
      return [0, 1].every(choice => joined(out, 'answer', choice) === RESTORED && joined(out, 'reasoning', choice, 1) === RESTORED)
    }),
    { numRuns: 500 }
  )
  t.pass()
})

/** Holds everything back until the end. */
const hold: CreateTransform = () => {
  let held = ''
  return {
    text(delta) {
      held += delta
      return ''
    },
    end: () => `[${held}]`
  }
}

test('what is held back comes before the chunk that ends its channel', async t => {
  t.same(told(run([hold], [chunk({ role: 'assistant', content: '' }), text('a'), text('b'), chunk({}, 'stop')])), [
    '0a0:',
    '0a0:[ab]',
    '0!stop'
  ])
  t.same(told(run([hold], [text('a'), text('b', 'stop')])), ['0a0:[ab] 0!stop'], 'text of the last chunk itself')
  t.same(told(run([hold], [text('a'), text('b')])), ['0a0:[ab]'], 'end of the stream')
  t.same(told(run([hold], [text('a'), text('x', null, 1), chunk({}, 'stop', 1), text('b'), chunk({}, 'stop')])), [
    '1a0:[x]',
    '1!stop',
    '0a0:[ab]',
    '0!stop'
  ])
  const call = (index: number, piece: string): Chunk => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
  t.same(
    told(run([hold], [call(0, 'a'), call(0, 'b'), call(1, 'c'), chunk({}, 'tool_calls')])),
    ['0t0:[ab]', '0t1:[c]', '0!tool_calls'],
    'one call after another'
  )
  t.same(
    told(run([hold], [chunk({ reasoning: 'r' }), text('a'), call(0, 'c'), chunk({}, 'tool_calls')])),
    ['0r1:[r]', '0a0:[a]', '0t0:[c]', '0!tool_calls'],
    'from one block to the next'
  )
  t.same(
    told(
      run(
        [hold],
        [
          chunk({ reasoning: 'r', reasoning_details: [{ index: 0, text: 'r' }], content: '' }),
          chunk({ reasoning: 's', reasoning_details: [{ index: 0, text: 's' }], content: '' }),
          text('a', 'stop')
        ]
      )
    ),
    ['0r1:[rs]', '0r3:[rs]', '0a0:[a] 0!stop'],
    'reasoning told twice over is two channels'
  )
  t.same(told(run([hold], [text('a', 'stop'), text('late')])), ['0a0:[a] 0!stop', '0a0:[late]'], 'a channel may open anew')
})

test('a made chunk looks like the answer it belongs to', async t => {
  const out = run([hold], [{ ...text('a'), system_fingerprint: 'f', usage: null, obfuscation: 'zz' } as Chunk])
  t.same(out, [{ ...BASE, system_fingerprint: 'f', usage: null, choices: [{ index: 0, delta: { content: '[a]' }, finish_reason: null }] }])
  const custom = run([hold], [chunk({ tool_calls: [{ index: 2, type: 'custom', custom: { name: 'g', input: 'a' } }] })])
  t.same(
    custom.at(-1)?.choices,
    [{ index: 2, delta: { tool_calls: [{ index: 2, custom: { input: '[a]' } }] }, finish_reason: null }].map(choice => ({
      ...choice,
      index: 0
    }))
  )
  t.same(
    custom[0]?.choices?.[0]?.delta?.tool_calls,
    [{ index: 2, type: 'custom', custom: { name: 'g', input: '' } }],
    'the name is sent though the text is held'
  )
})

test('chunks emptied of text are dropped, others are not', async t => {
  const silent: CreateTransform = () => ({ text: () => '' })
  const usage = { ...BASE, choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } } as Chunk
  t.same(told(run([silent], [chunk({ role: 'assistant', content: 'a' }), text('b'), chunk({}), text('c', 'stop'), usage])), [
    '0a0:',
    '',
    '0a0: 0!stop',
    ''
  ])
})

test('steps work in order, and the end of one goes through those after it', async t => {
  const upper: CreateTransform = () => ({ text: delta => delta.toUpperCase(), end: () => '!' })
  const wrap: CreateTransform = () => ({ text: delta => `(${delta})` })
  const chunks = [text('a'), text('b'), chunk({}, 'stop')]
  t.same(told(run([hold, upper, wrap], chunks)), ['0a0:([AB])', '0a0:(!)', '0!stop'])
  t.same(told(run([upper, hold], chunks)), ['0a0:[AB!]', '0!stop'])
  t.same(told(run([hold, hold], [text('a')])), ['0a0:[[a]]'])
})

test('where nobody transforms, the same objects come back', async t => {
  const asked: Channel[] = []
  const decline: CreateTransform = channel => {
    asked.push(channel)
  }
  const transforms = new ChannelTransforms(dialect, [decline, decline, () => ({ end: () => '' }), () => ({ text: delta => delta })])
  for (const one of [
    chunk({ role: 'assistant', content: '' }),
    text('a'),
    text('b'),
    chunk({ refusal: 'r' }, 'stop'),
    { ...BASE, choices: [] } as Chunk
  ]) {
    const out = transforms.chunk(one)
    t.equal(out.length, 1)
    t.equal(out[0], one)
  }
  t.same(transforms.end(), [])
  t.same(
    asked.map(channel => channel.kind),
    ['answer', 'answer', 'refusal', 'refusal'],
    'each step is asked once for a channel'
  )
  const changed = text('a')
  t.not(
    new ChannelTransforms(dialect, [() => ({ text: delta => `${delta}!` })]).chunk(changed)[0],
    changed,
    'a changed chunk is another object'
  )
})

test('the chunk level sees whole events, in the transformer of the first channel only', async t => {
  const seen: string[] = []
  const tap: CreateTransform = channel => ({
    chunk(one) {
      seen.push(`${channel.kind} ${told([one])[0]}`)
      return one
    },
    text: delta => `${delta}.`
  })
  t.same(told(run([tap], [chunk({ reasoning: 'r' }), text('a'), chunk({}, 'stop')])), ['0r1:r.', '0a0:a.', '0!stop'])
  t.same(seen, ['reasoning 0r1:r', 'reasoning 0a0:a', 'reasoning 0!stop'])
  const drop: CreateTransform = () => ({ chunk: one => (JSON.stringify(one).includes('secret') ? null : one) })
  t.same(told(run([drop], [text('a'), text('secret'), text('b', 'stop')])), ['0a0:a', '0a0:b 0!stop'])
  const twice: CreateTransform = () => ({ chunk: one => [one, structuredClone(one)], text: delta => delta.toUpperCase() })
  t.same(told(run([twice], [text('a')])), ['0a0:A', '0a0:A'])
  const inPlace: CreateTransform = () => ({
    chunk(one) {
      one.model = 'other'
      return one
    }
  })
  const one = text('a')
  const [out] = new ChannelTransforms(dialect, [inPlace]).chunk(one)
  t.equal(out?.model, 'other')
  t.not(out, one, 'what a hook had in its hands does not count as untouched')
})

test('what a transformer returns is checked', async t => {
  const make = (transform: object): ChannelTransforms => new ChannelTransforms(dialect, [() => transform as Transform])
  for (const wrong of [undefined, null, 5, {}, Promise.resolve('x')]) {
    t.throws(() => make({ text: () => wrong }).chunk(text('a')), /must return/)
    t.throws(() => {
      const one = make({ end: () => wrong })
      one.chunk(text('a'))
      one.end()
    }, /must return/)
  }
  for (const wrong of [undefined, 5, 'x', [null], [[]], [5]]) t.throws(() => make({ chunk: () => wrong }).chunk(text('a')), /must return/)
  for (const wrong of [null, 5, 'x'])
    t.throws(() => new ChannelTransforms(dialect, [() => wrong as unknown as Transform]).chunk(text('a')), /must return/)
  t.throws(() => make({ text: () => 'x'.repeat(8 * 1024 * 1024 + 1) }).chunk(text('a')), StreamLimitError)
  t.equal(make({ text: () => 'x'.repeat(8 * 1024 * 1024) }).chunk(text('a')).length, 1)
  t.throws(() => make({ chunk: () => new Array(1025).fill(text('a')) }).chunk(text('a')), StreamLimitError)
})

test('text completions are transformed in their own shape', async t => {
  const own = completions.stream as StreamDialect
  const piece = (value: string, finish: string | null = null): Chunk => ({
    id: 'c',
    object: 'text_completion',
    choices: [{ index: 0, text: value, logprobs: { tokens: [value] }, finish_reason: finish }]
  })
  const out = run([vault(MAP)], [piece('x <ema'), piece('il_0'), piece('> y <', 'stop')], own)
  t.equal(out.map(one => one.choices?.[0]?.text).join(''), 'x ann@example.org y <')
  t.equal(out.at(-1)?.choices?.[0]?.finish_reason, 'stop')
  t.notMatch(JSON.stringify(out), /ema/, 'log probabilities do not give away what was replaced')
})
