import { definePlugin, stateKey, type Channel, type Chunk, type Plugin, type ResponseBody } from '@headgate/api'
import { createTestGateway, sse, type SseFrame } from '@headgate/api/test'
import { test } from 'tap'
import { pluginOf, said, streamedText } from '../plugin-of.ts'

const vaultMap = stateKey<Map<string, string>>('pii-vault/map')

/** The first example of the architecture text: placeholders go to the model, originals to the client. */
const vault: Plugin = definePlugin({
  name: 'pii-vault',
  apiVersion: 1,
  configSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['patterns'],
    properties: { patterns: { type: 'object', additionalProperties: { type: 'string', format: 'regex' } } }
  },
  writes: [vaultMap],
  setup({ config }) {
    const rules = Object.entries(config.patterns).map(([label, pattern]) => ({ label, re: new RegExp(pattern, 'gu') }))
    const restore = (text: string, map: ReadonlyMap<string, string>): string => text.replace(/<[a-z]+_\d+>/g, hit => map.get(hit) ?? hit)
    return {
      request(ctx) {
        const map = new Map<string, string>()
        const hide = (label: string) => (hit: string) => {
          const name = `<${label}_${map.size}>`
          map.set(name, hit)
          return name
        }
        for (const span of ctx.texts()) for (const { label, re } of rules) span.text = span.text.replace(re, hide(label))
        if (map.size > 0) ctx.set(vaultMap, map)
      },
      response(ctx) {
        const map = ctx.get(vaultMap)
        if (map !== undefined) for (const span of ctx.texts()) span.text = restore(span.text, map)
      },
      stream(ctx) {
        const map = ctx.get(vaultMap)
        if (map === undefined) return undefined
        let held = ''
        return {
          text(delta) {
            held += delta
            const cut = held.search(/<[a-z_\d]*$/)
            const out = cut < 0 ? held : held.slice(0, cut)
            held = held.slice(out.length)
            return restore(out, map)
          },
          end: () => restore(held, map)
        }
      }
    }
  }
})

/** A cache as far as pairing is concerned: it keeps what its `response` hook sees. */
function cache(kept: Map<string, ResponseBody>): Plugin {
  const keyOf = (request: { readonly messages?: unknown }): string => JSON.stringify(request.messages)
  return pluginOf(
    'cache',
    {
      request(ctx) {
        const hit = kept.get(keyOf(ctx.request))
        return hit === undefined ? undefined : ctx.respond(hit, { headers: { 'x-cache': 'hit' } })
      },
      response(ctx) {
        kept.set(keyOf(ctx.request), structuredClone(ctx.response) as ResponseBody)
      }
    },
    { streaming: 'buffer' }
  )
}

const PATTERNS = { patterns: { email: '\\S+@\\S+\\.io' } }
const MAIL = [{ role: 'user', content: 'mail a@b.io' }]

test('pairing: [pii-vault, cache] keeps redacted answers and still gives the client its originals', async t => {
  for (const stream of [false, true]) {
    const kept = new Map<string, ResponseBody>()
    const upstream = stream ? streamedText(['mailed <ema', 'il_0>']) : said('mailed <email_0>')
    const gw = await createTestGateway(t, { plugins: { vault: [vault, PATTERNS], cache: cache(kept) }, upstream })
    for (const [round, header] of [
      [1, undefined],
      [2, 'hit']
    ] as const) {
      const answer = await gw.chat({ messages: MAIL, stream })
      t.equal(answer.text, 'mailed a@b.io', `stream ${stream}, round ${round}`)
      t.equal(answer.headers['x-cache'], header)
    }
    t.equal(gw.upstream.requests.length, 1, 'the second answer came from the cache')
    t.match(gw.upstream.requests[0]!.body.toString(), /<email_0>/)
    t.notMatch(gw.upstream.requests[0]!.body.toString(), /a@b/)
    t.notMatch(JSON.stringify([...kept]), /a@b/, 'what is kept is redacted')
    t.same(
      gw.exchange.hooks.map(({ plugin, hook, outcome }) => `${plugin}.${hook} ${outcome}`).filter(entry => !entry.startsWith('kit')),
      ['vault.request ok', 'cache.request stop', 'vault.response ok']
    )
  }
})

