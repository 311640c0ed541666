import { reject, stateKey, type Instance, type ResponseBody } from '@headgate/api'
import { createTestGateway } from '@headgate/api/test'
import { test } from 'tap'
import { keyOf, pluginOf, said } from '../plugin-of.ts'

test('a denial is never swallowed by on_error: allow', async t => {
  const gate = pluginOf('gate', {
    request() {
      throw reject(402, 'pay', 'pay first', { param: 'model', type: 'billing', headers: { 'retry-after': '9' } })
    }
  })
  const gw = await createTestGateway(t, { plugins: { gate: [gate, {}, { on_error: 'allow' }] }, upstream: said('hi') })
  const answer = await gw.chat()
  t.equal(answer.status, 402)
  t.same(answer.error, { message: 'pay first', type: 'billing', param: 'model', code: 'pay' })
  t.equal(answer.headers['retry-after'], '9')
  t.match(gw.exchange, { outcome: 'rejected', hooks: [{}, { outcome: 'denied' }] })
  t.equal(gw.exchange.request.body, null, 'a body that later steps might have redacted is not in the record')
})

test('state: only what is declared can be read and written', async t => {
  const key = stateKey<string>('mine')
  const writer = pluginOf(
    'writer',
    {
      request(ctx) {
        ctx.set(key, 'value')
      }
    },
    { writes: [key] }
  )
  const reader = pluginOf(
    'reader',
    {
      request(ctx) {
        t.equal(ctx.get(keyOf('mine')), 'value', 'two keys of one name are one state')
      }
    },
    { reads: [keyOf('mine')] }
  )
  const gw = await createTestGateway(t, { plugins: { writer, reader }, upstream: said('hi') })
  t.equal((await gw.chat()).text, 'hi')
  const undeclared: Instance[] = [
    {
      request(ctx) {
        ctx.get(key)
      }
    },
    {
      request(ctx) {
        ctx.set(key, 'x')
      }
    }
  ]
  for (const instance of undeclared) {
    const sneaky = await createTestGateway(t, { plugins: { writer, sneaky: pluginOf('sneaky', instance) }, upstream: said('hi') })
    t.equal((await sneaky.chat()).error?.code, 'plugin_error')
    t.ok(
      sneaky.logs.some(
        line => line.facts['err'] instanceof TypeError && /"mine" without declaring it/.test((line.facts['err'] as Error).message)
      )
    )
  }
})

test('ctx.respond answers without an upstream, as a stream to a client that asked for one', async t => {
  const body: ResponseBody = {
    id: 'c',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'cached' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  }
  const cache = pluginOf('cache', { request: ctx => ctx.respond(body, { headers: { 'x-cache': 'hit' } }) })
  const gw = await createTestGateway(t, { plugins: { cache } })
  const whole = await gw.chat()
  t.same(whole.json, body)
  t.equal(whole.headers['x-cache'], 'hit')
  const streamed = await gw.chat({ stream: true })
  t.match(streamed.headers['content-type'], /event-stream/)
  t.equal(streamed.headers['x-cache'], 'hit')
  t.equal(streamed.text, 'cached')
  t.ok(streamed.done)
  t.equal(
    streamed.chunks.some(chunk => chunk.usage !== undefined && chunk.usage !== null),
    false
  )
  const asked = await gw.chat({ stream: true, stream_options: { include_usage: true } })
  t.match(asked.chunks.at(-1), { choices: [], usage: { total_tokens: 2 } })
  t.match(gw.exchange, { outcome: 'ok', response: { stream_end: 'done' }, provider: { attempts: [] }, usage: { total_tokens: 2 } })
})

test('the breaker: five failures in a row with on_error: allow and the step rests', async t => {
  let calls = 0
  let works = false
  const flaky = pluginOf('flaky', {
    receive: () => undefined,
    request() {
      calls++
      if (!works) throw new Error('no')
    }
  })
  const gw = await createTestGateway(t, { plugins: { flaky: [flaky, {}, { on_error: 'allow' }] }, upstream: said('hi') })
  for (let i = 0; i < 4; i++) await gw.chat()
  works = true
  await gw.chat()
  works = false
  for (let i = 0; i < 5; i++) await gw.chat()
  t.equal(calls, 10, 'a success starts the count anew; the working receive hook of the same plugin does not')
  for (let i = 0; i < 3; i++) t.equal((await gw.chat()).text, 'hi')
  t.equal(calls, 10, 'it rests')
  t.equal(gw.count('headgate_breaker_open_total', { plugin: 'flaky' }), 1)
  t.equal(gw.logs.filter(line => /passed over for 10 s/.test(line.message)).length, 1, 'one warning')
  const closed = await createTestGateway(t, { plugins: { flaky: [flaky, {}, { on_error: 'deny' }] }, upstream: said('hi') })
  for (let i = 0; i < 7; i++) t.equal((await closed.chat()).status, 500)
  t.equal(calls, 17, 'deny keeps trying: closed means closed')
})

test('the breaker lets the step try again after ten seconds', async t => {
  let calls = 0
  const flaky = pluginOf('flaky', {
    request() {
      if (++calls <= 5) throw new Error('no')
    }
  })
  const gw = await createTestGateway(t, { plugins: { flaky: [flaky, {}, { on_error: 'allow' }] }, upstream: said('hi') })
  for (let i = 0; i < 6; i++) await gw.chat()
  t.equal(calls, 5)
  const real = performance.now
  t.teardown(() => {
    performance.now = real
  })
  performance.now = () => real.call(performance) + 10_001
  await gw.chat()
  t.equal(calls, 6)
  performance.now = real
  await gw.chat()
  t.equal(calls, 7, 'it worked, so it is closed again')
})
