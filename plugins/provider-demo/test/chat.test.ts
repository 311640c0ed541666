import { test } from 'tap'
import { NotFoundError } from 'openai'
import { callOf, client, setup, textOf } from './context.ts'

const TOOLS = [
  {
    type: 'function' as const,
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        required: ['city', 'days', 'unit'],
        properties: {
          city: { type: 'string' },
          days: { type: 'integer', minimum: 3 },
          unit: { enum: ['celsius', 'kelvin'] },
          note: { type: 'string' }
        }
      }
    }
  }
]

test('it quotes the user, labelled, the same every time', async t => {
  const openai = await client()
  const ask = {
    model: 'demo',
    messages: [
      { role: 'system' as const, content: 'be brief' },
      { role: 'user' as const, content: 'Hello there' }
    ]
  }
  const answer = await openai.chat.completions.create(ask)
  const choice = answer.choices[0]!
  t.match(choice.message.content, /^\[demo\] You said: "Hello there"\./)
  t.equal(choice.finish_reason, 'stop')
  t.same(answer.usage, {
    prompt_tokens: 4,
    completion_tokens: choice.message.content!.split(' ').length,
    total_tokens: 4 + choice.message.content!.split(' ').length
  })
  t.same(await openai.chat.completions.create(ask), answer)
  t.not((await openai.chat.completions.create({ ...ask, temperature: 1 })).id, answer.id)
})

test('parts are joined, long texts are quoted in part, never through a character', async t => {
  const openai = await client()
  const parts = await openai.chat.completions.create({
    model: 'demo',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'one' },
          { type: 'image_url', image_url: { url: 'data:,' } },
          { type: 'text', text: 'two' }
        ]
      }
    ]
  })
  t.match(parts.choices[0]!.message.content, '"one two"')
  const long = await openai.chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: '😀'.repeat(500) }] })
  t.match(long.choices[0]!.message.content, `"${'😀'.repeat(200)}…"`)
})

test('a stream says the same word by word, with usage when asked', async t => {
  const openai = await client()
  const ask = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello there' }] }
  const whole = await openai.chat.completions.create(ask)
  const chunks = []
  for await (const chunk of await openai.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }))
    chunks.push(chunk)
  t.equal(chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join(''), whole.choices[0]!.message.content)
  t.same(chunks[0]!.choices[0]!.delta, { role: 'assistant', content: '', refusal: null })
  t.ok(chunks.length > 10, 'in words')
  t.same(chunks.at(-1)!.choices, [])
  t.same(chunks.at(-1)!.usage, whole.usage)
  t.ok(chunks.slice(0, -1).every(chunk => chunk.usage === null && chunk.object === 'chat.completion.chunk'))
  t.equal(chunks.at(-2)!.choices[0]!.finish_reason, 'stop')
  const plain = []
  for await (const chunk of await openai.chat.completions.create({ ...ask, stream: true })) plain.push(chunk)
  t.ok(plain.every(chunk => !('usage' in chunk)))
})

test('the frames of a stream are server-sent events that end in [DONE]', async t => {
  const demo = await setup()
  const answer = await demo.answer!(callOf('chat', { model: 'demo', stream: true, messages: [{ role: 'user', content: 'x' }] }))
  t.match(answer.headers, { 'content-type': /^text\/event-stream/ })
  const text = await textOf(answer)
  t.match(text, /\n\ndata: \[DONE\]\n\n$/)
  for (const frame of text.split('\n\n').slice(0, -2)) t.doesNotThrow(() => JSON.parse(frame.replace('data: ', '')))
})

test('with tools it calls one with fitting arguments, then answers with the result', async t => {
  const openai = await client()
  const ask = { model: 'demo', tools: TOOLS, messages: [{ role: 'user' as const, content: 'Weather?' }] }
  const first = (await openai.chat.completions.create(ask)).choices[0]!
  t.equal(first.finish_reason, 'tool_calls')
  t.equal(first.message.content, null)
  const call = first.message.tool_calls![0]!
  t.ok(call.type === 'function')
  t.same(JSON.parse(call.type === 'function' ? call.function.arguments : ''), { city: 'demo city', days: 3, unit: 'celsius' })

  const second = await openai.chat.completions.create({
    ...ask,
    messages: [...ask.messages, first.message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' }]
  })
  t.match(second.choices[0]!.message.content, /^\[demo\] The tool answered: "21 degrees"/)
  t.equal(second.choices[0]!.finish_reason, 'stop')

  const none = await openai.chat.completions.create({ ...ask, tool_choice: 'none' })
  t.match(none.choices[0]!.message.content, /^\[demo\]/)
  const other = { type: 'function' as const, function: { name: 'other', parameters: {} } }
  const named = await openai.chat.completions.create({
    ...ask,
    tools: [...TOOLS, other],
    tool_choice: { type: 'function', function: { name: 'other' } }
  })
  t.match(named.choices[0]!.message.tool_calls, [{ function: { name: 'other', arguments: '{}' } }])
})

test('a streamed tool call is put together by the official client', async t => {
  const openai = await client()
  const ask = { model: 'demo', tools: TOOLS, messages: [{ role: 'user' as const, content: 'Weather?' }] }
  const whole = (await openai.chat.completions.create(ask)).choices[0]!.message
  const stream = openai.chat.completions.stream(ask)
  const streamed = (await stream.finalChatCompletion()).choices[0]!.message
  const [a, b] = [whole.tool_calls![0]!, streamed.tool_calls![0]!]
  t.ok(a.type === 'function' && b.type === 'function')
  if (a.type === 'function' && b.type === 'function') t.equal(b.function.arguments, a.function.arguments)
})

test('limits, several choices and JSON are honoured', async t => {
  const openai = await client()
  const messages = [{ role: 'user' as const, content: 'Hello' }]
  const short = await openai.chat.completions.create({ model: 'demo', messages, max_completion_tokens: 3 })
  t.equal(short.choices[0]!.message.content, '[demo] You said:')
  t.equal(short.choices[0]!.finish_reason, 'length')
  t.equal(short.usage?.completion_tokens, 3)
  t.equal((await openai.chat.completions.create({ model: 'demo', messages, n: 2 })).choices.length, 2)
  const json = await openai.chat.completions.create({ model: 'demo', messages, response_format: { type: 'json_object' } })
  t.same(JSON.parse(json.choices[0]!.message.content!), { demo: true, text: 'Hello' })
  const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
  const shaped = await openai.chat.completions.create({
    model: 'demo',
    messages,
    response_format: { type: 'json_schema', json_schema: { name: 's', schema } }
  })
  t.same(JSON.parse(shaped.choices[0]!.message.content!), { ok: true })
})

test('C16 a model it does not have is not found', async t => {
  const openai = await client({ models: ['demo', 'demo-2'] })
  t.ok(await openai.chat.completions.create({ model: 'demo-2', messages: [] }))
  const error = await openai.chat.completions.create({ model: 'gpt-4.1', messages: [] }).catch((err: unknown) => err)
  t.ok(error instanceof NotFoundError)
  t.match(error, { code: 'model_not_found', param: 'model' })
})

test('a stream with a delay ends at once when the request is aborted', async t => {
  const demo = await setup({ delay: 60_000 })
  const controller = new AbortController()
  const answer = await demo.answer!(callOf('chat', { model: 'demo', stream: true, messages: [] }, controller.signal))
  const reading = textOf(answer)
  setImmediate(() => {
    controller.abort()
  })
  await t.rejects(reading, { name: 'AbortError' })
})
