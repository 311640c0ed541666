import type { Chunk } from './body.ts'
import type {
  AttemptCtx,
  AuthenticateCtx,
  ErrorCtx,
  ErrorReplacement,
  GuardCtx,
  ReceiveCtx,
  RequestCtx,
  Respond,
  ResponseCtx,
  RetryCtx,
  RetryDecision,
  RouteCtx,
  StreamCtx
} from './contexts.ts'
import type { Exchange } from './exchange.ts'
import type { Principal } from './principal.ts'
import type { Target } from './provider.ts'

/** A value or a promise of it. */
export type May<T> = T | Promise<T>

/** How hooks of one name are run; it fixes what a hook can do. */
export type Kind = 'gate' | 'first' | 'waterfall' | 'parallel' | 'stream' | 'observe'

/** Transforms one text channel of a streamed answer. Synchronous. */
export interface Transform {
  /** Returns the text to send in place of `delta`; the empty string holds it back. */
  text?(delta: string): string
  /** Returns what was held back; called once when the channel ends cleanly. */
  end?(): string
  /** Sees whole events of the answer, before the text level; null drops one. Only the transformer of the first channel is asked. */
  chunk?(chunk: Chunk): Chunk | null | readonly Chunk[]
  /** A transformer is made at once: a promise of one is a compile error. */
  readonly then?: never
}

/** The eleven hooks. Each is named after what is done to the request at that point; the kind of each is in {@link KIND_OF}. */
export interface Hooks {
  /** gate: before authentication. */
  receive?(ctx: ReceiveCtx): May<void>
  /** first: the first principal wins; nobody answers = 401. */
  authenticate?(ctx: AuthenticateCtx): May<Principal | undefined | void>
  /** waterfall: edits the request, or answers it with `return ctx.respond(…)`. */
  request?(ctx: RequestCtx): May<Respond | undefined | void>
  /** parallel: a verdict; throw `reject(…)` to deny. */
  guard?(ctx: GuardCtx): May<void>
  /** waterfall over the plan: returns the new plan, or nothing to leave it. */
  route?(ctx: RouteCtx, plan: readonly Target[]): May<readonly Target[] | undefined | void>
  /** waterfall: before every attempt; throw `reject(…)` to skip the target. */
  attempt?(ctx: AttemptCtx): May<void>
  /** first: the first decision wins. */
  retry?(ctx: RetryCtx): May<RetryDecision | undefined | void>
  /** waterfall, reverse order: edits the answer. */
  response?(ctx: ResponseCtx): May<void>
  /** stream, reverse order: returns a transformer, or nothing to let this channel pass untouched. */
  stream?(ctx: StreamCtx): Transform | undefined | void
  /** first: replaces what the client is told. */
  error?(ctx: ErrorCtx): May<ErrorReplacement | undefined | void>
  /** observe: exactly once for each request, after the answer is closed. */
  log?(exchange: Exchange): May<void>
}

/** The kind of each hook, in lifecycle order. */
export const KIND_OF: { readonly [H in keyof Required<Hooks>]: Kind } = Object.freeze({
  receive: 'gate',
  authenticate: 'first',
  request: 'waterfall',
  guard: 'parallel',
  route: 'waterfall',
  attempt: 'waterfall',
  retry: 'first',
  response: 'waterfall',
  stream: 'stream',
  error: 'first',
  log: 'observe'
})

/** The name of a hook. */
export type HookName = keyof typeof KIND_OF
