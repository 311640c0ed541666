import { reject, type GuardCtx, type Instance } from '@headgate/api'
import { createTestGateway, hang, reply } from '@headgate/api/test'
import { test } from 'tap'
import { pluginOf, said, streamedText } from '../plugin-of.ts'

/** A plugin that writes every hook that runs into a list. */
function tracer(name: string, seen: string[], more: Instance = {}): ReturnType<typeof pluginOf> {
  const note = (hook: string) => (): undefined => {
    seen.push(`${name}.${hook}`)
  }
  return pluginOf(name, {
    receive: note('receive'),
    authenticate: note('authenticate'),
    request: note('request'),
    guard: note('guard'),
    route: note('route'),
    attempt: note('attempt'),
    retry: note('retry'),
    response: note('response'),
    stream: note('stream'),
    error: note('error'),
    log: note('log'),
    ...more
  })
}

test('hooks run in lifecycle order, the response half in reverse', async t => {
  const seen: string[] = []
  const gw = await createTestGateway(t, { plugins: { a: tracer('a', seen), b: tracer('b', seen) }, upstream: said('hi') })
  await gw.chat()
  t.same(seen, [
    'a.receive',
    'b.receive', // `authenticate` of the kit comes first and wins
    'a.request',
    'b.request',
    'a.guard',
    'b.guard',
    'a.route',
    'b.route',
    'a.attempt',
    'b.attempt',
    'b.response',
    'a.response',
    'a.log',
    'b.log'
  ])
  t.same(
    gw.exchange.hooks.map(({ plugin, hook }) => `${plugin}.${hook}`).filter(entry => !entry.startsWith('kit')),
    seen.slice(0, -2)
  )
})

test('a stream asks stream hooks in reverse, once for each channel', async t => {
  const seen: string[] = []
  const gw = await createTestGateway(t, {
    plugins: { a: tracer('a', seen), b: tracer('b', seen) },
    upstream: streamedText(['x', 'y', 'z'])
  })
  await gw.chat({ stream: true })
  t.same(seen.slice(-4), ['b.stream', 'a.stream', 'a.log', 'b.log'])
})

test('first: the first principal, retry decision and error win', async t => {
  const seen: string[] = []
  const a = tracer('a', seen, { authenticate: () => undefined })
  const b = tracer('b', seen, {
    authenticate: () => ({ id: 'b' }),
    retry: () => ({ action: 'fail' }),
    error: () => ({ status: 418, code: 'teapot', message: 'b says' })
  })
  const c = tracer('c', seen)
  const gw = await createTestGateway(t, { auth: false, plugins: { a, b, c }, upstream: reply({ status: 503 }) })
  const answer = await gw.chat()
  t.equal(answer.status, 418)
  t.match(answer.error, { code: 'teapot', message: 'b says' })
  t.equal(gw.exchange.api_key_id, 'b')
  t.notOk(seen.includes('c.authenticate') || seen.includes('c.retry') || seen.includes('c.error'))
  t.ok(seen.includes('a.retry') && seen.includes('a.error'))
})

test('nobody authenticates: 401, and the body is never looked at', async t => {
  const seen: string[] = []
  const gw = await createTestGateway(t, { auth: false, plugins: { a: tracer('a', seen) }, upstream: said('hi') })
  const answer = await gw.chat()
  t.equal(answer.status, 401)
  t.equal(answer.error?.code, 'invalid_api_key')
  t.same(seen, ['a.receive', 'a.authenticate', 'a.error', 'a.log'])
  t.same(gw.exchange.request.body, null)
})

test('waterfall: each request and route step sees what the one before left', async t => {
  const a = pluginOf('a', {
    request(ctx) {
      ctx.edit()['user'] = 'a'
    },
    route: () => [{ provider: 'upstream', model: 'from-a' }]
  })
  const b = pluginOf('b', {
    request(ctx) {
      t.equal(ctx.request['user'], 'a')
      ctx.edit()['user'] = 'ab'
    },
    route: (_ctx, plan) => plan.map(target => ({ ...target, model: `${target.model}-b` }))
  })
  const gw = await createTestGateway(t, { plugins: { a, b }, upstream: said('hi') })
  await gw.chat()
  t.match(JSON.parse(gw.upstream.requests[0]!.body.toString()), { user: 'ab', model: 'from-a-b' })
})

