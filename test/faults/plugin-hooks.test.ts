import { reject, type RequestBody, type RequestCtx } from '@headgate/api'
import { createTestGateway, reply } from '@headgate/api/test'
import { test } from 'tap'
import { pluginOf, said, streamedText } from '../plugin-of.ts'

const SECRET = 'sk-do-not-tell /etc/passwd'

test('P1 a hook that throws refuses the request without telling why, and is passed over only where that is written', async t => {
  const bad = pluginOf('bad', {
    request: () => {
      throw new Error(SECRET)
    }
  })
  const gw = await createTestGateway(t, { plugins: { bad }, upstream: said('hi') })
  const answer = await gw.chat()
  t.equal(answer.status, 500)
  t.match(answer.error, { type: 'server_error', code: 'plugin_error' })
  t.notMatch(answer.raw.toString(), /do-not-tell|passwd|bad/, 'neither cause nor plugin is told')
  t.equal(answer.headers['x-headgate-error-source'], 'plugin')
  t.equal(gw.upstream.requests.length, 0)
  t.match(gw.exchange, {
    outcome: 'failed',
    error: { source: 'plugin', code: 'plugin_error', plugin: 'bad', detail: 'plugin "bad" failed in request' },
    hooks: [{ plugin: 'kit-auth' }, { plugin: 'bad', hook: 'request', outcome: 'failed' }]
  })
  t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'bad', hook: 'request', kind: 'throw' }), 1)
  t.ok(
    gw.logs.some(line => line.level === 'warn' && line.facts['plugin'] === 'bad' && (line.facts['err'] as Error).message === SECRET),
    'the log knows the cause'
  )

  const lenient = await createTestGateway(t, { plugins: { bad: [bad, {}, { on_error: 'allow' }] }, upstream: said('hi') })
  t.equal((await lenient.chat()).text, 'hi')
  t.match(lenient.exchange, { outcome: 'ok', hooks: [{}, { plugin: 'bad', outcome: 'failed' }] })
})

test('P1 an observer that throws changes nothing for the client', async t => {
  const bad = pluginOf('bad', {
    log: () => {
      throw new Error('no')
    }
  })
  const gw = await createTestGateway(t, { plugins: { bad }, upstream: said('hi') })
  t.equal((await gw.chat()).text, 'hi')
  t.equal(gw.exchanges.length, 1, 'the other observer has its row')
  t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'bad', hook: 'log', kind: 'throw' }), 1)
})

for (const [what, value] of [
  ['an error', new Error('no')],
  ['undefined', undefined],
  ['a text', 'no'],
  ['null', null],
  ['a number', 0]
] as const) {
  test(`P2 a hook that rejects with ${what} is a failure like any other`, async t => {
    const bad = pluginOf('bad', { guard: () => Promise.reject(value) })
    const gw = await createTestGateway(t, { plugins: { bad }, upstream: said('hi') })
    const answer = await gw.chat()
    t.equal(answer.status, 500)
    t.equal(answer.error?.code, 'plugin_error')
    t.match(gw.exchange.error, { plugin: 'bad' })
    t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'bad', hook: 'guard', kind: 'reject' }), 1)
  })
}

test('P2 a hook that throws undefined synchronously is a failure too', async t => {
  const bad = pluginOf('bad', {
    receive: () => {
      throw undefined
    }
  })
  const gw = await createTestGateway(t, { plugins: { bad }, upstream: said('hi') })
  t.equal((await gw.chat()).error?.code, 'plugin_error')
  t.match(gw.exchange.error, { plugin: 'bad' })
})