test('a stream is restored at every cut of the answer', async t => {
  const text = 'a<b, <, <<email_0>> and <email_9> … <email_'
  for (const split of ['every-byte', 'whole'] as const) {
    const gw = await createTestGateway(t, { plugins: { vault: [vault, PATTERNS] }, upstream: streamedText(text.split(''), { split }) })
    const answer = await gw.chat({ messages: MAIL, stream: true })
    t.equal(answer.text, 'a<b, <, <a@b.io> and <email_9> … <email_')
    t.ok(answer.done)
  }
  const whole = await createTestGateway(t, { plugins: { vault: [vault, PATTERNS] }, upstream: said(text) })
  t.equal((await whole.chat({ messages: MAIL })).text, 'a<b, <, <a@b.io> and <email_9> … <email_', 'the same as without a stream')
})

test('a step that declines leaves the bytes of the stream untouched', async t => {
  const upstream =
    'data: {"id":"x", "choices":[{"index":0,"delta":{"content":"h\\u00e9"},"odd":1.0}]}\n\n: note\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
  const gw = await createTestGateway(t, { plugins: { vault: [vault, PATTERNS] }, upstream: sse(upstream) })
  t.equal((await gw.chat({ stream: true })).raw.toString(), upstream)
})

const upper = pluginOf('upper', { stream: () => ({ text: delta => delta.toUpperCase() }) })
const braces = pluginOf('braces', {
  stream: () => {
    let open = false
    return {
      text(delta) {
        if (open) return delta
        open = true
        return `{${delta}`
      },
      end: () => '}'
    }
  }
})

test('a plugin with only a stream hook covers answers that are not streamed', async t => {
  const gw = await createTestGateway(t, { plugins: { upper, braces }, upstream: said('hello') })
  t.equal((await gw.chat()).text, '{HELLO}', 'braces first, as the pipeline is reversed')
  gw.upstream.use(streamedText(['he', 'llo']))
  t.equal((await gw.chat({ stream: true })).text, '{HELLO}')
  t.equal((await gw.chat()).text, '{HELLO}', 'an upstream that streams to a client that did not ask')
})

test('streaming: buffer holds the whole answer back, skip lets streams pass', async t => {
  const edit = {
    response(ctx: { texts(): readonly { text: string }[] }) {
      for (const span of ctx.texts()) span.text = span.text.replace('bc', '##')
    }
  }
  const buffer = await createTestGateway(t, {
    plugins: { edit: pluginOf('edit', edit, { streaming: 'buffer' }) },
    upstream: streamedText(['ab', 'cd'])
  })
  const held = await buffer.chat({ stream: true })
  t.equal(held.text, 'a##d')
  t.ok(held.done)
  t.match(held.headers['content-type'], /event-stream/)
  t.match(buffer.exchange, { response: { stream_end: 'done' }, usage: { source: 'estimated' } })
  const skip = await createTestGateway(t, {
    plugins: { edit: pluginOf('edit', edit, { streaming: 'skip' }) },
    upstream: streamedText(['ab', 'cd'])
  })
  t.equal((await skip.chat({ stream: true })).text, 'abcd')
  skip.upstream.use(said('abcd'))
  t.equal((await skip.chat()).text, 'a##d')
})

function choices(...parts: readonly (readonly [index: number, delta: object, finish?: string])[]): SseFrame {
  return {
    id: 'c',
    object: 'chat.completion.chunk',
    choices: parts.map(([index, delta, finish]) => ({ index, delta, finish_reason: finish ?? null }))
  }
}

