import { test } from 'tap'
import { createTestGateway, reply, sse } from '@headgate/api/test'

test('an answer passes through byte for byte', async t => {
  const body =
    '{ "id":"x", "object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi","big":12345678901234567890},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
  const gw = await createTestGateway(t, { upstream: reply({ headers: { 'content-type': 'application/json' }, body }) })
  const answer = await gw.chat()
  t.equal(answer.status, 200)
  t.equal(answer.raw.toString(), body)
  t.match(gw.exchange, {
    outcome: 'ok',
    usage: { prompt_tokens: 3, source: 'upstream' },
    provider: { attempts: [{ result: 'ok', status: 200 }] }
  })
})

test('a stream passes through and its usage is known', async t => {
  const gw = await createTestGateway(t, {
    upstream: sse(
      [
        { id: 'x', choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] },
        { id: 'x', choices: [{ index: 0, delta: { content: 'hé' }, finish_reason: null }] },
        { id: 'x', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
        { id: 'x', choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } },
        '[DONE]'
      ],
      { split: 'every-byte' }
    )
  })
  const answer = await gw.chat({ stream: true })
  t.equal(answer.text, 'hé')
  t.ok(answer.done)
  t.equal(answer.chunks.length, 3, 'the usage chunk is hidden from a client that did not ask')
  t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' }, usage: { prompt_tokens: 3, source: 'upstream' } })
  t.match(JSON.parse(gw.upstream.requests[0]!.body.toString()), { stream_options: { include_usage: true } })
})
