import type {
  AttemptCtx,
  AttemptRecord,
  Env,
  ErrorKind,
  Instance,
  RetryClass,
  RetryCtx,
  RetryDecision,
  Target,
  UpstreamError
} from '@headgate/api'
import plugin from '../index.ts'

/** The defaults of the schema, as the loader fills them in. */
export const DEFAULTS = {
  max_attempts: 3,
  base: 100,
  max: 5000,
  jitter: 'none',
  respect_retry_after: true,
  fallback: true,
  budget: { ratio: 0.1, window: 120_000, min: 3 }
}

/** What a test may choose of a failed attempt. */
export interface Failure {
  kind?: ErrorKind
  retryClass?: RetryClass
  status?: number | null
  retryAfterMs?: number | null
  attempt?: number
  target?: string
  remaining?: readonly string[]
  remainingMs?: number
  operation?: string
  request?: { [field: string]: unknown }
  signal?: AbortSignal
}

/** An instance with its own clock. */
export interface Rig {
  clock: number
  readonly tags: { [name: string]: string }
  readonly instance: Instance
  /** One attempt at a target, then its failure. */
  fail(failure?: Failure): RetryDecision
  attempt(target: string): void
}

/** Sets an instance up. */
export async function makeRig(config: { [name: string]: unknown } = {}): Promise<Rig> {
  const rig = { clock: 1_000_000, tags: {} } as unknown as Rig
  const env = { config: { ...DEFAULTS, ...config }, now: () => rig.clock } as unknown as Env<unknown, Record<never, never>>
  const instance = await plugin.setup(env)
  return Object.assign(rig, {
    instance,
    attempt(target: string) {
      void instance.attempt?.({ target: targetOf(target), attempt: 1 } as unknown as AttemptCtx)
    },
    fail(failure: Failure = {}) {
      const ctx = retryCtx(failure, rig.tags)
      void instance.attempt?.(ctx as unknown as AttemptCtx)
      return instance.retry?.(ctx) as RetryDecision
    }
  })
}

function retryCtx(failure: Failure, tags: { [name: string]: string }): RetryCtx {
  const {
    kind = 'connect',
    retryClass = 'A',
    status = null,
    retryAfterMs = null,
    attempt = 1,
    remaining = [],
    remainingMs = 60_000
  } = failure
  const target = targetOf(failure.target ?? 'one/m')
  const error: UpstreamError = { kind, retryClass, status, code: kind, message: kind, retryAfterMs, result: kind }
  const attempts: AttemptRecord[] = Array.from({ length: attempt }, (_, i) => ({
    number: i + 1,
    ...target,
    status,
    result: kind,
    latency_ms: 1,
    first_token_ms: null
  }))
  return {
    target,
    attempt,
    error,
    attempts,
    remaining: remaining.map(targetOf),
    remainingMs,
    operation: failure.operation ?? 'chat',
    request: { model: 'm', ...failure.request },
    peek: (field: string) => (({ model: 'm', ...failure.request }) as { [field: string]: unknown })[field],
    signal: failure.signal ?? new AbortController().signal,
    tag(name: string, value: string) {
      tags[name] = value
    }
  } as unknown as RetryCtx
}

function targetOf(text: string): Target {
  const [provider = '', model = ''] = text.split('/')
  return { provider, model }
}
