import { definePlugin } from '@headgate/api'
import { test } from 'tap'
import { createTestGateway, hang, resetAt, sse, startFaultUpstream, type Reply } from '@headgate/api/test'
import { answer, decider, event, planOf, providerAt, refusal, results, ROLE, twoUpstreams } from './upstream-cases.ts'

const BUSY = refusal(503, { message: 'm' })
const WRONG = refusal(400, { message: 'm' })

/** Holds back answers until so many requests are there. */
function barrier(count: number): () => Promise<void> {
  let waiting: (() => void)[] = []
  return () =>
    new Promise(resolve => {
      waiting.push(resolve)
      if (waiting.length < count) return
      for (const go of waiting) go()
      waiting = []
    })
}

test('a step that always retries is stopped by the limit of the route', async t => {
  const again = decider({ action: 'retry' })
  for (const [retry, attempts] of [
    [undefined, 3],
    [{ max_attempts: 1 }, 1],
    [{ max_attempts: 5 }, 5]
  ] as const) {
    const gw = await createTestGateway(t, { upstream: BUSY, plugins: { again }, route: retry === undefined ? {} : { retry } })
    const told = await gw.chat()
    t.equal(told.status, 503)
    t.equal(gw.upstream.requests.length, attempts)
    t.equal(told.headers['x-headgate-attempts'], String(attempts))
    t.equal(told.headers['x-should-retry'], 'false')
    t.same(
      gw.exchange.provider.attempts.map(({ number }) => number),
      Array.from({ length: attempts }, (_, at) => at + 1)
    )
  }
})

test('a plan of many targets is tried up to the limit of the route', async t => {
  const gw = await createTestGateway(t, {
    upstream: BUSY,
    plugins: { plan: planOf(...['a', 'b', 'c', 'd', 'e'].map(model => ({ provider: 'upstream', model }))) }
  })
  const told = await gw.chat()
  t.equal(told.status, 503)
  t.same(
    gw.upstream.requests.map(({ body }) => (JSON.parse(body.toString()) as { model: string }).model),
    ['a', 'b', 'c']
  )
  t.match(gw.exchange.provider, {
    model_requested: 'test-model',
    model_resolved: 'c',
    attempts: [{ model: 'a' }, { model: 'b' }, { model: 'c' }]
  })
})

test('each target gets the bytes of the client with its own model', async t => {
  const { gw, second } = await twoUpstreams(t, BUSY, answer(), {
    plugins: { plan: planOf({ provider: 'upstream', model: 'first' }, { provider: 'second', model: 'zweitö' }) }
  })
  const body = (model: string): string =>
    `{ "messages" : [{"role":"user","content":"\\u00e9\\n"}],"seed":12345678901234567890, "model": ${JSON.stringify(model)},"x":1.0e0}`
  await gw.request('POST', '/v1/chat/completions', body('asked'))
  t.equal(gw.upstream.requests[0]?.body.toString(), body('first'))
  t.equal(second.requests[0]?.body.toString(), body('zweitö'))
})

test('a step that asks for what must not be repeated is refused', async t => {
  const again = decider({ action: 'retry' })
  const wrong = await createTestGateway(t, { upstream: WRONG, plugins: { again } })
  t.equal((await wrong.chat()).status, 400)
  t.equal(wrong.upstream.requests.length, 1, 'class C')
  const stored = await createTestGateway(t, { upstream: resetAt(), plugins: { again } })
  t.equal((await stored.chat({ store: true })).status, 502)
  t.equal(stored.upstream.requests.length, 1, 'class B of a request that is stored')
  t.equal((await stored.chat({ store: false })).status, 502)
  t.equal(stored.upstream.requests.length, 4)
  const limited = await createTestGateway(t, { upstream: [BUSY, answer()], plugins: { again } })
  t.equal((await limited.chat({ store: true })).text, 'hi', 'class A was not processed')
})

test('a step that gives up ends the request, and the client is asked not to go on', async t => {
  const { gw, second } = await twoUpstreams(t, BUSY, answer(), {
    plugins: { plan: planOf('upstream', 'second'), stop: decider({ action: 'fail' }) }
  })
  const told = await gw.chat()
  t.equal(told.status, 503)
  t.equal(told.headers['x-should-retry'], 'false')
  t.equal(told.headers['x-headgate-attempts'], '1')
  t.equal(second.requests.length, 0)
})

test('without a deciding step nothing was spent after one attempt, so the client may go on', async t => {
  const gw = await createTestGateway(t, { upstream: BUSY })
  const told = await gw.chat()
  t.equal(told.headers['x-should-retry'], undefined)
  t.equal(told.headers['x-headgate-attempts'], '1')
  const { gw: two } = await twoUpstreams(t, BUSY, BUSY)
  t.equal((await two.chat()).headers['x-should-retry'], 'false', 'both targets were tried')
})

test('the first step that decides is followed; one that has no opinion or fails is passed over', async t => {
  const failing = definePlugin({
    name: 'failing',
    apiVersion: 1,
    configSchema: { type: 'object' },
    setup: () => ({
      retry() {
        throw new Error('planted')
      }
    })
  })
  const odd = definePlugin({
    name: 'odd',
    apiVersion: 1,
    configSchema: { type: 'object' },
    setup: () => ({ retry: () => ({ action: 'explode' }) as never })
  })
  const seen: { code: string; remaining: number }[] = []
  const { gw } = await twoUpstreams(t, BUSY, answer('other'), {
    plugins: { plan: planOf('upstream', 'second'), failing, odd, silent: decider(undefined, seen) }
  })
  const told = await gw.chat()
  t.equal(told.text, 'other', 'the default is to fall back')
  t.same(seen, [{ code: 'upstream_overloaded', remaining: 1 }])
  t.ok(gw.exchange.hooks.some(({ plugin, hook, outcome }) => plugin === 'failing' && hook === 'retry' && outcome === 'failed'))
  t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'odd', hook: 'retry', kind: 'shape' }), 1)
})

