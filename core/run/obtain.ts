import type { RetryDecision, Target, UpstreamError } from '@headgate/api'
import { UpstreamFailure } from '../upstream/failure.ts'
import { attempt, type Obtained } from './attempt.ts'
import { runChain } from './chain.ts'
import type { Exchange } from './exchange.ts'
import type { ProviderRuntime } from './pipeline.ts'
import { Aborted, isThenable, pause } from './settle.ts'
import { retryStage } from './stages.ts'
import { faultOfUpstream, noTarget, timedOut } from './upstream-fault.ts'

const STATELESS: ReadonlySet<string> = new Set([
  'chat',
  'completions',
  'embeddings',
  'responses',
  'messages',
  'count_tokens',
  'moderations',
  'rerank'
])
const RETRY_SHARE = 0.2
const RETRY_FLOOR = 3

/**
 * Tries the targets of the plan until one answers. Hooks decide what follows a failure; how many
 * attempts there are, how long they take and how many repeats an upstream gets is decided here.
 *
 * @throws {Fault} what the client is to be told
 */
export async function obtain(ex: Exchange): Promise<Obtained> {
  const targets = ex.plan.filter(target => ex.snapshot.providers.has(target.provider))
  if (targets.length === 0) throw noTarget(ex)
  let at = 0
  let repeat: Repeat = FIRST
  for (let number = 1; ; number++) {
    const target = targets[at]!
    const provider = ex.snapshot.providers.get(target.provider)!
    let failed: UpstreamFailure
    try {
      return await once(ex, provider, target, number, repeat)
    } catch (error) {
      failed = failureIn(ex, error)
    }
    const remaining = targets.slice(at + 1)
    const decision = await decide(ex, target, failed, remaining, number, provider)
    if (decision.action === 'fail') throw faultOfUpstream(ex, failed, decision === SPENT)
    if (decision.action === 'next') at++
    repeat = { afterMs: decision.afterMs ?? 0, counted: targets[at]!.provider === target.provider }
  }
}

/** How an attempt follows the one before. */
interface Repeat {
  readonly afterMs: number
  /** True when it holds one of the repeats that its upstream may get at a time. */
  readonly counted: boolean
}

const FIRST: Repeat = Object.freeze({ afterMs: 0, counted: false })

/** Nothing more is tried. */
const FAIL: RetryDecision = Object.freeze({ action: 'fail' })

/** Nothing more is tried because what may be repeated has been: the client is asked not to go on by itself. */
const SPENT: RetryDecision = Object.freeze({ action: 'fail' })

async function once(ex: Exchange, provider: ProviderRuntime, target: Target, number: number, repeat: Repeat): Promise<Obtained> {
  try {
    if (repeat.afterMs > 0) await pause(repeat.afterMs, ex.signal)
    return await attempt(ex, provider, target, number)
  } finally {
    if (repeat.counted) provider.load.retrying--
  }
}

/** The failure of an attempt; anything else ends the request. */
function failureIn(ex: Exchange, error: unknown): UpstreamFailure {
  if (ex.gaveUp === 'deadline') throw timedOut()
  if (ex.gaveUp !== null || error instanceof Aborted) throw new Aborted()
  if (error instanceof UpstreamFailure) return error
  throw error
}

async function decide(
  ex: Exchange,
  target: Target,
  error: UpstreamFailure,
  remaining: readonly Target[],
  number: number,
  provider: ProviderRuntime
): Promise<RetryDecision> {
  if (number >= ex.route.maxAttempts) return FAIL
  const said = await asked(ex, target, error, remaining)
  if (said?.action === 'fail') return SPENT
  let decision = said ?? byDefault(ex, error, remaining)
  if (decision.action === 'fail') return decision
  if (decision.action === 'next' && remaining.length === 0) return FAIL
  if (decision.action === 'retry' && !repeatable(ex, error)) return FAIL
  if ((decision.afterMs ?? 0) >= ex.remainingMs()) {
    if (remaining.length === 0) return FAIL
    decision = { action: 'next' }
  }
  // Another upstream does not suffer from what this one cannot do: only repeats at the same one are limited.
  if (decision.action === 'next' && remaining[0]!.provider !== target.provider) return decision
  if (isExhausted(provider)) {
    ex.runtime.counters.add('headgate_retry_budget_exhausted_total', { upstream: provider.name })
    return remaining.length > 0 && remaining[0]!.provider !== target.provider ? { action: 'next' } : SPENT
  }
  provider.load.retrying++
  return decision
}

async function asked(ex: Exchange, target: Target, error: UpstreamError, remaining: readonly Target[]): Promise<RetryDecision | undefined> {
  const chain = ex.route.chains.retry
  if (chain === null) return undefined
  const view: UpstreamError = Object.freeze({
    kind: error.kind,
    retryClass: error.retryClass,
    status: error.status,
    code: error.code,
    message: error.message,
    retryAfterMs: error.retryAfterMs,
    result: error.result
  })
  const pending = runChain(chain, ex, retryStage({ target, error: view, remaining, remainingMs: ex.remainingMs() }))
  return isThenable(pending) ? await pending : pending
}

/** Without a deciding step a plan of several targets still falls back where that is safe. */
function byDefault(ex: Exchange, error: UpstreamError, remaining: readonly Target[]): RetryDecision {
  if (remaining.length === 0) return FAIL
  return repeatable(ex, error) || FALLBACK_KINDS.has(error.kind) ? { action: 'next' } : FAIL
}

/** Failures that say something about the target and nothing about the request. */
const FALLBACK_KINDS: ReadonlySet<string> = new Set(['authentication', 'permission', 'quota', 'not_found', 'egress_denied'])

function repeatable(ex: Exchange, error: UpstreamError): boolean {
  if (error.retryClass === 'A') return true
  if (error.retryClass === 'C' || !STATELESS.has(ex.operation)) return false
  return ex.body?.peek('store') !== true
}

function isExhausted(provider: ProviderRuntime): boolean {
  return provider.load.retrying >= Math.max(RETRY_FLOOR, provider.load.active * RETRY_SHARE)
}