test('P4 a hook that never settles ends at its deadline, and what it does later is ignored', async t => {
  let kept: RequestCtx | undefined
  let finish: (value: unknown) => void = () => undefined
  const slow = pluginOf('slow', {
    request(ctx) {
      kept = ctx
      return new Promise(resolve => {
        finish = resolve as typeof finish
      })
    }
  })
  const gw = await createTestGateway(t, { plugins: { slow: [slow, {}, { timeout: '10ms' }] }, upstream: said('hi') })
  const answer = await gw.chat()
  t.equal(answer.error?.code, 'plugin_error')
  t.match(gw.exchange, {
    error: { plugin: 'slow', detail: 'plugin "slow" took longer than 10 ms in request' },
    hooks: [{}, { plugin: 'slow', outcome: 'timeout' }]
  })
  t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'slow', hook: 'request', kind: 'timeout' }), 1)
  t.throws(() => kept?.edit(), TypeError, 'the context is released')
  finish({ kind: 'respond', status: 200, body: {}, headers: {} })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(gw.exchanges.length, 1)

  const lenient = await createTestGateway(t, {
    plugins: { slow: [slow, {}, { timeout: '10ms', on_error: 'allow' }] },
    upstream: said('hi')
  })
  t.equal((await lenient.chat()).text, 'hi')
})

test('P6 a write to what a hook may only read is a TypeError and changes nothing', async t => {
  const writers: { [name: string]: (ctx: RequestCtx) => void } = {
    field: ctx => {
      ;(ctx.request as RequestBody).model = 'stolen'
    },
    deep: ctx => {
      ;(ctx.request as RequestBody).messages![0]!.content = 'stolen'
    },
    list: ctx => {
      ;(ctx.request as RequestBody).messages!.push({ role: 'user', content: 'stolen' })
    },
    header: ctx => {
      ;(ctx.headers as { [name: string]: string })['x-team'] = 'stolen'
    },
    principal: ctx => {
      ;(ctx.principal as { id: string }).id = 'stolen'
    },
    view: ctx => {
      ;(ctx as { request: unknown }).request = {}
    }
  }
  for (const name in writers) {
    const editor = pluginOf('editor', {
      request(ctx) {
        ctx.edit()['user'] = 'u1'
      }
    })
    const writer = pluginOf('writer', {
      request: ctx => {
        writers[name]!(ctx)
      }
    })
    for (const plugins of [{ writer }, { editor, writer }]) {
      const gw = await createTestGateway(t, { plugins, steps: { writer: { on_error: 'allow' } }, upstream: said('hi') })
      t.equal((await gw.chat()).status, 200)
      t.match(
        gw.exchange,
        { request: { body: { model: 'test-model', messages: [{ content: 'hello' }] } } },
        `${name}: the body is what it was`
      )
      t.notMatch(gw.upstream.requests[0]!.body.toString(), /stolen/)
      t.ok(
        gw.logs.some(line => line.facts['plugin'] === 'writer' && line.facts['err'] instanceof TypeError),
        `${name} is a TypeError${'editor' in plugins ? ' after an edit of another plugin' : ''}`
      )
      await gw.close()
    }
  }
})

test('P6 a draft that was kept is frozen once its hook has ended, and the next plugin edits on', async t => {
  let kept: RequestBody | undefined
  const first = pluginOf('first', {
    request(ctx) {
      kept = ctx.edit()
      kept['user'] = 'first'
    }
  })
  const second = pluginOf('second', {
    request(ctx) {
      t.throws(() => {
        kept!['user'] = 'late'
      }, TypeError)
      t.equal(ctx.request['user'], 'first')
      ctx.edit()['seed'] = 7
      t.equal(ctx.request['seed'], 7, 'the own edits show at once')
    }
  })
  const gw = await createTestGateway(t, { plugins: { first, second }, upstream: said('hi') })
  t.equal((await gw.chat()).status, 200)
  t.match(JSON.parse(gw.upstream.requests[0]!.body.toString()), { user: 'first', seed: 7, model: 'test-model' })
  t.ok(Object.isFrozen(gw.exchange.request.body), 'what log steps see is frozen as well')
})

