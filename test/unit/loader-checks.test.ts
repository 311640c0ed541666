import { principal, service, stateKey, type Instance, type Plugin } from '@headgate/api'
import { createTestGateway, type TestGatewayOptions } from '@headgate/api/test'
import { ConfigError, type Diagnostic } from 'headgate'
import { test } from 'tap'
import { pluginOf, said } from '../plugin-of.ts'

type Definition = Parameters<typeof pluginOf>[2]

/** What a config is refused with; empty when it is not. */
async function mistakes(options: TestGatewayOptions): Promise<readonly Diagnostic[]> {
  try {
    await (await createTestGateway(null, { upstream: said('hi'), ...options })).close()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics
    throw error
  }
}

const step = (def: Definition = {}, instance: Instance = { request() {} }, name = 'step'): Plugin => pluginOf(name, instance, def)
const key = stateKey<string>('team')

test('order: who reads comes after who writes', async t => {
  const writer = step({ writes: [key] })
  const reader = step({ reads: [key] })
  t.same(await mistakes({ plugins: { writer, reader } }), [])
  t.match(await mistakes({ plugins: { reader, writer } }), [
    { code: 'HG_CONFIG_ORDER', message: 'reader: it reads "team", which no step before it writes', hint: 'move it after writer' }
  ])
  t.match(await mistakes({ plugins: { reader } }), [
    { code: 'HG_CONFIG_ORDER', message: 'reader: it reads "team", which no step before it writes' }
  ])
})

test('order: the principal is written by whoever authenticates', async t => {
  const reader = step({ reads: [principal] })
  t.same(await mistakes({ plugins: { reader } }), [])
  const auth = step({}, { authenticate: () => ({ id: 'x' }) })
  t.match(await mistakes({ auth: false, plugins: { reader, auth } }), [
    { code: 'HG_CONFIG_ORDER', message: /reader: it reads "principal"/, hint: 'move it after auth' }
  ])
})

test('order: after and before look at names and tags, once and last at the place', async t => {
  const redaction = step({ tags: ['redaction'] })
  t.same(await mistakes({ plugins: { redaction, sink: step({ after: ['redaction'] }) } }), [])
  t.match(await mistakes({ plugins: { sink: step({ after: ['redaction'] }), redaction } }), [
    { code: 'HG_CONFIG_ORDER', message: 'sink: it must come after redaction (redaction)' }
  ])
  t.match(await mistakes({ plugins: { redaction, early: step({ before: ['redaction'] }) } }), [
    { code: 'HG_CONFIG_ORDER', message: 'early: it must come before redaction (redaction)' }
  ])
  t.same(await mistakes({ plugins: { sink: step({ after: ['redaction'] }) } }), [], 'a rule about somebody who is not there')
  const single = step({ once: true })
  t.match(await mistakes({ plugins: { one: single, two: single } }), [
    { code: 'HG_CONFIG_ORDER', message: 'two: a pipeline may have only one such step' }
  ])
  t.match(await mistakes({ plugins: { end: step({ last: true }) } }), [
    { code: 'HG_CONFIG_ORDER', message: 'end: it must be the last step' }
  ])
})

test('order: a circle of rules is told as one', async t => {
  const list = await mistakes({
    plugins: { a: step({ after: ['bb'] }, { request() {} }, 'aa'), b: step({ after: ['aa'] }, { request() {} }, 'bb') }
  })
  t.ok(list.some(({ code, message }) => code === 'HG_PLUGIN_CYCLE' && message === 'no order satisfies these steps: a → b → a'))
})

