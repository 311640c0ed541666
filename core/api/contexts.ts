import type { Channel, DeepReadonly, RequestBody, ResponseBody, TextSpan } from './body.ts'
import type { AttemptRecord, ErrorSource } from './exchange.ts'
import type { StateKey } from './keys.ts'
import type { Log } from './log.ts'
import type { Operation } from './operation.ts'
import type { Principal } from './principal.ts'
import type { Target, UpstreamError } from './provider.ts'
import type { Secret } from './secret.ts'

/** What every hook sees. A context is revoked when its hook has settled: later use throws a TypeError and is counted. */
export interface BaseCtx {
  /** Request id, as the client reads it in `x-request-id`. */
  readonly id: string
  readonly method: string
  /** Path without the query string. */
  readonly path: string
  /** Name of the route that was matched. */
  readonly route: string
  readonly operation: Operation
  /** Client headers in lower case. Credentials and cookies are not among them. */
  readonly headers: { readonly [name: string]: string | undefined }
  readonly client: { readonly ip: string; readonly userAgent: string | undefined }
  /** Aborted when the client goes away, the deadline passes or the gateway gives up. */
  readonly signal: AbortSignal
  /** Bound to the plugin and the request. */
  readonly log: Log
  /** State that this plugin declared in `reads` or `writes`. */
  get<T>(key: StateKey<T>): T | undefined
}

/** A stage that may leave state for later stages. */
export interface Writes {
  /** Sets state that this plugin declared in `writes`. @throws {TypeError} for an undeclared key */
  set<T>(key: StateKey<T>, value: T): void
  /** Adds a text to the exchange record's `metadata`, at most 64 entries of 1 KiB. */
  tag(name: string, value: string): void
}

/** `receive`: nothing but the request line and the headers is known. */
export interface ReceiveCtx extends BaseCtx, Writes {}

/** `authenticate`: as `receive`, with the credential for plugins that declare `secrets: ['client_credential']`. */
export interface AuthenticateCtx extends BaseCtx, Writes {
  /** The key or token of `Authorization: Bearer` or `x-api-key`; undefined where there is none or the plugin did not declare it. */
  readonly credential: Secret | undefined
}

/** From here on the caller and the body are known. */
export interface BodyCtx extends BaseCtx {
  readonly principal: Principal
  /** The model that is asked for; empty for operations without one. Cheaper than `request.model`: the body is not parsed for it. */
  readonly model: string
  /** True when the client wants a stream. */
  readonly stream: boolean
  /** One top-level field of the body without parsing the rest. Read-only. */
  peek(field: string): unknown
  /** The client's body, deep read-only. For `models` and other operations without a body it is `{ model: '' }`. */
  readonly request: DeepReadonly<RequestBody>
}

/** What a plugin answers with, made by {@link RequestCtx.respond}. */
export interface Respond {
  readonly kind: 'respond'
  readonly status: number
  readonly body: ResponseBody
  readonly headers: { readonly [name: string]: string }
}

/** `request`: may read, edit or answer. */
export interface RequestCtx extends BodyCtx, Writes {
  readonly providers: readonly ProviderView[]
  /** The mutable body; the request is re-serialised. `ctx.request` shows the edits from then on. */
  edit(): RequestBody
  /** Every text of whatever operation this is; assigning `span.text` edits the body. */
  texts(): readonly TextSpan[]
  /** Answers without an upstream: `return ctx.respond(body)`. A streaming client gets it as a stream. */
  respond(body: ResponseBody, init?: { status?: number; headers?: { readonly [name: string]: string } }): Respond
  /** Sets a header of the answer to the client. */
  setHeader(name: string, value: string): void
}

/** `guard`: a verdict on the final request, nothing else. */
export interface GuardCtx extends BodyCtx {
  texts(): readonly Readonly<TextSpan>[]
}

/** What a router may know of a provider. */
export interface ProviderView {
  readonly name: string
  /** Models that the provider itself advertises; may be empty. */
  readonly models: readonly string[]
}

/** `route`: works on the plan, the ordered list of targets. */
export interface RouteCtx extends BodyCtx, Writes {
  readonly providers: readonly ProviderView[]
}

/** `attempt`: just before one try at one target. */
export interface AttemptCtx extends BodyCtx {
  readonly target: Target
  /** 1 for the first try of this request. */
  readonly attempt: number
  /** Adds a header to the upstream request. Credentials and hop-by-hop names are refused. */
  setHeader(name: string, value: string): void
  /** Sets top-level fields of the upstream body for this attempt only; undefined removes one. */
  patch(fields: { readonly [field: string]: unknown }): void
}

/** `retry`: after a failed attempt, while no content has reached the client. */
export interface RetryCtx extends BodyCtx, Writes {
  readonly target: Target
  readonly attempt: number
  readonly error: UpstreamError
  readonly attempts: readonly AttemptRecord[]
  /** Targets of the plan not tried yet. */
  readonly remaining: readonly Target[]
  /** Milliseconds left before the deadline of the request. */
  readonly remainingMs: number
}

/** What `retry` decides. The core's attempt, time and budget limits hold whatever it says. */
export type RetryDecision =
  | { readonly action: 'retry'; readonly afterMs?: number }
  | { readonly action: 'next'; readonly afterMs?: number }
  | { readonly action: 'fail' }

/** `response`: the whole answer, in reverse order of the pipeline. */
export interface ResponseCtx extends BodyCtx, Writes {
  readonly target: Target | undefined
  readonly status: number
  readonly response: DeepReadonly<ResponseBody>
  edit(): ResponseBody
  texts(): readonly TextSpan[]
  setHeader(name: string, value: string): void
}

/** `stream`: asked once for each text channel of a streamed answer. Stays valid until the answer has ended. */
export interface StreamCtx extends BodyCtx {
  readonly target: Target | undefined
  readonly channel: Channel
}

/** `error`: may replace what the client is told. */
export interface ErrorCtx extends BaseCtx {
  readonly error: {
    readonly source: ErrorSource
    readonly status: number
    readonly code: string
    readonly type: string
    readonly message: string
  }
}

/** A client error in place of the original one; absent members keep the original's. */
export interface ErrorReplacement {
  readonly status?: number
  readonly code?: string
  readonly type?: string
  readonly message?: string
}
