import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { defineProvider, type Chunk, type ErrorReading, type OperationCodec, type Provider } from '@headgate/api'
import { readProviderCases, testProvider, type ProviderCase, type ProviderTestOptions } from '@headgate/api/test'

/** A dialect of its own: `{ say }` in, `{ said, why, spent }` out, and events `word`, `end`. */
const CODEC: OperationCodec = {
  encode: (request, target) => ({
    path: '/talk',
    body: { voice: target.model, say: String(request.messages?.at(-1)?.content), live: request.stream === true }
  }),
  decode(body) {
    const { said, why, spent } = body as { said: string; why: string; spent: number }
    return {
      id: 't',
      object: 'chat.completion',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: said }, finish_reason: why }],
      usage: { prompt_tokens: 1, completion_tokens: spent, total_tokens: spent + 1 }
    }
  },
  stream: () => ({
    event(name, data): readonly Chunk[] {
      if (name === 'word') return [{ choices: [{ index: 0, delta: { content: data }, finish_reason: null }] }]
      if (name !== 'end') return []
      const { why, spent } = JSON.parse(data) as { why: string; spent: number }
      return [
        {
          choices: [{ index: 0, delta: {}, finish_reason: why }],
          usage: { prompt_tokens: 1, completion_tokens: spent, total_tokens: spent + 1 }
        }
      ]
    }
  })
}

function talker(codec: Partial<OperationCodec> = {}, error?: (status: number) => ErrorReading): Provider {
  return defineProvider({
    name: 'talker',
    apiVersion: 1,
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    setup: () => ({
      origin: 'https://talk.example.com/api',
      operations: { chat: { ...CODEC, ...codec } },
      ...(error !== undefined && { error })
    })
  })
}

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }

const CASES: readonly ProviderCase[] = [
  {
    name: 'whole',
    request,
    sent: { path: '/talk', body: { voice: 'm', say: 'hi', live: false } },
    upstream: { body: { said: 'tschüß', why: 'stop', spent: 2 } },
    text: 'tschüß'
  },
  {
    name: 'streamed',
    request: { ...request, stream: true },
    sent: { body: { voice: 'm', say: 'hi', live: true } },
    upstream: {
      body: 'event: word\ndata: tsch\n\nevent: word\ndata: üß 👍\n\nevent: word\ndata: .\n\nevent: end\ndata: {"why":"stop","spent":2}\n\n'
    },
    text: 'tschüß 👍.'
  }
]

async function findings(
  provider: Provider,
  cases: string | readonly ProviderCase[] = CASES,
  options: ProviderTestOptions = {}
): Promise<string[]> {
  const found: string[] = []
  await testProvider(
    {
      test: async (name, fn) => {
        try {
          await fn()
        } catch (error) {
          found.push(`${name}: ${(error as Error).message}`)
        }
      }
    },
    provider,
    cases,
    options
  )
  return found
}

test('a provider with a dialect of its own passes', async t => {
  t.same(await testProvider(t, talker(), CASES), { chat: 2, stream: 1 })
})

test('what is sent and what comes out of it are compared', async t => {
  const deaf = talker({
    encode: (asked, target) => ({ path: '/talks', body: { voice: target.model, say: '', live: asked.stream === true } })
  })
  t.match(await findings(deaf), [/whole: it asks \/api\/talks, not \/api\/talk\nit sends .*"say":""/, /streamed: it sends/])
  const changed = await findings(talker(), [{ ...CASES[0]!, text: 'hello', response: {} }])
  t.match(changed, [/whole: the client gets .*, not \{\}\nthe text is "tschüß", not "hello"/])
})

test('usage that is lost and finish reasons that no client knows', async t => {
  const careless = talker({
    decode: () => ({ choices: [{ index: 0, message: { role: 'assistant', content: 'tschüß' }, finish_reason: 'done talking' }] })
  })
  t.match(await findings(careless), [/whole: the finish reason "done talking" is none that clients know\nthe usage is not known/])
})

test('a decoder that stumbles over what a later version may send', async t => {
  const strict = talker({
    stream: () => ({
      event(name, data) {
        if (name !== 'word' && name !== 'end') throw new Error(`what is ${name}?`)
        return CODEC.stream({ provider: '', model: '' }).event(name, data)
      }
    })
  })
  t.match(await findings(strict), [/streamed: with an event of a later version it is/])
})

test('a stream that looks finished before it is', async t => {
  const hasty = talker({
    stream: () => ({
      event: (name, data) =>
        name === 'word'
          ? [
              {
                choices: [{ index: 0, delta: { content: data }, finish_reason: 'stop' }],
                usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
              }
            ]
          : []
    })
  })
  t.match(
    (await findings(hasty)).join('\n'),
    /a broken stream is never a whole answer: .*a stream that is ended early looks like a whole answer/s
  )
})

test('errors that are told as another kind', async t => {
  t.match(await findings(talker({}, () => ({ kind: 'invalid_request' }))), [
    /errors are told by their kind: .*a 429 of the provider is told as 429|a 401 of the provider is told as 401/s
  ])
})

test('cases are read from folders', async t => {
  const dir = t.testdir()
  const folder = join(dir, 'streamed')
  mkdirSync(folder)
  for (const [file, content] of Object.entries({
    'request.json': JSON.stringify(CASES[1]!.request),
    'sent.json': JSON.stringify(CASES[1]!.sent),
    'upstream.sse': CASES[1]!.upstream!.body as string,
    'meta.json': JSON.stringify({ text: 'tschüß 👍.', features: ['unicode'] })
  }))
    writeFileSync(join(folder, file), content)
  t.match(readProviderCases(dir), [{ name: 'streamed', text: 'tschüß 👍.', upstream: { type: 'text/event-stream' } }])
  t.same(await findings(talker(), dir), [])
  mkdirSync(join(dir, 'empty'))
  t.throws(() => readProviderCases(dir), /a case needs request\.json/)
})
