import { test } from 'tap'
import OpenAI from 'openai'
import { createTestGateway, cut, reply, sse, withFault } from '@headgate/api/test'
import { KEY, startHeadgate } from './command-line.ts'
import { failure } from './failure.ts'

type Failure = InstanceType<typeof OpenAI.APIError>

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } }
  }
} as const

const HELLO = { model: 'demo', messages: [{ role: 'user' as const, content: 'Hello' }] }

test('the official client against the command of the first five minutes', async t => {
  const gateway = await startHeadgate(t)
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 })

  t.test('chat', async t => {
    const { data, response, request_id: id } = await client.chat.completions.create(HELLO).withResponse()
    t.match(data.choices[0]?.message.content, /^\[demo\] You said: "Hello"/)
    t.equal(data.choices[0]?.finish_reason, 'stop')
    t.ok(data.usage !== undefined && data.usage.total_tokens === data.usage.prompt_tokens + data.usage.completion_tokens)
    t.ok(id !== null && id !== '' && id === response.headers.get('x-request-id'), 'the request id reaches the client')
  })

  t.test('a streamed chat, event by event', async t => {
    const whole = await client.chat.completions.create(HELLO)
    let text = ''
    let finish: string | null = null
    let pieces = 0
    for await (const chunk of await client.chat.completions.create({ ...HELLO, stream: true })) {
      t.equal(chunk.object, 'chat.completion.chunk')
      t.equal(chunk.choices.length, 1, 'no usage event for a client that did not ask')
      text += chunk.choices[0]?.delta.content ?? ''
      finish ??= chunk.choices[0]?.finish_reason ?? null
      pieces++
    }
    t.equal(text, whole.choices[0]?.message.content)
    t.equal(finish, 'stop')
    t.ok(pieces > 3)
  })

  t.test('a streamed chat through the helper, with usage', async t => {
    const stream = client.chat.completions.stream({ ...HELLO, stream_options: { include_usage: true } })
    const deltas: string[] = []
    stream.on('content', delta => deltas.push(delta))
    const final = await stream.finalChatCompletion()
    t.equal(deltas.join(''), final.choices[0]?.message.content)
    t.match(final.usage, { total_tokens: Number })
  })

  t.test('a tool call and the answer to its result, whole and streamed', async t => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Weather in Paris?' }]
    const first = await client.chat.completions.create({ model: 'demo', messages, tools: [WEATHER] })
    const [call] = first.choices[0]?.message.tool_calls ?? []
    t.equal(first.choices[0]?.finish_reason, 'tool_calls')
    if (call?.type !== 'function') return t.fail('no function was called')
    t.equal(call.function.name, 'get_weather')
    t.match(JSON.parse(call.function.arguments), { city: String })
    const streamed = await client.chat.completions.stream({ model: 'demo', messages, tools: [WEATHER] }).finalChatCompletion()
    t.match(streamed.choices[0]?.message.tool_calls?.[0], { function: { name: 'get_weather', arguments: call.function.arguments } })

    messages.push(first.choices[0]!.message, { role: 'tool', tool_call_id: call.id, content: 'sunny, 21 degrees' })
    const second = await client.chat.completions.create({ model: 'demo', messages, tools: [WEATHER] })
    t.match(second.choices[0]?.message.content, 'sunny, 21 degrees')
    t.equal(second.choices[0]?.finish_reason, 'stop')
  })

  t.test('embeddings: base64 that the client asks for by itself, and numbers', async t => {
    const coded = await client.embeddings.create({ model: 'demo', input: ['red apples', 'green apples'] })
    const plain = await client.embeddings.create({ model: 'demo', input: ['red apples', 'green apples'], encoding_format: 'float' })
    t.equal(coded.data.length, 2)
    t.equal(coded.data[0]?.embedding.length, 256)
    const worst = Math.max(
      ...coded.data.flatMap((item, at) => item.embedding.map((value, i) => Math.abs(value - plain.data[at]!.embedding[i]!)))
    )
    t.ok(worst < 1e-6, `both are the same vectors, ${worst} apart`)
    t.equal((await client.embeddings.create({ model: 'demo', input: 'x', dimensions: 8 })).data[0]?.embedding.length, 8)
  })

  t.test('text completions', async t => {
    const whole = await client.completions.create({ model: 'demo', prompt: 'Once upon' })
    t.match(whole.choices[0]?.text, /Once upon/)
    let text = ''
    for await (const chunk of await client.completions.create({ model: 'demo', prompt: 'Once upon', stream: true }))
      text += chunk.choices[0]?.text ?? ''
    t.equal(text, whole.choices[0]?.text)
  })

  t.test('models', async t => {
    const ids: string[] = []
    for await (const model of client.models.list()) ids.push(model.id)
    t.ok(ids.includes('demo'), ids.join(' '))
    t.match(await client.models.retrieve('demo'), { id: 'demo', object: 'model' })
    await t.rejects(client.models.retrieve('nothing-like-it'), { status: 404, code: 'model_not_found' })
  })

  t.test('errors are of the classes that programs catch', async t => {
    const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk-wrong', maxRetries: 0 })
    const denied = await failure<Failure>(stranger.chat.completions.create(HELLO))
    t.ok(denied instanceof OpenAI.AuthenticationError)
    t.match(denied, { status: 401, code: 'invalid_api_key', type: 'invalid_request_error', requestID: /./ })

    const unknown = await failure<Failure>(client.chat.completions.create({ ...HELLO, model: 'gpt-unheard-of' }))
    t.ok(unknown instanceof OpenAI.NotFoundError)
    t.match(unknown, { status: 404, code: 'model_not_found', param: 'model', requestID: /./ })

    const wrong = await failure<Failure>(client.chat.completions.create({ model: 'demo', messages: 'hello' as never }))
    t.ok(wrong instanceof OpenAI.BadRequestError)
    t.match(wrong, { status: 400, type: 'invalid_request_error', param: 'messages', requestID: /./ })

    const streamed = await failure<Failure>(client.chat.completions.create({ ...HELLO, model: 'gpt-unheard-of', stream: true }))
    t.ok(streamed instanceof OpenAI.NotFoundError, 'also where a stream was asked for')
  })
})

