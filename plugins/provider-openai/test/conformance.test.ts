import { test } from 'tap'
import { testProvider, type ProviderCase } from '@headgate/api/test'
import provider from '../index.ts'

const messages = [{ role: 'user', content: 'Grüße' }]
const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' }
const whole = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'schön 👍' }, finish_reason: 'stop' }],
  usage
}

function events(...deltas: readonly object[]): string {
  const frames = [
    ...deltas.map(delta => ({ ...head, choices: [{ index: 0, delta, finish_reason: null }] })),
    { ...head, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { ...head, choices: [], usage }
  ]
  return frames.map(frame => `data: ${JSON.stringify(frame)}\n\n`).join('') + 'data: [DONE]\n\n'
}

const CASES: readonly ProviderCase[] = [
  {
    name: 'a chat passes through',
    request: { model: 'm', messages, seed: 1 },
    sent: {
      path: '/chat/completions',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' },
      body: { model: 'm', messages, seed: 1 }
    },
    upstream: { body: whole },
    response: whole,
    text: 'schön 👍'
  },
  {
    name: 'a streamed chat passes through, and its usage is asked for',
    request: { model: 'm', messages, stream: true },
    sent: { body: { model: 'm', messages, stream: true, stream_options: { include_usage: true } } },
    upstream: { body: events({ role: 'assistant', content: '' }, { content: 'sch' }, { content: 'ön ' }, { content: '👍' }) },
    text: 'schön 👍'
  },
  {
    name: 'embeddings pass through',
    operation: 'embeddings',
    request: { model: 'm', input: 'a' },
    sent: { path: '/embeddings', body: { model: 'm', input: 'a' } },
    upstream: {
      body: {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
        model: 'm',
        usage: { prompt_tokens: 1, total_tokens: 1 }
      }
    }
  }
]

test('it keeps the contract', t =>
  testProvider(t, provider, CASES, { config: { base_url: 'https://api.example.com/v1', api_key: 'sk-test' } }).then(coverage => {
    t.match(coverage, { chat: 2, stream: 1, embeddings: 1 })
  }))
