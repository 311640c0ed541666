import type { Chunk, DeepReadonly, RequestBody, ResponseBody } from './body.ts'
import type { May } from './hooks.ts'
import type { Operation } from './operation.ts'
import type { Secret } from './secret.ts'

/** A provider instance and the model to ask it for. */
export interface Target {
  readonly provider: string
  readonly model: string
}

/** What kind of error it was, whatever the provider calls it. */
export type ErrorKind =
  | 'invalid_request'
  | 'authentication'
  | 'permission'
  | 'not_found'
  | 'rate_limit'
  | 'quota'
  | 'overloaded'
  | 'context_length'
  | 'content_filter'
  | 'server_error'
  | 'timeout'
  | 'connect'
  | 'request_too_large'
  | 'bad_response'
  | 'egress_denied'

/**
 * Whether a failed attempt may be repeated: A, the upstream did not process it; B, it may have;
 * C, never.
 */
export type RetryClass = 'A' | 'B' | 'C'

/** A failed attempt, as `retry` sees it. Holds nothing secret. */
export interface UpstreamError {
  readonly kind: ErrorKind
  readonly retryClass: RetryClass
  /** HTTP status of the upstream, null where there was no answer. */
  readonly status: number | null
  readonly code: string
  readonly message: string
  readonly retryAfterMs: number | null
  /** The label of the attempt record. */
  readonly result: string
}

/** What a provider makes of an error answer; absent members keep what the core read from the status. */
export interface ErrorReading {
  readonly kind?: ErrorKind
  readonly code?: string
  readonly type?: string
  readonly param?: string | null
  readonly message?: string
  readonly retryAfterMs?: number
}

/** A native request, before the core adds credentials and sends it. */
export interface EncodedRequest {
  /** Appended to the provider's `origin`; may hold a query. */
  readonly path: string
  readonly headers?: { readonly [name: string]: string }
  /** Serialised by the core. */
  readonly body: unknown
}

/** Turns native stream events into chunks of the client's operation. One per answer, synchronous. */
export interface StreamDecoder {
  /** @throws {Error} when the event cannot be what the provider documents; becomes a stream error */
  event(name: string, data: string): readonly Chunk[]
  end?(): readonly Chunk[]
}

/** Pure conversions of one operation between the client's dialect and the provider's. */
export interface OperationCodec {
  encode(request: DeepReadonly<RequestBody>, target: Target): EncodedRequest
  decode(body: unknown, target: Target): ResponseBody
  stream(target: Target): StreamDecoder
}

/** An operation spoken natively: bytes pass through. `path` is appended to the provider's `origin`. */
export interface NativeOperation {
  readonly path: string | ((target: Target) => string)
  /** False where the server refuses `stream_options.include_usage`. */
  readonly usageInStream?: boolean
}

/** A request to a provider that answers in the process itself, without a socket. */
export interface LocalCall {
  readonly operation: Operation
  readonly request: DeepReadonly<RequestBody>
  readonly target: Target
  readonly signal: AbortSignal
}

/** An answer made in the process: one body, or pieces of a server-sent event stream. */
export interface LocalAnswer {
  readonly status: number
  readonly headers?: { readonly [name: string]: string }
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

/** A native request on its way to the socket; `sign` may add headers to it. */
export interface OutgoingRequest {
  readonly method: string
  readonly url: URL
  readonly headers: { [name: string]: string }
  readonly body: Uint8Array
}

/** One configured provider. Conversions only: the core owns every socket, timeout and retry. */
export interface ProviderInstance {
  /** Base URL, with path prefix if there is one and without a trailing slash; not needed where `answer` is given. */
  readonly origin?: string
  /** Credentials and fixed headers; secrets stay {@link Secret}s until the socket. May fetch a token. */
  headers?(): May<{ readonly [name: string]: string | Secret }>
  readonly operations: { readonly [O in Operation]?: NativeOperation | OperationCodec }
  /** Models known without asking, for `GET /v1/models`. */
  readonly models?: readonly string[]
  /** True for servers that live on the operator's own machine or network. */
  readonly local?: boolean
  error?(status: number, body: unknown): ErrorReading | undefined
  sign?(request: OutgoingRequest): May<void>
  answer?(call: LocalCall): May<LocalAnswer>
  start?(): May<void>
  close?(deadline: AbortSignal): May<void>
  health?(): May<void>
}

/** True for an operation that the provider speaks natively. */
export function isNative(operation: NativeOperation | OperationCodec): operation is NativeOperation {
  return !('encode' in operation)
}