test('a wait that does not fit before the deadline is not begun', async t => {
  const patient = decider({ action: 'retry', afterMs: 60_000 })
  const gw = await createTestGateway(t, { upstream: BUSY, plugins: { patient }, route: { timeout: '2s' } })
  t.equal((await gw.chat()).status, 503)
  t.ok(gw.exchange.timing.total_latency_ms < 1500)
  t.equal(gw.upstream.requests.length, 1)
  const { gw: two } = await twoUpstreams(t, BUSY, answer('other'), {
    plugins: { plan: planOf('upstream', 'second'), patient },
    route: { timeout: '2s' }
  })
  t.equal((await two.chat()).text, 'other', 'another target is tried at once')
})

test('the deadline holds over all attempts together', async t => {
  const gw = await createTestGateway(t, {
    upstream: [BUSY, BUSY, hang()],
    plugins: { again: decider({ action: 'retry', afterMs: 5 }) },
    route: { timeout: '70ms' }
  })
  const told = await gw.chat()
  t.equal(told.status, 504)
  t.equal(told.headers['x-should-retry'], 'false')
  t.same(results(gw), ['5xx', '5xx', 'deadline'])
  t.ok(gw.exchange.timing.total_latency_ms >= 69)
  const waiting = await createTestGateway(t, {
    upstream: BUSY,
    plugins: { again: decider({ action: 'retry', afterMs: 45 }) },
    route: { timeout: '60ms', retry: { max_attempts: 9 } }
  })
  const late = await waiting.chat()
  t.ok([503, 504].includes(late.status), 'whichever comes first, the time or the decision')
  t.ok(waiting.upstream.requests.length <= 2)
})

test('limits of the provider come before those of the route', async t => {
  const slow = await startFaultUpstream(t, hang())
  const gw = await createTestGateway(t, {
    upstream: answer('other'),
    plugins: { plan: planOf('slow', 'upstream') },
    providers: { slow: [...providerAt(slow.origin), { timeout: { first_token: '30ms' } }] }
  })
  t.equal((await gw.chat()).text, 'other')
  t.same(results(gw), ['ttft', 'ok'])
})

test('an upstream gets few repeats at a time, those that wait for their turn included', async t => {
  const calls = 20
  const together = barrier(calls)
  const upstream = async (request: { headers: { readonly [name: string]: string } }): Promise<Reply> => {
    if (request.headers['x-repeat'] !== undefined) return answer()
    await together()
    return BUSY
  }
  const marks = definePlugin({
    name: 'marks',
    apiVersion: 1,
    configSchema: { type: 'object' },
    setup: () => ({
      attempt(ctx) {
        if (ctx.attempt > 1) ctx.setHeader('x-repeat', '1')
      }
    })
  })
  const gw = await createTestGateway(t, { upstream, plugins: { marks, again: decider({ action: 'retry', afterMs: 40 }) } })
  let before = 0
  for (let round = 1; round <= 2; round++) {
    const answers = await Promise.all(Array.from({ length: calls }, () => gw.chat()))
    const repeats = gw.upstream.requests.length - before - calls
    before += calls + repeats
    t.ok(repeats >= 3 && repeats <= 4, `max(3, 20 %) of ${calls}, and the places are free again in round ${round}; got ${repeats}`)
    const refused = answers.filter(({ status }) => status === 503)
    t.equal(refused.length, calls - repeats)
    t.ok(
      refused.every(({ headers }) => headers['x-should-retry'] === 'false' && headers['x-headgate-attempts'] === '1'),
      'the storm does not go on in the clients'
    )
    t.equal(gw.count('headgate_retry_budget_exhausted_total', { upstream: 'upstream' }), 2 * round * calls - before)
  }
})

test('going to another upstream is no repeat: a dead one does not take the rest with it', async t => {
  const calls = 30
  const together = barrier(calls)
  const { gw } = await twoUpstreams(t, resetAt(), async () => {
    await together()
    return answer('other')
  })
  const answers = await Promise.all(Array.from({ length: calls }, () => gw.chat()))
  t.equal(answers.filter(({ text }) => text === 'other').length, calls)
  for (const upstream of ['upstream', 'second']) t.equal(gw.count('headgate_retry_budget_exhausted_total', { upstream }), 0)
})

test('where no repeat is left the next upstream is tried', async t => {
  const calls = 12
  const together = barrier(calls)
  const { gw } = await twoUpstreams(
    t,
    async (_request, index) => {
      if (index < calls) await together()
      return BUSY
    },
    answer('other'),
    { plugins: { plan: planOf('upstream', 'second'), again: decider({ action: 'retry', afterMs: 20 }) } }
  )
  const answers = await Promise.all(Array.from({ length: calls }, () => gw.chat()))
  const repeats = gw.upstream.requests.length - calls
  t.ok(repeats >= 3 && repeats <= calls / 2, `two repeats each for the three that had a place; got ${repeats}`)
  t.ok(answers.filter(({ text }) => text === 'other').length >= calls - repeats)
})

test('once content has left nothing is asked and nothing is repeated', async t => {
  const seen: { code: string; remaining: number }[] = []
  const { gw, second } = await twoUpstreams(t, sse([ROLE, event({ content: 'a' })], { done: false }), answer(), {
    plugins: { plan: planOf('upstream', 'second'), again: decider({ action: 'retry' }, seen) }
  })
  const told = await gw.chat({ stream: true })
  t.equal(told.text, 'a')
  t.same(seen, [])
  t.equal(second.requests.length, 0)
  t.equal(gw.upstream.requests.length, 1)
})
