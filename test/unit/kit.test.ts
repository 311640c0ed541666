import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { definePlugin, reject, stateKey, type Plugin } from '@headgate/api'
import { testPlugin, type PluginTestOptions } from '@headgate/api/test'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const
const hidden = stateKey<string[]>('kit-test/hidden')

/** Hides every word in angle brackets from the model and puts it back, also across pieces. */
const vault = definePlugin({
  name: 'vault',
  apiVersion: 1,
  configSchema: {
    type: 'object',
    additionalProperties: false,
    properties: { mark: { type: 'string', default: 'W', description: 'Begins the stand-ins.' } }
  },
  writes: [hidden],
  setup({ config }) {
    const restore = (text: string, words: readonly string[]): string =>
      text.replace(new RegExp(`${config.mark}(\\d);`, 'g'), (all, at: string) => words[Number(at)] ?? all)
    return {
      request(ctx) {
        const words: string[] = []
        for (const span of ctx.texts()) span.text = span.text.replace(/<[^>]+>/g, word => `${config.mark}${words.push(word) - 1};`)
        if (words.length > 0) ctx.set(hidden, words)
      },
      response(ctx) {
        const words = ctx.get(hidden)
        if (words !== undefined) for (const span of ctx.texts()) span.text = restore(span.text, words)
      },
      stream(ctx) {
        const words = ctx.get(hidden)
        if (words === undefined) return undefined
        let held = ''
        return {
          text(delta) {
            held += delta
            const cut = held.search(new RegExp(`${config.mark}\\d?$`))
            const out = cut < 0 ? held : held.slice(0, cut)
            held = held.slice(out.length)
            return restore(out, words)
          },
          end() {
            return restore(held, words)
          }
        }
      }
    }
  }
})

const VAULT: PluginTestOptions = {
  cases: [
    {
      name: 'words in brackets never reach the model and come back',
      request: { messages: [{ role: 'user', content: 'mail <a@b.io>' }] },
      answer: 'mailed W0; twice: W0;W0; W',
      expect: { text: 'mailed <a@b.io> twice: <a@b.io><a@b.io> W' },
      check({ requests }) {
        if (/a@b/.test(requests[0]!.body.toString())) throw new Error('the model saw it')
      }
    }
  ]
}

/** What the kit finds wrong with a plugin: `check name: problem`. */
async function findings(plugin: Plugin, options: PluginTestOptions = {}): Promise<string[]> {
  const found: string[] = []
  await testPlugin(
    {
      test: async (name, fn) => {
        try {
          await fn()
        } catch (error) {
          found.push(`${name}: ${(error as Error).message}`)
        }
      }
    },
    plugin,
    options
  )
  return found
}

function plain(name: string, setup: () => object): Plugin {
  return definePlugin({ name, apiVersion: 1, configSchema: NOTHING, setup })
}

test('a plugin that keeps the contract passes', t => testPlugin(t, vault, VAULT))

test('options without a description, and maps that take anything', async t => {
  const vague = definePlugin({
    name: 'vague',
    apiVersion: 1,
    configSchema: { type: 'object', properties: { on: { type: 'boolean' } } },
    setup: () => ({
      receive() {
        /* nothing to do */
      }
    })
  })
  t.match(await findings(vague), [/the schema is strict.*takes options that it does not know[\s\S]*on has no description/])
})

test('a member that is no hook does not load, and nothing else is run', async t => {
  const found = await findings(
    plain('misspelt', () => ({
      requests() {
        /* never called */
      }
    }))
  )
  t.match(found, [/it loads.*requests/s])
  t.equal(found.length, 1)
})

test('illegal writes throw where they are made', async t => {
  const mutator = plain('mutator', () => ({
    request(ctx: { request: { messages: { content: string }[] } }) {
      ctx.request.messages[0]!.content = 'other'
    }
  }))
  t.match(await findings(mutator), [/a chat: request threw TypeError: Cannot assign/], 'in the request')
  const edits = plain('edits', () => ({
    request(ctx: { edit(): object; request: { model: string } }) {
      ctx.edit()
      ctx.request.model = 'other'
    }
  }))
  t.match((await findings(edits)).join('\n'), /a chat: request threw TypeError/, 'also after an edit')
  const logger = plain('logger', () => ({
    log(exchange: { usage: { prompt_tokens: number } }) {
      exchange.usage.prompt_tokens = 0
    }
  }))
  t.match((await findings(logger)).join('\n'), /a chat: log threw TypeError/, 'in the record')
})

