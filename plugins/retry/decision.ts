import type { ErrorKind, RetryCtx, RetryDecision, Target, UpstreamError } from '@headgate/api'
import { backoff } from './backoff.ts'
import type { Budget } from './budget.ts'
import type { Config } from './config.ts'

/** Another provider or account may well accept what this one refused for good. */
const ELSEWHERE: ReadonlySet<ErrorKind> = new Set(['authentication', 'permission', 'quota', 'not_found', 'egress_denied'])

/** A target that asks for less traffic is not asked again while there is another one. */
const BUSY: ReadonlySet<ErrorKind> = new Set(['rate_limit', 'overloaded'])

/** Operations that leave nothing behind at the upstream, so that doing them twice costs tokens and nothing else. */
const STATELESS: ReadonlySet<string> = new Set(['chat', 'completions', 'embeddings'])

const FAIL: RetryDecision = Object.freeze({ action: 'fail' })
const NEXT: RetryDecision = Object.freeze({ action: 'next' })

/** What to do after a failed attempt. Takes from the budget what it decides to spend. */
export function decide(ctx: RetryCtx, config: Config, budget: Budget, now: number): RetryDecision {
  const { error, attempt, remaining, signal } = ctx
  if (signal.aborted || attempt >= config.max_attempts) return FAIL
  if (ELSEWHERE.has(error.kind)) return next(ctx, config, budget, now)
  if (!mayRepeat(ctx)) return FAIL
  const last = config.max_attempts - attempt <= remaining.length
  const other = config.fallback && remaining.length > 0
  if (other && (last || BUSY.has(error.kind))) return next(ctx, config, budget, now)
  if (config.retry_on !== undefined && !config.retry_on.includes(error.kind)) return next(ctx, config, budget, now)
  const afterMs = waitBefore(ctx, config)
  if (afterMs >= ctx.remainingMs) return next(ctx, config, budget, now)
  if (!spend(ctx, ctx.target, budget, now)) return next(ctx, config, budget, now)
  return { action: 'retry', afterMs }
}

function mayRepeat(ctx: RetryCtx): boolean {
  const { error, operation } = ctx
  if (error.retryClass === 'A') return true
  return error.retryClass === 'B' && STATELESS.has(operation) && ctx.peek('store') !== true
}

function next(ctx: RetryCtx, config: Config, budget: Budget, now: number): RetryDecision {
  const target = ctx.remaining[0]
  if (!config.fallback || target === undefined) return FAIL
  // Another provider is not burdened by what this one cannot do; another model of the same provider is.
  if (target.provider === ctx.target.provider && !ELSEWHERE.has(ctx.error.kind) && !spend(ctx, target, budget, now)) return FAIL
  return NEXT
}

function spend(ctx: RetryCtx, { provider }: Target, budget: Budget, now: number): boolean {
  if (budget.take(provider, now)) return true
  ctx.tag('retry_budget', 'exhausted')
  return false
}

function waitBefore(ctx: RetryCtx, config: Config): number {
  const failures = ctx.attempts.filter(record => record.provider === ctx.target.provider && record.model === ctx.target.model).length
  const own = backoff(config, Math.max(1, failures))
  return config.respect_retry_after ? own + asked(ctx.error) : own
}

/** Milliseconds that the upstream asks for; 0 where it says nothing sensible. */
function asked({ retryAfterMs }: UpstreamError): number {
  return retryAfterMs !== null && retryAfterMs > 0 ? retryAfterMs : 0
}
