import { test } from 'tap'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { embed, generateText, isStepCount, jsonSchema, streamText, tool } from 'ai'
import { KEY, startHeadgate } from './command-line.ts'
import { failure } from './failure.ts'

test('the Vercel AI SDK', async t => {
  const gateway = await startHeadgate(t)
  const headgate = createOpenAICompatible({ name: 'headgate', baseURL: `${gateway.url}/v1`, apiKey: KEY, includeUsage: true })

  t.test('generateText', async t => {
    const { text, finishReason, usage } = await generateText({ model: headgate('demo'), prompt: 'Hello', maxRetries: 0 })
    t.match(text, /^\[demo\] You said: "Hello"/)
    t.equal(finishReason, 'stop')
    t.ok((usage.outputTokens ?? 0) > 0)
  })

  t.test('streamText', async t => {
    const result = streamText({ model: headgate('demo'), prompt: 'Hello', maxRetries: 0 })
    const pieces: string[] = []
    for await (const piece of result.textStream) pieces.push(piece)
    t.ok(pieces.length > 3, 'it arrives in pieces')
    t.match(pieces.join(''), /^\[demo\] You said: "Hello"/)
    t.equal(await result.finishReason, 'stop')
    t.ok(((await result.usage).outputTokens ?? 0) > 0, 'with usage, which it asks for')
  })

  t.test('a tool that is run and answered', async t => {
    const cities: string[] = []
    const weather = tool({
      description: 'The weather of a city',
      inputSchema: jsonSchema<{ city: string }>({ type: 'object', required: ['city'], properties: { city: { type: 'string' } } }),
      execute: async ({ city }) => {
        cities.push(city)
        return 'sunny, 21 degrees'
      }
    })
    const { text, steps } = await generateText({
      model: headgate('demo'),
      prompt: 'Weather in Paris?',
      tools: { weather },
      stopWhen: isStepCount(3),
      maxRetries: 0
    })
    t.strictSame(cities, ['demo city'])
    t.equal(steps.length, 2)
    t.match(text, 'sunny, 21 degrees')
  })

  t.test('embed', async t => {
    const { embedding } = await embed({ model: headgate.embeddingModel('demo'), value: 'red apples', maxRetries: 0 })
    t.equal(embedding.length, 256)
  })

  t.test('an unknown model is an error with its code', async t => {
    t.match(await failure(generateText({ model: headgate('gpt-unheard-of'), prompt: 'Hello', maxRetries: 0 })), {
      statusCode: 404,
      responseBody: /model_not_found/
    })
  })
})

test('LangChain', async t => {
  const gateway = await startHeadgate(t)
  const options = { model: 'demo', apiKey: KEY, configuration: { baseURL: `${gateway.url}/v1` }, maxRetries: 0 }
  const model = new ChatOpenAI(options)

  t.test('invoke', async t => {
    const answer = await model.invoke('Hello')
    t.match(answer.content, /^\[demo\] You said: "Hello"/)
    t.match(answer.usage_metadata, { total_tokens: Number })
  })

  t.test('stream', async t => {
    const pieces: string[] = []
    for await (const chunk of await model.stream('Hello')) pieces.push(String(chunk.content))
    t.ok(pieces.length > 3)
    t.match(pieces.join(''), /^\[demo\] You said: "Hello"/)
  })

  t.test('a tool call', async t => {
    const weather = {
      type: 'function',
      function: {
        name: 'get_weather',
        description: 'The weather of a city',
        parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } }
      }
    }
    const answer = await model.bindTools([weather]).invoke('Weather in Paris?')
    t.match(answer.tool_calls, [{ name: 'get_weather', args: { city: String } }])
  })

  t.test('embeddings', async t => {
    t.equal((await new OpenAIEmbeddings({ ...options, stripNewLines: false }).embedQuery('red apples')).length, 256)
  })

  t.test('a wrong key is an error', async t => {
    t.match(await failure(new ChatOpenAI({ ...options, apiKey: 'sk-wrong' }).invoke('Hello')), { status: 401 })
  })
})
