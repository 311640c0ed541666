import { performance } from 'node:perf_hooks'
import { isReject, type HookName, type HookRecord } from '@headgate/api'
import type { Ctx } from './context.ts'
import type { Exchange } from './exchange.ts'
import { Fault, faultOfPlugin, faultOfReject } from './fault.ts'
import type { Step, StepInfo } from './pipeline.ts'
import { isThenable, settleWithin, Aborted, TimedOut } from './settle.ts'

/** How the hooks of one name are called and what their return values mean. */
export interface Stage<C extends Ctx, V> {
  /** What a failure means where neither the step nor the instance says: refuse the request or go on. */
  readonly onError: 'deny' | 'allow'
  make(ex: Exchange, info: StepInfo): C
  /** Second argument of the hook, where it has one. */
  readonly argument?: (ex: Exchange) => unknown
  /** Checks a returned value and stores it, or returns it to end the chain. @throws {TypeError} for a value of the wrong shape */
  take(value: unknown, ex: Exchange, info: StepInfo): V | undefined
  /** True for hooks that run although the request was given up. */
  readonly detached?: boolean
  /** A way back to before the hook, asked for only where a failed step is to be ignored. */
  readonly undo?: (ex: Exchange) => () => void
}

type AnyStep = Step<(...args: never[]) => unknown>
interface Running<C extends Ctx> {
  readonly step: AnyStep
  readonly ctx: C
  readonly since: number
  readonly undo: (() => void) | null
}

/** The signal of what nobody aborts. */
const NEVER = new AbortController().signal
const BREAK_AFTER = 5
const BREAK_MS = 10_000

/**
 * Runs steps in order until one ends the chain. Stays synchronous until a hook is not.
 *
 * @throws {Fault} when a step denies, or fails and its policy is deny
 */
export function runChain<C extends Ctx, V>(
  steps: readonly AnyStep[],
  ex: Exchange,
  stage: Stage<C, V>,
  from = 0
): V | undefined | Promise<V | undefined> {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]!
    if (!isDue(step, ex, stage)) continue
    const run = begin(step, ex, stage)
    let value: unknown
    try {
      value = call(step, ex, stage, run.ctx)
    } catch (error) {
      fail(run, ex, stage, error, 'throw')
      continue
    }
    if (isThenable(value)) return continueAfter(steps, ex, stage, i, run, value)
    const stop = succeed(run, ex, stage, value)
    if (stop !== undefined) return stop
  }
  return undefined
}

async function continueAfter<C extends Ctx, V>(
  steps: readonly AnyStep[],
  ex: Exchange,
  stage: Stage<C, V>,
  i: number,
  run: Running<C>,
  pending: PromiseLike<unknown>
): Promise<V | undefined> {
  const stop = await settle(run, ex, stage, pending)
  return stop !== undefined ? stop : runChain(steps, ex, stage, i + 1)
}

/** Runs all steps at once; the first denial ends the wait and is thrown. */
export function runParallel<C extends Ctx>(
  steps: readonly AnyStep[],
  ex: Exchange,
  stage: Stage<C, undefined>
): undefined | Promise<unknown> {
  const pending: Promise<unknown>[] = []
  try {
    for (const step of steps) {
      const started = isDue(step, ex, stage) ? start(step, ex, stage) : undefined
      if (started !== undefined) pending.push(started)
    }
  } catch (error) {
    // Those that are under way already may deny too; one denial is enough.
    for (const other of pending) other.catch(() => undefined)
    ex.endVerdict()
    throw error
  }
  if (pending.length === 0) return undefined
  return Promise.all(pending).catch((error: unknown) => {
    ex.endVerdict()
    throw error
  })
}

function start<C extends Ctx>(step: AnyStep, ex: Exchange, stage: Stage<C, undefined>): Promise<unknown> | undefined {
  const run = begin(step, ex, stage)
  let value: unknown
  try {
    value = call(step, ex, stage, run.ctx)
  } catch (error) {
    fail(run, ex, stage, error, 'throw')
    return undefined
  }
  if (isThenable(value)) return settle(run, ex, stage, value)
  succeed(run, ex, stage, value)
  return undefined
}

/**
 * True when the step covers the operation, its condition holds and it is not resting after failures.
 *
 * @throws {Fault} when it is quarantined and what it decides must not be left undecided
 */
export function isDue(step: AnyStep, ex: Exchange, stage: { readonly onError: 'deny' | 'allow' }): boolean {
  if (!applies(step, ex)) return false
  const { info } = step
  const { health } = info
  if (health.quarantined) {
    if (policyOf(info, stage) === 'deny')
      throw faultOfPlugin(info.plugin, step.hook, undefined, 'is quarantined after unhandled errors and cannot run')
    return false
  }
  return health.openUntil === 0 || info.onError !== 'allow' || performance.now() >= health.openUntil
}