test('what an upstream does wrong is the right class of error too', async t => {
  const gateway = await createTestGateway(t, { listen: true, upstream: reply(), route: { retry: { max_attempts: 1 } } })
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })

  gateway.upstream.use(
    reply({
      status: 429,
      headers: { 'retry-after': '7' },
      json: { error: { message: 'Rate limit reached', type: 'requests', param: null, code: 'rate_limit_exceeded' } }
    })
  )
  const limited = await failure<Failure>(client.chat.completions.create(HELLO))
  t.ok(limited instanceof OpenAI.RateLimitError)
  t.match(limited, { status: 429, code: 'rate_limit_exceeded', requestID: /./ })
  t.equal(limited.headers?.get('retry-after'), '7')

  gateway.upstream.use(
    reply({ status: 500, json: { error: { message: 'boom at 10.0.0.7', type: 'server_error', param: null, code: null } } })
  )
  const broken = await failure<Failure>(client.chat.completions.create(HELLO))
  t.ok(broken instanceof OpenAI.InternalServerError)
  t.match(broken, { status: 502, code: 'upstream_error', type: 'server_error', requestID: /./ })
  t.notMatch(broken.message, /10\.0\.0\.7/, 'what an upstream says about itself stays inside')

  gateway.upstream.use(
    reply({
      status: 400,
      json: { error: { message: 'No such parameter', type: 'invalid_request_error', param: 'max_tokens', code: 'unsupported_parameter' } }
    })
  )
  const refused = await failure<Failure>(client.chat.completions.create(HELLO))
  t.ok(refused instanceof OpenAI.BadRequestError)
  t.match(refused, { status: 400, code: 'unsupported_parameter', param: 'max_tokens' })
})

test('a stream that breaks raises an error in the client after what had come', async t => {
  const frames = ['one ', 'two ', 'three'].map(content => ({
    id: 'c',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta: { content }, finish_reason: null }]
  }))
  const whole = frames.map(frame => `data: ${JSON.stringify(frame)}\n\n`)
  const gateway = await createTestGateway(t, {
    listen: true,
    upstream: withFault(sse(frames, { split: 'whole' }), cut(whole.slice(0, 2).join('').length + 9))
  })
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  let text = ''
  const broken = await failure<Failure>(
    (async () => {
      for await (const chunk of await client.chat.completions.create({ ...HELLO, stream: true }))
        text += chunk.choices[0]?.delta.content ?? ''
    })()
  )
  t.ok(broken instanceof OpenAI.APIError)
  t.match(broken, { code: 'stream_truncated', type: 'server_error' })
  t.equal(text, 'one two ')
  await gateway.settled()
  t.match(gateway.exchange, { outcome: 'failed', response: { stream_end: 'truncated' } })

  gateway.upstream.use(sse([frames[0]!, { error: { message: 'The model stumbled', type: 'server_error', code: null } }], { done: false }))
  const passed = await failure<Failure>(client.chat.completions.stream(HELLO).finalChatCompletion())
  t.ok(passed instanceof OpenAI.APIError, 'an error event of the upstream, through the helper')
})
