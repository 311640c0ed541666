import type {
  AttemptCtx,
  AuthenticateCtx,
  ErrorCtx,
  ErrorReplacement,
  Exchange,
  GuardCtx,
  Hooks,
  HookName,
  May,
  Operation,
  Principal,
  ProviderInstance,
  ReceiveCtx,
  RequestCtx,
  Respond,
  ResponseCtx,
  RetryCtx,
  RetryDecision,
  RouteCtx,
  StreamCtx,
  Target,
  Transform
} from '@headgate/api'
import type { AsyncResource } from 'node:async_hooks'
import type { Upstream } from '../upstream/types.ts'

/** Something that knows facts about a request by name, for conditions. */
export interface Facts {
  fact(name: string): string | number | boolean | readonly string[] | undefined
}

/** One plugin instance at its place in a pipeline. */
export interface StepInfo {
  /** Name of the instance in the YAML. */
  readonly plugin: string
  /** Place in the pipeline, from 0. */
  readonly index: number
  /** Compiled from YAML; null when the step is unconditional. Decided once for each request. */
  readonly when: ((facts: Facts) => boolean) | null
  /** Undefined: the default of each hook. */
  readonly onError: 'deny' | 'allow' | undefined
  /** Milliseconds an asynchronous hook may take; 0 is no limit. */
  readonly timeoutMs: number
  readonly overlap: boolean
  readonly operations: ReadonlySet<Operation>
  readonly readable: ReadonlySet<string>
  readonly writable: ReadonlySet<string>
  readonly seesCredential: boolean
  readonly streaming: 'transform' | 'buffer' | 'skip' | null
  readonly hooks: Hooks
  /** Number of the step in the process, for the watchdog; from 1. */
  readonly id: number
  /** Async scope in which the hooks run, so that what they leave floating can be traced to the plugin. */
  readonly scope: AsyncResource
  /** Shared by all steps of the instance. */
  readonly health: StepHealth
}

/** How an instance is doing: what its breaker in `chain.ts` and its quarantine go by. */
export interface StepHealth {
  /** Failures in a row of `hook` while `on_error: allow`. */
  failures: number
  hook: HookName | null
  /** Until when the steps of the instance rest, in milliseconds of `performance.now`; 0 is not at all. */
  openUntil: number
  /** Errors that it left floating. */
  unhandled: number
  quarantined: boolean
}

/** Whom an error that nobody handles is charged to. */
export interface Blamed {
  readonly plugin: string
  readonly health: StepHealth
}

/** One hook of one step. */
export interface Step<F> {
  readonly info: StepInfo
  readonly hook: HookName
  readonly fn: F
}

/** The steps of each stage in the order in which they run; null is an empty stage. */
export interface Chains {
  readonly receive: readonly Step<(ctx: ReceiveCtx) => May<void>>[] | null
  readonly authenticate: readonly Step<(ctx: AuthenticateCtx) => May<Principal | undefined | void>>[] | null
  readonly request: readonly Step<(ctx: RequestCtx) => May<Respond | undefined | void>>[] | null
  readonly guard: readonly Step<(ctx: GuardCtx) => May<void>>[] | null
  readonly overlapGuard: readonly Step<(ctx: GuardCtx) => May<void>>[] | null
  readonly route: readonly Step<(ctx: RouteCtx, plan: readonly Target[]) => May<readonly Target[] | undefined | void>>[] | null
  readonly attempt: readonly Step<(ctx: AttemptCtx) => May<void>>[] | null
  readonly retry: readonly Step<(ctx: RetryCtx) => May<RetryDecision | undefined | void>>[] | null
  /** Reverse order of the pipeline. */
  readonly response: readonly Step<(ctx: ResponseCtx) => May<void>>[] | null
  /** Reverse order of the pipeline. */
  readonly stream: readonly Step<(ctx: StreamCtx) => Transform | undefined | void>[] | null
  readonly error: readonly Step<(ctx: ErrorCtx) => May<ErrorReplacement | undefined | void>>[] | null
  readonly log: readonly Step<(exchange: Exchange) => May<void>>[] | null
}

/** Limits of one upstream call, in milliseconds; 0 is none. */
export interface Limits {
  readonly connect: number
  readonly firstToken: number
  readonly idle: number
  readonly total: number
}

/** A provider instance with its socket pool; `upstream` is null where it answers in the process. */
export interface ProviderRuntime {
  readonly name: string
  readonly instance: ProviderInstance
  readonly upstream: Upstream | null
  /** Path prefix of the base URL, without a trailing slash. */
  readonly prefix: string
  /** Limits that the provider sets itself; absent ones come from the route. */
  readonly limits: Partial<Limits>
  /** Bytes of one answer. */
  readonly maxResponse: number
  /** Attempts in flight, and how many of them are repeats: the basis of the retry budget. */
  readonly load: { active: number; retrying: number }
}

/** A route ready to serve. */
export interface Route {
  readonly name: string
  readonly chains: Chains
  readonly limits: Limits
  readonly maxAttempts: number
  readonly strict: boolean
  /** True when a log step reads bodies; else they are not kept. */
  readonly captureBodies: boolean
  /** Number of steps of the pipeline. */
  readonly steps: number
}

/** What a request selects its route by. */
export interface RouteQuery {
  readonly method: string
  readonly path: string
  readonly host: string
  header(name: string): string | undefined
}

/** One generation of the configuration, complete and running. Requests hold the one they began with. */
export interface Snapshot {
  readonly generation: number
  match(query: RouteQuery): Route | undefined
  readonly providers: ReadonlyMap<string, ProviderRuntime>
  readonly providerViews: readonly { readonly name: string; readonly models: readonly string[] }[]
}