test('several choices and tool arguments are channels of their own', async t => {
  const channels: Channel[] = []
  const mark = pluginOf('mark', {
    stream(ctx) {
      channels.push(ctx.channel)
      const { choice, kind, index } = ctx.channel
      let held = ''
      return {
        text(delta) {
          held += delta
          return ''
        },
        end: () => `${choice}/${kind}/${index}:${held}`
      }
    }
  })
  const call = (index: number, args: string, name?: string): object => ({
    tool_calls: [
      {
        index,
        ...(name !== undefined && { id: `t${index}`, type: 'function' }),
        function: { ...(name !== undefined && { name }), arguments: args }
      }
    ]
  })
  const upstream = sse([
    choices([0, { role: 'assistant', content: 'a' }], [1, { role: 'assistant', content: 'x' }]),
    choices([1, { content: 'y' }], [0, { content: 'b' }]),
    choices([0, call(0, '', 'f')]),
    choices([0, call(0, '{"k"')]),
    choices([0, call(1, '', 'g')]),
    choices([0, call(1, '[]')]),
    choices([0, call(0, ':1}')]),
    choices([1, {}, 'stop']),
    choices([0, {}, 'tool_calls'])
  ])
  const gw = await createTestGateway(t, { plugins: { mark }, upstream })
  const answer = await gw.chat({ stream: true, n: 2 })
  const text = (choice: number, read: (delta: NonNullable<NonNullable<Chunk['choices']>[number]['delta']>) => unknown): string =>
    answer.chunks
      .flatMap(chunk => chunk.choices ?? [])
      .filter(({ index }) => index === choice)
      .map(({ delta }) => read(delta ?? {}) ?? '')
      .join('')
  t.equal(
    text(0, delta => delta.content),
    '0/answer/0:ab'
  )
  t.equal(
    text(1, delta => delta.content),
    '1/answer/0:xy'
  )
  const args = (index: number): string => text(0, delta => delta.tool_calls?.find(entry => entry.index === index)?.function?.arguments)
  t.match(args(0).replace(/0\/tool_arguments\/0:/g, ''), '{"k":1}')
  t.equal(args(1), '0/tool_arguments/1:[]')
  t.same(new Set(channels.map(({ choice, kind }) => `${choice}/${kind}`)), new Set(['0/answer', '1/answer', '0/tool_arguments']))
  t.ok(answer.done)
  t.match(gw.exchange.response.body, {
    choices: [{ message: { content: '0/answer/0:ab' }, finish_reason: 'tool_calls' }, { message: { content: '1/answer/0:xy' } }]
  })
})

test('whole chunks can be dropped, replaced and multiplied', async t => {
  const double = pluginOf('double', {
    stream: () => ({
      chunk(chunk) {
        const content = chunk.choices?.[0]?.delta?.content
        if (content === 'drop') return null
        return content === 'twice' ? [chunk, structuredClone(chunk)] : chunk
      }
    }),
    response: () => undefined
  })
  const gw = await createTestGateway(t, { plugins: { double }, upstream: streamedText(['a', 'drop', 'twice', 'z']) })
  t.equal((await gw.chat({ stream: true })).text, 'atwicetwicez')
})

test('a stream hook that fails with on_error: allow is off for the rest of the answer', async t => {
  let calls = 0
  const flaky = pluginOf('flaky', {
    stream: () => ({
      text(delta) {
        calls++
        if (delta === 'b') throw new Error('no')
        return delta.toUpperCase()
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { flaky: [flaky, {}, { on_error: 'allow' }] }, upstream: streamedText(['a', 'b', 'c']) })
  const answer = await gw.chat({ stream: true })
  t.equal(answer.text, 'Abc')
  t.ok(answer.done)
  t.equal(calls, 2)
  t.match(gw.exchange.hooks.at(-1), { plugin: 'flaky', hook: 'stream', outcome: 'failed' })
  const denying = await createTestGateway(t, { plugins: { flaky }, upstream: streamedText(['a', 'b', 'c']) })
  const broken = await denying.chat({ stream: true })
  t.equal(broken.text, 'A')
  t.equal(broken.error?.code, 'plugin_error')
  t.notOk(broken.done)
})

test('a stream context stays valid until its answer has ended, and no longer', async t => {
  let use: () => unknown = () => undefined
  const keeper = pluginOf('keeper', {
    stream(ctx) {
      use = () => ctx.request.model
      return { text: delta => `${String(use())}:${delta} ` }
    }
  })
  const gw = await createTestGateway(t, { plugins: { keeper }, upstream: streamedText(['a', 'b']) })
  t.equal((await gw.chat({ stream: true })).text, 'test-model:a test-model:b ')
  t.throws(use, TypeError)
  gw.upstream.use(said('a'))
  t.equal((await gw.chat()).text, 'test-model:a ')
  t.throws(use, TypeError, 'nor in an answer that is not streamed')
})
