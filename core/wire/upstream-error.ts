import type { ErrorKind, ErrorReading, RetryClass, UpstreamError } from '@headgate/api'
import { kindOf } from './error-kind.ts'
import { readOpenAIError, type ReadError } from './errors.ts'
import { retryAfterMs } from './retry-after.ts'

/** An {@link UpstreamError} with what the provider said for the client's envelope. */
export interface ClassifiedError extends UpstreamError {
  readonly type: string | null
  readonly param: string | null
}

/** The most characters of a provider's message that are kept. */
const MESSAGE_LENGTH = 4096

/** Codes of what is between the gateway and its provider, not between the client and the model. */
const OWN_CODES: { readonly [K in ErrorKind]?: string } = Object.freeze({
  authentication: 'upstream_auth',
  permission: 'upstream_auth',
  overloaded: 'upstream_overloaded',
  server_error: 'upstream_error',
  timeout: 'upstream_timeout',
  connect: 'upstream_unreachable',
  bad_response: 'upstream_bad_response',
  egress_denied: 'egress_denied',
  quota: 'insufficient_quota',
  rate_limit: 'rate_limit_exceeded',
  context_length: 'context_length_exceeded'
})

/** Codes for errors of the request to which the provider gave none. */
const DEFAULT_CODES: { readonly [K in ErrorKind]?: string } = Object.freeze({
  invalid_request: 'invalid_request',
  not_found: 'model_not_found',
  content_filter: 'content_filter',
  request_too_large: 'request_too_large'
})

/** Other dialects' words for codes that every OpenAI client knows. */
const SYNONYMS: { readonly [code: string]: string } = Object.freeze({
  DeploymentNotFound: 'model_not_found',
  NOT_FOUND: 'model_not_found',
  not_found_error: 'model_not_found',
  ResponsibleAIPolicyViolation: 'content_filter'
})

/** The code of an error: ours for what is our affair, the provider's for what is wrong with the request. */
export function codeOf(kind: ErrorKind, given: string | null): string {
  const known = given !== null && Object.hasOwn(SYNONYMS, given) ? SYNONYMS[given]! : given
  return OWN_CODES[kind] ?? known ?? DEFAULT_CODES[kind] ?? 'upstream_error'
}

/** A, not processed; B, maybe processed; C, never to be repeated at the same target. */
export function retryClassOf(kind: ErrorKind, status: number | null): RetryClass {
  if (kind === 'rate_limit' || kind === 'overloaded' || kind === 'connect') return 'A'
  if (kind === 'server_error' || kind === 'timeout') return 'B'
  return kind === 'bad_response' && (status === null || status < 300) ? 'B' : 'C'
}

/** The label of the attempt record. */
function resultOf(kind: ErrorKind, status: number): string {
  if (status < 300) return 'soft_error'
  if (status < 400) return 'redirect'
  if (kind === 'authentication' || kind === 'permission') return 'auth'
  if (kind === 'quota') return 'quota'
  if (kind === 'context_length') return 'ctx'
  if (status === 429 || status === 529) return String(status)
  return status >= 500 ? '5xx' : '4xx'
}

function messageOf(kind: ErrorKind, status: number, given: string | null): string {
  // A provider's words about our key quote parts of it.
  if (kind === 'authentication' || kind === 'permission') return 'the provider refused the credentials of the gateway'
  return given === null ? `the provider answered with status ${status}` : given.slice(0, MESSAGE_LENGTH)
}

/** A provider's own reading wins over what the core read; what it leaves out is the core's. */
function mergeReading(read: ReadError | null, reading: ErrorReading | undefined): ReadError | null {
  if (reading === undefined) return read
  return {
    message: reading.message ?? read?.message ?? null,
    type: reading.type ?? read?.type ?? null,
    code: reading.code ?? read?.code ?? null,
    param: reading.param === undefined ? (read?.param ?? null) : reading.param,
    status: read?.status ?? null
  }
}

/**
 * What an error answer means: an HTTP error status, or an error body under a 200 (whose own status,
 * where it names one, then counts). `body` is the parsed JSON, or anything else when it is none.
 * `now` is the wall clock in milliseconds, for dates in `retry-after`.
 */
export function classify(
  status: number,
  headers: { readonly [name: string]: string | undefined },
  body: unknown,
  reading?: ErrorReading,
  now: number = Date.now()
): ClassifiedError {
  const error = mergeReading(readOpenAIError(body), reading)
  const meant = status < 300 ? (error?.status ?? status) : status
  const kind = reading?.kind ?? kindOf(meant, error)
  return {
    kind,
    retryClass: retryClassOf(kind, meant),
    status,
    code: codeOf(kind, error?.code ?? null),
    message: messageOf(kind, status, error?.message ?? null),
    retryAfterMs: reading?.retryAfterMs ?? retryAfterMs(headers, body, now),
    result: resultOf(kind, status),
    type: error?.type ?? null,
    param: error?.param ?? null
  }
}