test('P7 a context that is kept cannot reach another request', async t => {
  const kept: RequestCtx[] = []
  const keeper = pluginOf('keeper', {
    request(ctx) {
      kept.push(ctx)
    }
  })
  const gw = await createTestGateway(t, { plugins: { keeper }, upstream: said('hi') })
  await gw.chat({ user: 'one' })
  const ctx = kept[0]!
  const uses: (() => unknown)[] = [
    () => ctx.request,
    () => ctx.headers,
    () => ctx.principal,
    () => ctx.edit(),
    () => ctx.texts(),
    () => ctx.respond({}),
    () => ctx.setHeader('x-a', 'b'),
    () => ctx.tag('a', 'b'),
    () => ctx.signal,
    () => ctx.log,
    () => ctx.id
  ]
  for (const use of uses) t.throws(use, { name: 'TypeError', message: 'the context of keeper was used after its hook had ended' })
  t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'keeper', hook: 'any', kind: 'late_use' }), uses.length)
  t.equal((await gw.chat({ user: 'two' })).text, 'hi')
})

test('P7 a span that is kept cannot change the body after its hook', async t => {
  let write: () => void = () => undefined
  const keeper = pluginOf('keeper', {
    request(ctx) {
      const [span] = ctx.texts()
      span!.text = 'edited'
      write = () => {
        span!.text = 'late'
      }
    }
  })
  const late = pluginOf('late', {
    guard() {
      t.throws(write, TypeError)
    }
  })
  const gw = await createTestGateway(t, { plugins: { keeper, late }, upstream: said('hi') })
  await gw.chat()
  t.match(JSON.parse(gw.upstream.requests[0]!.body.toString()), { messages: [{ content: 'edited' }] })
})

const circle: { [key: string]: unknown } = {}
circle['self'] = circle

const SHAPES: { readonly [what: string]: Parameters<typeof pluginOf>[1] } = {
  'a value from receive': { receive: () => 1 as never },
  'a principal without an id': { authenticate: () => ({ name: 'x' }) as never },
  'a request that returns a body': { request: () => ({ choices: [] }) as never },
  'an answer that is no object': { request: ctx => ctx.respond('text' as never) },
  'an answer with an error status': { request: ctx => ctx.respond({}, { status: 500 }) },
  'an answer that JSON cannot hold': { request: ctx => ctx.respond({ big: 1n }) },
  'an answer that holds itself': { request: ctx => ctx.respond(circle) },
  'an edit that JSON cannot hold': {
    request: ctx => {
      ctx.edit()['f'] = () => 1
    }
  },
  'a verdict from guard': { guard: () => true as never },
  'a plan that is no list': { route: () => 'upstream' as never },
  'a plan of half a target': { route: () => [{ provider: 'upstream' }] as never },
  'a value from response': { response: () => ({}) as never, stream: () => undefined },
  'a response that JSON cannot hold': {
    response: ctx => {
      ctx.edit()['when'] = new Date(0)
    },
    stream: () => undefined
  },
  'a header that cannot be set': { request: ctx => ctx.setHeader('authorization', 'Bearer x') }
}

for (const what in SHAPES) {
  test(`P8 ${what} is a failure of the plugin`, async t => {
    const bad = pluginOf('bad', SHAPES[what]!)
    const gw = await createTestGateway(t, { auth: !('authenticate' in (SHAPES[what] as object)), plugins: { bad }, upstream: said('hi') })
    const answer = await gw.chat()
    t.equal(answer.status, 500)
    t.equal(answer.error?.code, 'plugin_error')
    t.equal(gw.exchange.error?.plugin, 'bad')
  })
}

for (const [what, made] of [
  ['a promise', Promise.resolve({ text: () => 'x' })],
  ['a text', 'x'],
  ['a member that is no function', { text: 'x' }]
] as const) {
  test(`P8 ${what} in place of a transformer breaks the stream instead of letting it pass`, async t => {
    const bad = pluginOf('bad', { stream: () => made as never })
    const gw = await createTestGateway(t, { plugins: { bad }, upstream: streamedText(['secret']) })
    const answer = await gw.chat({ stream: true })
    t.equal(answer.error?.code, 'plugin_error')
    t.notMatch(answer.raw.toString(), /secret/)
    t.notOk(answer.done)
    t.match(gw.exchange, { error: { plugin: 'bad' }, response: { stream_end: 'plugin_error' } })
    t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'bad', hook: 'stream', kind: 'shape' }), 1)
  })
}

