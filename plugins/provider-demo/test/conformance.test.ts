import { test } from 'tap'
import { testProvider } from '@headgate/api/test'
import provider from '../index.ts'

const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } } }
  }
]

test('it keeps the contract', t =>
  testProvider(t, provider, [
    { name: 'a chat', request: { model: 'demo', messages: [{ role: 'user', content: 'Hello 👍' }] } },
    { name: 'a tool call', request: { model: 'demo', messages: [{ role: 'user', content: 'Weather?' }], tools }, features: ['tools'] },
    { name: 'a text completion', operation: 'completions', request: { model: 'demo', prompt: 'Once' } },
    { name: 'embeddings', operation: 'embeddings', request: { model: 'demo', input: ['a', 'b'] } }
  ]).then(coverage => {
    t.match(coverage, { chat: 2, completions: 1, embeddings: 1, tools: 1 })
  }))