test('an empty plan is 404 model_not_found', async t => {
  const none = pluginOf('none', { route: () => [] })
  const gw = await createTestGateway(t, { plugins: { none }, providers: {} })
  const answer = await gw.chat()
  t.equal(answer.status, 404)
  t.match(answer.error, { code: 'model_not_found', param: 'model' })
})

test('attempt: headers and a patch for this try only; a denial skips the target', async t => {
  const shaping = pluginOf('shaping', {
    route: () => [
      { provider: 'upstream', model: 'first' },
      { provider: 'upstream', model: 'second' }
    ],
    attempt(ctx) {
      if (ctx.target.model === 'first') throw reject(403, 'not_there', 'this target is not for you')
      ctx.setHeader('x-attempt', String(ctx.attempt))
      ctx.patch({ temperature: 0, user: undefined })
    },
    retry: () => ({ action: 'next' })
  })
  const gw = await createTestGateway(t, { plugins: { shaping }, upstream: said('hi') })
  t.equal((await gw.chat({ user: 'u' })).text, 'hi')
  t.equal(gw.upstream.requests.length, 1)
  const [request] = gw.upstream.requests
  t.equal(request!.headers['x-attempt'], '2')
  const body = JSON.parse(request!.body.toString()) as object
  t.match(body, { model: 'second', temperature: 0 })
  t.notOk('user' in body)
  t.match(gw.exchange.provider.attempts, [
    { model: 'first', result: 'skipped' },
    { model: 'second', result: 'ok' }
  ])
})

test('guards run together, see the final request and cannot change it', async t => {
  let running = 0
  let most = 0
  const guard = async (ctx: GuardCtx): Promise<void> => {
    most = Math.max(most, ++running)
    t.equal(ctx.request['user'], 'edited')
    t.notOk('edit' in ctx || 'respond' in ctx || 'setHeader' in ctx)
    t.throws(() => {
      ;(ctx.texts()[0] as { text: string }).text = 'changed'
    }, TypeError)
    await new Promise(resolve => setTimeout(resolve, 10))
    running--
  }
  const plugins = {
    a: pluginOf('a', { guard }),
    b: pluginOf('b', {
      guard,
      request(ctx) {
        ctx.edit()['user'] = 'edited'
      }
    })
  }
  const gw = await createTestGateway(t, { plugins, upstream: said('hi') })
  t.equal((await gw.chat()).text, 'hi')
  t.equal(most, 2)
})

test('the first denial of a guard wins and ends the others', async t => {
  let ended = false
  const slow = pluginOf('slow', {
    guard: ctx =>
      new Promise<void>((_resolve, fail) => {
        ctx.signal.addEventListener('abort', () => {
          ended = true
          fail(new Error('ended'))
        })
      })
  })
  for (const deny of [
    async () => {
      throw reject(403, 'no', 'no')
    },
    () => {
      throw reject(403, 'no', 'no')
    }
  ]) {
    ended = false
    const gw = await createTestGateway(t, { plugins: { slow, deny: pluginOf('deny', { guard: deny }) }, upstream: said('hi') })
    const answer = await gw.chat()
    t.equal(answer.status, 403)
    t.match(gw.exchange, { outcome: 'rejected', error: { code: 'no', plugin: 'deny', source: 'policy' } })
    t.equal(gw.upstream.requests.length, 0)
    t.ok(ended, 'the shared signal')
  }
})