test('P9 only what a hook returns in time counts, and only once', async t => {
  const twice = pluginOf('twice', {
    request(ctx) {
      ctx.respond({ choices: [] })
      return ctx.respond({ id: 'second', choices: [] })
    }
  })
  const gw = await createTestGateway(t, { plugins: { twice } })
  t.equal((await gw.chat()).json.id, 'second')
  t.equal(gw.exchanges.length, 1)

  let late: Promise<unknown> = Promise.resolve()
  const tardy = pluginOf('tardy', {
    request(ctx) {
      late = new Promise(resolve => setTimeout(resolve, 25)).then(() => ctx.respond({ id: 'late' }))
      return late as never
    }
  })
  const other = await createTestGateway(t, {
    plugins: { tardy: [tardy, {}, { timeout: '5ms', on_error: 'allow' }] },
    upstream: said('in time')
  })
  t.equal((await other.chat()).text, 'in time')
  await t.rejects(late, TypeError)
  t.equal(other.count('headgate_plugin_errors_total', { plugin: 'tardy', hook: 'any', kind: 'late_use' }), 1)
  t.equal(other.exchanges.length, 1)
})

test('P9 a denial after the stream has begun is an error event, not a second answer', async t => {
  const gate = pluginOf('gate', {
    stream: () => ({
      text(delta) {
        if (delta === 'b') throw reject(403, 'not_this', 'no')
        return delta
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { gate }, upstream: streamedText(['a', 'b', 'c']) })
  const answer = await gw.chat({ stream: true })
  t.equal(answer.status, 200)
  t.equal(answer.text, 'a')
  t.match(answer.error, { code: 'not_this' })
  t.notOk(answer.done)
  t.match(gw.exchange, { outcome: 'rejected', error: { source: 'policy', code: 'not_this', plugin: 'gate' } })
})

test('P10 a plugin that always wants another try gets three', async t => {
  const again = pluginOf('again', { retry: () => ({ action: 'retry' }) })
  const gw = await createTestGateway(t, { plugins: { again }, upstream: reply({ status: 503, json: { error: { message: 'busy' } } }) })
  const answer = await gw.chat()
  t.ok(answer.status >= 500)
  t.equal(gw.upstream.requests.length, 3)
  t.equal(gw.exchange.provider.attempts.length, 3)
  t.equal(answer.headers['x-should-retry'], 'false')
})

test('P12 a transformer that makes too much of a piece is stopped', async t => {
  const bombs = {
    text: pluginOf('bomb', { stream: () => ({ text: () => 'x'.repeat(9 * 1024 * 1024) }) }),
    chunk: pluginOf('bomb', { stream: () => ({ chunk: chunk => new Array(2000).fill(chunk) as never }) })
  }
  for (const bomb of Object.values(bombs)) {
    const gw = await createTestGateway(t, { plugins: { bomb }, upstream: streamedText(['a']) })
    const answer = await gw.chat({ stream: true })
    t.equal(answer.error?.code, 'plugin_error')
    t.ok(answer.raw.length < 10_000)
    t.match(gw.exchange, { error: { plugin: 'bomb' }, response: { stream_end: 'plugin_error' } })
    t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'bomb', hook: 'stream', kind: 'size' }), 1)
  }
})

test('P13 a slow transformer is noticed by name, with its time in one record', async t => {
  const slow = pluginOf('slow', {
    stream: () => ({
      text(delta) {
        const until = performance.now() + 2
        while (performance.now() < until);
        return delta
      }
    })
  })
  const gw = await createTestGateway(t, { plugins: { slow }, upstream: streamedText(['a', 'b', 'c', 'd']) })
  t.equal((await gw.chat({ stream: true })).text, 'abcd')
  t.same(gw.exchange.warnings, ['slow_stream_hook:slow'])
  const records = gw.exchange.hooks.filter(record => record.hook === 'stream')
  t.equal(records.length, 1)
  t.ok(records[0]!.ms >= 8, 'the time of all pieces')
})