/** True when the step covers the operation and its condition holds. */
export function applies({ info, hook }: AnyStep, ex: Exchange): boolean {
  if (COVERED.has(hook) && !info.operations.has(ex.operation)) return false
  return info.when === null || ex.runs(info.index, info.when)
}

/** Hooks that a plugin's `operations` limits; the others serve every operation. */
const COVERED: ReadonlySet<HookName> = new Set(['request', 'guard', 'response', 'stream'])

function begin<C extends Ctx>(step: AnyStep, ex: Exchange, stage: Stage<C, unknown>): Running<C> {
  const undo = stage.undo !== undefined && policyOf(step.info, stage) === 'allow' ? stage.undo(ex) : null
  return { step, ctx: stage.make(ex, step.info), since: performance.now(), undo }
}

function call<C extends Ctx>(step: AnyStep, ex: Exchange, stage: Stage<C, unknown>, ctx: C): unknown {
  const marker = ex.runtime.marker
  marker[0] = step.info.id
  try {
    const fn = step.fn as (ctx: C, argument?: unknown) => unknown
    return stage.argument === undefined
      ? step.info.scope.runInAsyncScope(fn, step.info.hooks, ctx)
      : step.info.scope.runInAsyncScope(fn, step.info.hooks, ctx, stage.argument(ex))
  } finally {
    marker[0] = 0
  }
}

async function settle<C extends Ctx, V>(
  run: Running<C>,
  ex: Exchange,
  stage: Stage<C, V>,
  pending: PromiseLike<unknown>
): Promise<V | undefined> {
  let value: unknown
  try {
    value = await settleWithin(pending, run.step.info.timeoutMs, stage.detached === true ? NEVER : ex.signal)
  } catch (error) {
    fail(run, ex, stage, error, error instanceof TimedOut ? 'timeout' : 'reject')
    return undefined
  }
  return succeed(run, ex, stage, value)
}

function succeed<C extends Ctx, V>(run: Running<C>, ex: Exchange, stage: Stage<C, V>, value: unknown): V | undefined {
  const { info, hook } = run.step
  let stop: V | undefined
  try {
    run.ctx.seal()
    stop = stage.take(value, ex, info)
  } catch (error) {
    fail(run, ex, stage, error, 'shape')
    return undefined
  }
  noteSuccess(info, hook)
  finish(run, ex, hook, stop === undefined ? 'ok' : 'stop')
  return stop
}

function finish(run: Running<Ctx>, ex: Exchange, hook: HookName, outcome: HookRecord['outcome']): void {
  run.ctx.revoke(ex)
  ex.hooks.push({ plugin: run.step.info.plugin, hook, ms: performance.now() - run.since, outcome })
}

function fail<C extends Ctx>(
  run: Running<C>,
  ex: Exchange,
  stage: Stage<C, unknown>,
  error: unknown,
  kind: 'throw' | 'reject' | 'timeout' | 'shape'
): void {
  const { info, hook } = run.step
  if (isReject(error)) {
    finish(run, ex, hook, 'denied')
    throw faultOfReject(error, 'policy', info.plugin)
  }
  if (error instanceof Aborted || error instanceof Fault) {
    finish(run, ex, hook, 'failed')
    throw error
  }
  finish(run, ex, hook, kind === 'timeout' ? 'timeout' : 'failed')
  const fault = faultOfPlugin(
    info.plugin,
    hook,
    error,
    kind === 'timeout' ? `took longer than ${info.timeoutMs} ms` : kind === 'shape' ? 'returned something of the wrong shape' : 'failed'
  )
  ex.runtime.counters.add('headgate_plugin_errors_total', { plugin: info.plugin, hook, kind })
  const policy = policyOf(info, stage)
  ex.runtime.log.warn({ err: error, plugin: info.plugin, hook, request_id: ex.requestId, policy }, fault.detail)
  if (policy === 'deny') throw fault
  run.undo?.()
  noteFailure(ex, info, hook)
}

/** With `on_error: allow`, five failures in a row let the step rest for ten seconds. */
export function noteFailure(ex: Exchange, info: StepInfo, hook: HookName): void {
  const { health } = info
  health.hook = hook
  health.failures++
  if (health.failures < BREAK_AFTER || info.onError !== 'allow') return
  health.openUntil = performance.now() + BREAK_MS
  ex.runtime.counters.add('headgate_breaker_open_total', { plugin: info.plugin })
  ex.runtime.log.warn(
    { plugin: info.plugin, hook, failures: health.failures, rest_ms: BREAK_MS },
    `plugin "${info.plugin}" keeps failing and is passed over for ${BREAK_MS / 1000} s`
  )
}

/** A hook that works says nothing about another one of the plugin that does not. */
function noteSuccess({ health }: StepInfo, hook: HookName): void {
  if (health.failures === 0 || health.hook !== hook) return
  health.failures = 0
  health.openUntil = 0
}

function policyOf(info: StepInfo, stage: { readonly onError: 'deny' | 'allow' }): 'deny' | 'allow' {
  return info.onError ?? stage.onError
}