test('an instance that nothing uses is an error, a service that something requires is not', async t => {
  const kv = service<object>('kv')
  const base = { version: 1, providers: {}, routes: [{ name: 'r', match: { path: '/*' }, pipeline: ['auth'] }] }
  const auth = step({}, { authenticate: () => ({ id: 'x' }) })
  const plugins = { auth, idle: step(), store: step({ provides: [kv] }, { services: [{ ref: kv, impl: {} }], request() {} }) }
  t.match(await mistakes({ plugins, config: { ...base, plugins: { auth: { use: 'auth' }, idle: { use: 'idle' } } } }), [
    { code: 'HG_CONFIG_UNUSED', message: 'no pipeline uses "idle"' }
  ])
  t.match(await mistakes({ plugins, config: { ...base, plugins: { auth: { use: 'auth' }, store: { use: 'store' } } } }), [
    { code: 'HG_CONFIG_UNUSED', message: 'no pipeline uses "store"' }
  ])
  const user = step({ requires: { kv } as never }, { authenticate: () => ({ id: 'x' }) })
  t.same(
    await mistakes({
      plugins: { ...plugins, auth: user },
      config: { ...base, plugins: { auth: { use: 'auth' }, store: { use: 'store' } } }
    }),
    []
  )
})

test('services: who provides is set up first, whatever the order in the file', async t => {
  const kv = service<{ readonly name: string }>('kv')
  const seen: string[] = []
  const store = pluginOf(
    'store',
    () => {
      seen.push('store')
      return { services: [{ ref: kv, impl: { name: 'memory' } }], request() {} }
    },
    { provides: [kv] }
  )
  const user = Object.freeze({
    ...step({ requires: { kv } as never }),
    setup: ({ services }: { services: { kv: { name: string } } }) => {
      seen.push(`user of ${services.kv.name}`)
      return { request() {} }
    }
  }) as unknown as Plugin
  t.same(await mistakes({ plugins: { user, store } }), [])
  t.same(seen, ['store', 'user of memory'])
  t.match(await mistakes({ plugins: { user } }), [
    { code: 'HG_PLUGIN_SERVICE', message: 'user: it requires the service "kv", which no plugin provides' }
  ])
  t.match(await mistakes({ plugins: { store, other: store } }), [
    { code: 'HG_PLUGIN_CONFLICT', message: 'other and store both provide the service "kv"' }
  ])
})

test('a route serves nobody without a step that authenticates', async t => {
  t.match(await mistakes({ auth: false }), [
    {
      code: 'HG_CONFIG_ROUTE',
      message: 'route "test" has no step that authenticates',
      hint: 'add auth-api-key, or auth-none to serve everybody on purpose'
    }
  ])
})

test('a route that can never be reached is an error', async t => {
  const config = (first: object, second: object): TestGatewayOptions => ({
    config: {
      version: 1,
      plugins: { a: { use: 'kit-auth' } },
      routes: [
        { name: 'one', match: first, pipeline: ['a'] },
        { name: 'two', match: second, pipeline: ['a'] }
      ]
    }
  })
  const reached: [object, object][] = [
    [{ path: '/v1/*', method: 'POST' }, { path: '/v1/*' }],
    [{ path: '/v1/*', header: { 'x-team': 'hr' } }, { path: '/v1/*' }],
    [{ path: '/v1/chat/*' }, { path: '/v1/*' }],
    [
      { path: '/v1/*', host: 'a.test' },
      { path: '/v1/*', host: 'b.test' }
    ],
    [{ path: ['/a', '/b'] }, { path: ['/b', '/c'] }]
  ]
  for (const [first, second] of reached) t.same(await mistakes(config(first, second)), [], JSON.stringify([first, second]))
  const hidden: [object, object][] = [
    [{ path: '/v1/*' }, { path: '/v1/chat/completions' }],
    [{ path: '/*' }, { path: '/v1/*', method: 'POST', host: 'a.test', header: { 'x-a': 'b' } }],
    [
      { path: '/v1/*', host: '*.test' },
      { path: '/v1/*', host: 'A.test' }
    ],
    [
      { path: '/v1/*', header: { 'X-Team': ['hr', 'legal'] } },
      { path: '/v1/*', header: { 'x-team': 'legal' } }
    ]
  ]
  for (const [first, second] of hidden)
    t.match(
      await mistakes(config(first, second)),
      [
        {
          code: 'HG_CONFIG_ROUTE',
          message: 'route "two" can never be reached: "one" before it takes everything it matches',
          hint: 'put the narrower route first'
        }
      ],
      JSON.stringify([first, second])
    )
})