test('overlap: the upstream is asked at once, but nothing leaves before all agree', async t => {
  let agree: () => void = () => undefined
  const judge = pluginOf('judge', {
    guard: () =>
      new Promise<void>(resolve => {
        agree = resolve
      })
  })
  const gw = await createTestGateway(t, {
    plugins: { judge },
    steps: { judge: { overlap: true } },
    upstream: streamedText(['hi']),
    listen: true,
    server: { heartbeat: '5ms' }
  })
  const pending = fetch(`${gw.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}'
  })
  await gw.upstream.until(() => gw.upstream.requests.length === 1)
  const first = await Promise.race([pending.then(() => 'answered'), new Promise(resolve => setTimeout(resolve, 30, 'held'))])
  t.equal(first, 'held', 'not even a heartbeat')
  agree()
  t.match(await (await pending).text(), /"hi"/)
})

test('overlap: a denial aborts the upstream and is all the client sees', async t => {
  const judge = pluginOf('judge', {
    guard: async () => {
      await gw.upstream.until(() => gw.upstream.requests.length === 1)
      throw reject(403, 'denied', 'no')
    }
  })
  const gw = await createTestGateway(t, { plugins: { judge }, steps: { judge: { overlap: true } }, upstream: hang() })
  const answer = await gw.chat()
  t.equal(answer.status, 403)
  t.equal(answer.error?.code, 'denied')
  await gw.upstream.until(() => gw.upstream.requests[0]!.aborted)
  t.pass('the upstream is aborted')
})

test('overlap: an upstream failure is told only when the guards have agreed', async t => {
  const judge = pluginOf('judge', {
    guard: async () => {
      await new Promise(resolve => setTimeout(resolve, 20))
      throw reject(403, 'denied', 'no')
    }
  })
  const gw = await createTestGateway(t, {
    plugins: { judge },
    steps: { judge: { overlap: true } },
    upstream: reply({ status: 400, json: { error: { message: 'upstream says' } } })
  })
  const answer = await gw.chat()
  t.equal(answer.error?.code, 'denied')
})

test('when is decided once: the response half follows the request half', async t => {
  const seen: string[] = []
  const edits = pluginOf('edits', {
    request(ctx) {
      ctx.edit().model = 'other'
    }
  })
  const paired = pluginOf(
    'paired',
    {
      request() {
        seen.push('request')
      },
      response() {
        seen.push('response')
      }
    },
    { streaming: 'skip' }
  )
  const first = await createTestGateway(t, {
    plugins: { paired, edits },
    steps: { paired: { when: { model: 'test-*' } } },
    upstream: said('hi')
  })
  await first.chat()
  t.same(seen, ['request', 'response'], 'an edit after the decision changes nothing')
  await first.chat({ model: 'elsewhere' })
  t.same(seen, ['request', 'response'])
})

const FAILING: { readonly [hook: string]: { deny: object; edit: Instance } } = {
  request: {
    deny: { status: 500 },
    edit: {
      request(ctx) {
        ctx.edit().model = 'half'
        ctx.texts()[0]!.text = 'half'
        throw new Error('no')
      }
    }
  },
  route: {
    deny: { status: 500 },
    edit: {
      route() {
        throw new Error('no')
      }
    }
  },
  guard: {
    deny: { status: 500 },
    edit: {
      guard() {
        throw new Error('no')
      }
    }
  },
  receive: {
    deny: { status: 500 },
    edit: {
      receive() {
        throw new Error('no')
      }
    }
  },
  response: {
    deny: { status: 500 },
    edit: {
      response(ctx) {
        ctx.edit().model = 'half'
        ctx.texts()[0]!.text = 'half'
        throw new Error('no')
      },
      stream: () => undefined
    }
  },
  attempt: {
    deny: { status: 500 },
    edit: {
      attempt(ctx) {
        ctx.patch({ model: 'half' })
        ctx.setHeader('x-half', 'half')
        throw new Error('no')
      }
    }
  },
  error: {
    deny: { status: 200 },
    edit: {
      error() {
        throw new Error('no')
      }
    }
  }
}

for (const hook in FAILING) {
  test(`on_error of ${hook}: deny refuses, allow goes on as if the step had not been there`, async t => {
    const { deny, edit } = FAILING[hook]!
    const bad = pluginOf('bad', edit)
    const denying = await createTestGateway(t, { plugins: { bad: [bad, {}, { on_error: 'deny' }] }, upstream: said('hi') })
    t.match(await denying.chat(), deny)
    const allowing = await createTestGateway(t, { plugins: { bad: [bad, {}, { on_error: 'allow' }] }, upstream: said('hi') })
    const answer = await allowing.chat()
    t.equal(answer.text, 'hi')
    t.notMatch(answer.raw.toString(), /half/)
    const request = allowing.upstream.requests[0]!
    t.notMatch(request.body.toString() + JSON.stringify(request.headers), /half/, 'edits are undone')
  })
}
