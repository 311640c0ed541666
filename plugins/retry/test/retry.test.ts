import { test } from 'tap'
import plugin from '../index.ts'
import { DEFAULTS, makeRig } from './context.ts'

test('class A is repeated with doubling waits until the attempts are spent', async t => {
  const rig = await makeRig({ max_attempts: 5 })
  t.same(rig.fail({ attempt: 1 }), { action: 'retry', afterMs: 100 })
  t.same(rig.fail({ attempt: 2 }), { action: 'retry', afterMs: 200 })
  t.same(rig.fail({ attempt: 3 }), { action: 'retry', afterMs: 400 })
  t.same(rig.fail({ attempt: 5 }), { action: 'fail' })
})

test('P10 the attempts of a request end whatever the errors are', async t => {
  const rig = await makeRig({ budget: { ratio: 1, window: 120_000, min: 1000 } })
  t.same(rig.fail({ attempt: 3, remaining: ['two/m', 'three/m'] }), { action: 'fail' })
  t.same(rig.fail({ attempt: 3, kind: 'authentication', retryClass: 'C', remaining: ['two/m'] }), { action: 'fail' })
})

test('waits never pass the longest, and jitter draws between nothing and the wait', async t => {
  const rig = await makeRig({ max_attempts: 10, base: 100, max: 300, budget: { ratio: 1, window: 120_000, min: 1000 } })
  t.same(rig.fail({ attempt: 9 }), { action: 'retry', afterMs: 300 })
  const jittered = await makeRig({ jitter: 'full', max_attempts: 10, budget: { ratio: 1, window: 120_000, min: 1000 } })
  const waits = Array.from({ length: 500 }, () => (jittered.fail({ attempt: 4 }) as { afterMs: number }).afterMs)
  t.ok(waits.every(wait => wait >= 0 && wait <= 800))
  t.ok(waits.some(wait => wait < 200) && waits.some(wait => wait > 600), 'spread over the whole range')
})

test('U17 a repetition that may do work twice needs a stateless request', async t => {
  const rig = await makeRig()
  const failure = { kind: 'server_error', retryClass: 'B', status: 500 } as const
  for (const operation of ['chat', 'completions', 'embeddings'])
    t.match(rig.fail({ ...failure, operation }), { action: 'retry' }, operation)
  for (const operation of ['images', 'files', 'batches', 'responses'])
    t.same(rig.fail({ ...failure, operation, remaining: ['two/m'] }), { action: 'fail' }, operation)
  t.same(rig.fail({ ...failure, request: { store: true }, remaining: ['two/m'] }), { action: 'fail' })
  t.match(rig.fail({ kind: 'overloaded', request: { store: true }, remaining: ['two/m'] }), { action: 'next' }, 'class A is safe even then')
})

test('class C is not repeated; another target is tried only where it may help', async t => {
  const rig = await makeRig()
  for (const kind of ['authentication', 'permission', 'not_found', 'egress_denied'] as const) {
    t.same(rig.fail({ kind, retryClass: 'C', remaining: ['two/m'] }), { action: 'next' }, kind)
    t.same(rig.fail({ kind, retryClass: 'C' }), { action: 'fail' }, `${kind} without another target`)
  }
  for (const kind of ['invalid_request', 'context_length', 'content_filter', 'request_too_large'] as const) {
    t.same(rig.fail({ kind, retryClass: 'C', remaining: ['two/m'] }), { action: 'fail' }, kind)
  }
})

test('U16 a spent quota is never asked again, whatever its class', async t => {
  const rig = await makeRig()
  t.same(rig.fail({ kind: 'quota', retryClass: 'A', status: 429 }), { action: 'fail' })
  t.same(rig.fail({ kind: 'quota', retryClass: 'C', status: 429, remaining: ['two/m'] }), { action: 'next' })
})

test('U14 429 with a Retry-After that fits waits for it, or goes to another target at once', async t => {
  const rig = await makeRig()
  const failure = { kind: 'rate_limit', status: 429, retryAfterMs: 2000 } as const
  t.same(rig.fail(failure), { action: 'retry', afterMs: 2100 })
  t.same(rig.fail({ ...failure, remaining: ['two/m'] }), { action: 'next' })
  const deaf = await makeRig({ respect_retry_after: false })
  t.same(deaf.fail(failure), { action: 'retry', afterMs: 100 })
})

test('U15 a Retry-After past the deadline, or nonsense, never makes a request sleep', async t => {
  const rig = await makeRig({ fallback: false })
  t.same(rig.fail({ kind: 'rate_limit', retryAfterMs: 3_600_000, remainingMs: 60_000 }), { action: 'fail' })
  for (const retryAfterMs of [-5000, NaN, 0, null])
    t.same(rig.fail({ kind: 'rate_limit', retryAfterMs, target: `p${retryAfterMs}/m` }), { action: 'retry', afterMs: 100 })
  t.same(rig.fail({ kind: 'connect', remainingMs: 100 }), { action: 'fail' }, 'no time left for the wait')
  const other = await makeRig()
  t.same(other.fail({ kind: 'connect', retryAfterMs: 90_000, remaining: ['two/m'] }), { action: 'next' })
})

test('U18 an overloaded provider is left alone while there is another', async t => {
  const rig = await makeRig()
  t.same(rig.fail({ kind: 'overloaded', status: 529, remaining: ['two/m'] }), { action: 'next' })
  t.match(rig.fail({ kind: 'overloaded', status: 529 }), { action: 'retry' })
})

test('each target of the plan gets its attempt before one gets its last', async t => {
  const rig = await makeRig()
  const failure = { kind: 'server_error', retryClass: 'B' } as const
  t.match(rig.fail({ ...failure, attempt: 1, remaining: ['two/m'] }), { action: 'retry' })
  t.same(rig.fail({ ...failure, attempt: 2, remaining: ['two/m'] }), { action: 'next' })
  t.same(rig.fail({ ...failure, attempt: 1, remaining: ['two/m', 'three/m'] }), { action: 'next' })
})

test('without fallback the same target is repeated, never another', async t => {
  const rig = await makeRig({ fallback: false })
  t.match(rig.fail({ kind: 'overloaded', remaining: ['two/m'] }), { action: 'retry' })
  t.match(rig.fail({ kind: 'overloaded', attempt: 2, remaining: ['two/m'] }), { action: 'retry' })
  t.same(rig.fail({ kind: 'authentication', retryClass: 'C', remaining: ['two/m'] }), { action: 'fail' })
})

test('retry_on narrows what is repeated at the same target', async t => {
  const rig = await makeRig({ retry_on: ['connect'] })
  t.match(rig.fail({ kind: 'connect' }), { action: 'retry' })
  t.same(rig.fail({ kind: 'server_error', retryClass: 'B' }), { action: 'fail' })
  t.same(rig.fail({ kind: 'server_error', retryClass: 'B', remaining: ['two/m'] }), { action: 'next' })
})

test('a request that is over is not repeated', async t => {
  const rig = await makeRig()
  t.same(rig.fail({ signal: AbortSignal.abort(), remaining: ['two/m'] }), { action: 'fail' })
})

test('values that contradict each other are told', async t => {
  t.same(plugin.validate?.(DEFAULTS), [])
  t.same(
    plugin.validate?.({ ...DEFAULTS, base: 9000 }).map(problem => problem.path),
    ['/base']
  )
  t.same(
    plugin.validate?.({ ...DEFAULTS, budget: { ...DEFAULTS.budget, window: 10 } }).map(problem => problem.path),
    ['/budget/window']
  )
})