test('state that two instances share', async t => {
  let requests = 0
  const shared = plain('shared', () => ({
    request(ctx: { tag(name: string, value: string): void }) {
      ctx.tag('n', String(++requests))
    }
  }))
  t.match((await findings(shared)).join('\n'), /two instances share nothing: a second instance acts otherwise/)
  const own = plain('own', () => {
    let count = 0
    return {
      request(ctx: { tag(name: string, value: string): void }) {
        ctx.tag('n', String(++count))
      }
    }
  })
  t.same(await findings(own), [], 'state of the instance is fine')
})

test('a stream that ends up other than the whole answer', async t => {
  const upper = {
    response(ctx: { texts(): { text: string }[] }) {
      for (const span of ctx.texts()) span.text = span.text.replaceAll('fine', 'good')
    }
  }
  const careless = plain('careless', () => ({ ...upper, stream: () => ({ text: (delta: string) => delta.replaceAll('fine', 'good') }) }))
  t.match(
    (await findings(careless)).join('\n'),
    /a streamed answer is the same however it is cut: a chat: a stream gives .*fine.*, the whole answer .*good/s
  )
  const forgetful = plain('forgetful', () => {
    const stream = (): object => {
      let held = ''
      return {
        text(delta: string) {
          const out = held
          held = delta
          return out
        }
      }
    }
    return { stream }
  })
  t.match(
    (await findings(forgetful)).join('\n'),
    /a streamed answer is the same however it is cut/,
    'what is held back at the end is missed'
  )
})

test('I/O in setup, synchronous or not', async t => {
  const reader = plain('reader', () => {
    readFileSync(import.meta.filename)
    return {
      receive() {
        /* nothing to do */
      }
    }
  })
  t.match(await findings(reader), [/setup does no I\/O: .*readFileSync/])
  const ticker = plain('ticker', () => {
    const timer = setInterval(() => undefined, 1000)
    timer.unref()
    return {
      receive() {
        /* nothing to do */
      },
      close() {
        clearInterval(timer)
      }
    }
  })
  t.match(await findings(ticker), [/setup does no I\/O: .*Timeout/])
})

test('something left open, and a close that works only once', async t => {
  const leak = plain('leak', () => ({
    receive() {
      /* nothing to do */
    },
    start() {
      setInterval(() => undefined, 1000).unref()
    }
  }))
  t.match(await findings(leak), [/leaves nothing open: close leaves something open \(Timeout\)/])
  const once = plain('once', () => {
    let open: string[] | null = []
    return {
      receive() {
        /* nothing to do */
      },
      close() {
        open!.length = 0
        open = null
      }
    }
  })
  t.match(await findings(once), [/it closes without a start and twice/])
})

test('hooks that depend on another hook of their own having run', async t => {
  const state = stateKey<{ hits: number }>('kit-test/state')
  const fragile = definePlugin({
    name: 'fragile',
    apiVersion: 1,
    configSchema: NOTHING,
    writes: [state],
    streaming: 'skip',
    setup: () => ({
      request(ctx) {
        ctx.set(state, { hits: 0 })
      },
      response(ctx) {
        ctx.get(state)!.hits++
      }
    })
  })
  t.match((await findings(fragile)).join('\n'), /where a hook fails.*when request throws under on_error: allow, response threw TypeError/s)
})

test('a hook that is slow has to say why', async t => {
  const slow = plain('slow', () => ({
    request() {
      const until = performance.now() + 0.3
      while (performance.now() < until) Math.sqrt(until)
    }
  }))
  t.match(await findings(slow), [/its hooks take less than 50 µs.*request takes \d+ µs/])
  t.same(await findings(slow, { slow: 'it counts to a large number' }), [])
})

test('a case that does not come out as it says', async t => {
  const closed = plain('closed', () => ({
    request() {
      throw reject(403, 'closed', 'The office is closed.')
    }
  }))
  t.same(await findings(closed, { cases: [{ name: 'closed', expect: { status: 403, code: 'closed' } }] }), [])
  t.match(await findings(closed, { cases: [{ name: 'open', expect: { text: 'hello' } }] }), [/open: whole: .*text/s])
})