test('names: providers are no steps, and what is near is suggested', async t => {
  const route = (pipeline: readonly string[]): TestGatewayOptions => ({ route: { pipeline }, plugins: { limiter: step() } })
  t.match(await mistakes(route(['kit-auth', 'limiter', 'upstream', 'kit-router', 'kit-recorder'])), [
    { code: 'HG_CONFIG_REFERENCE', message: '"upstream" is a provider; providers are targets of a router, not pipeline steps' }
  ])
  const [wrong] = (await mistakes(route(['kit-auth', 'limitr', 'kit-router', 'kit-recorder']))).filter(
    ({ code }) => code === 'HG_CONFIG_REFERENCE'
  )
  t.match(wrong, { message: 'no plugin instance named "limitr"', hint: 'did you mean "limiter"?' })
})

test('streaming: who changes answers says what it does to streams', async t => {
  const response = (): void => undefined
  const stream = (): undefined => undefined
  t.match(await mistakes({ plugins: { x: step({}, { response }) } }), [
    {
      code: 'HG_CONFIG_STREAMING',
      message: 'x: plugin "step" changes responses but says nothing about streams',
      hint: 'add stream(), or set streaming: buffer | skip'
    }
  ])
  t.match(await mistakes({ plugins: { x: step({ streaming: 'transform' }, { response }) } }), [
    { code: 'HG_CONFIG_STREAMING', message: 'x: plugin "step" says it transforms streams but has no stream hook' }
  ])
  t.match(await mistakes({ plugins: { x: step({ streaming: 'buffer' }, { response, stream }) } }), [
    { code: 'HG_CONFIG_STREAMING', message: 'x: plugin "step" has a stream hook that streaming: buffer would never run' }
  ])
  for (const good of [
    step({ streaming: 'buffer' }, { response }),
    step({ streaming: 'skip' }, { response }),
    step({}, { response, stream }),
    step({ streaming: 'transform' }, { stream }),
    step({}, { stream })
  ])
    t.same(await mistakes({ plugins: { x: good } }), [])
})

test('when: a fact that is not known yet is an error at its place', async t => {
  const early = step({}, { authenticate: () => undefined })
  const [wrong] = await mistakes({ plugins: { early }, steps: { early: { when: { model: 'gpt-*' } } } })
  t.match(wrong, { code: 'HG_CONFIG_WHEN', message: /model.*authenticate/ })
  t.same(await mistakes({ plugins: { early }, steps: { early: { when: { 'header.x-team': 'hr', path: '/v1/*' } } } }), [])
  t.same(await mistakes({ plugins: { late: step() }, steps: { late: { when: { model: 'gpt-*', not: { stream: true } } } } }), [])
})

test('coverage: a required step covers what its route serves', async t => {
  const chatOnly = step({ operations: ['chat'] })
  const skipping = step({ streaming: 'skip' }, { response() {} })
  const gaps = async (plugin: Plugin, more: object = {}, entry: object = { required: true }): Promise<readonly Diagnostic[]> =>
    await mistakes({ plugins: { guard: plugin }, steps: { guard: entry }, route: more })
  t.match(await gaps(chatOnly), [
    {
      code: 'HG_CONFIG_COVERAGE',
      message: 'guard: it is required, but does not cover completions, embeddings of route "test"',
      hint: /uncovered: allow/
    }
  ])
  t.match(await gaps(skipping), [{ code: 'HG_CONFIG_COVERAGE', message: /does not look at the streamed answers of route "test"/ }])
  t.match(await gaps(step(), {}, { required: true, when: { stream: true } }), [
    { code: 'HG_CONFIG_COVERAGE', message: /its condition leaves out some requests/ }
  ])
  t.match(
    await mistakes({ plugins: { guard: [chatOnly, {}, { required: true }] } }),
    [{ code: 'HG_CONFIG_COVERAGE' }],
    'for every step of an instance'
  )
  t.same(await gaps(chatOnly, { uncovered: 'allow' }), [], 'accepted in writing')
  t.same(await gaps(chatOnly, { match: { path: '/v1/chat/*' } }), [])
  t.same(await gaps(chatOnly, {}, {}), [], 'not required')
  t.same(await gaps(step()), [])
  t.same(await gaps(step({ operations: [] }, { route: () => undefined })), [], 'hooks that run for every operation')
})
