import type { ErrorKind, RetryClass, UpstreamError } from '@headgate/api'
import { errors } from 'undici'

/** The ways in which a call fails below HTTP statuses; each but `reset_connect` is the label in the attempt record too. */
export type FailureResult =
  | 'refused'
  | 'unreachable'
  | 'connect_timeout'
  | 'dns'
  | 'tls'
  | 'egress_denied'
  | 'queued'
  | 'closed'
  | 'reset_connect'
  | 'reset_pre'
  | 'reset_mid'
  | 'ttft'
  | 'size'
  | 'encoding'
  | 'header'
  | 'redirect'
  | 'request'
  | 'client_closed'

/**
 * A call that brought no answer, or only part of one. The message never holds a URL, an address or
 * a credential, and there is no `cause`, because those of sockets do.
 */
export class UpstreamFailure extends Error implements UpstreamError {
  readonly kind: ErrorKind
  readonly retryClass: RetryClass
  readonly status: number | null
  readonly code: string
  readonly retryAfterMs: number | null
  readonly result: string
  /** Code of the error below, such as `CERT_HAS_EXPIRED`; null where there is none. */
  readonly reason: string | null
  /** True when this is the failure of a repetition on a fresh connection. */
  readonly freeRetry: boolean

  constructor(fields: UpstreamError, reason: string | null = null, freeRetry = false) {
    super(fields.message)
    this.name = 'UpstreamFailure'
    this.kind = fields.kind
    this.retryClass = fields.retryClass
    this.status = fields.status
    this.code = fields.code
    this.retryAfterMs = fields.retryAfterMs
    this.result = fields.result
    this.reason = reason
    this.freeRetry = freeRetry
  }
}

const FAILURES: { readonly [R in FailureResult]: UpstreamError } = Object.freeze({
  refused: fields('refused', 'connect', 'A', 'upstream_unreachable', 'the upstream refused the connection'),
  unreachable: fields('unreachable', 'connect', 'A', 'upstream_unreachable', 'the upstream cannot be reached'),
  connect_timeout: fields('connect_timeout', 'connect', 'A', 'upstream_unreachable', 'connecting to the upstream took too long'),
  dns: fields('dns', 'connect', 'A', 'upstream_dns', 'the name of the upstream cannot be resolved'),
  tls: fields('tls', 'connect', 'A', 'upstream_tls', 'no trusted TLS connection to the upstream'),
  egress_denied: fields('egress_denied', 'egress_denied', 'C', 'egress_denied', 'connections to this address are not allowed'),
  queued: fields('queued', 'timeout', 'A', 'upstream_timeout', 'no connection to the upstream became free in time'),
  closed: fields('closed', 'connect', 'A', 'upstream_closed', 'the upstream is being closed'),
  reset_connect: fields('reset_pre', 'connect', 'A', 'upstream_reset', 'the upstream closed the connection before the request was sent'),
  reset_pre: fields('reset_pre', 'server_error', 'B', 'upstream_reset', 'the upstream closed the connection without an answer'),
  reset_mid: fields('reset_mid', 'server_error', 'B', 'upstream_truncated', 'the answer of the upstream broke off'),
  ttft: fields('ttft', 'timeout', 'B', 'upstream_timeout', 'the upstream did not answer in time'),
  size: fields('size', 'bad_response', 'C', 'upstream_too_large', 'the answer of the upstream is too large'),
  encoding: fields(
    'encoding',
    'bad_response',
    'C',
    'upstream_bad_encoding',
    'the answer of the upstream has an encoding that was not asked for'
  ),
  header: fields('header', 'bad_response', 'C', 'upstream_bad_headers', "the headers of the upstream's answer are not acceptable"),
  redirect: fields('redirect', 'bad_response', 'C', 'upstream_redirect', 'the upstream answered with a redirect, which is never followed'),
  request: fields(
    'request',
    'invalid_request',
    'C',
    'upstream_bad_request',
    'the request to the upstream holds a header or path that cannot be sent'
  ),
  client_closed: fields('client_closed', 'invalid_request', 'C', 'client_closed', 'the request was aborted')
})

/** Makes the failure of a result; `reason` is an error code. */
export function failure(result: FailureResult, reason: string | null = null, freeRetry = false): UpstreamFailure {
  return new UpstreamFailure(FAILURES[result], reason, freeRetry)
}

/** How far a connection had come. */
export type ConnectStage = 'resolve' | 'connect' | 'handshake'

/** The failure that an error of a connection attempt means. */
export function connectFailure(stage: ConnectStage, error: unknown): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error
  const reason = reasonOf(error)
  if (stage === 'handshake') return failure('tls', reason)
  if (stage === 'resolve') return failure('dns', reason)
  if (reason === 'ECONNREFUSED') return failure('refused', reason)
  if (reason === 'ECONNRESET') return failure('reset_connect', reason)
  return failure(reason === 'ETIMEDOUT' ? 'connect_timeout' : 'unreachable', reason)
}

/** How far a request had come: not a byte written, written, headers of the answer read. */
export type RequestStage = 'waiting' | 'sent' | 'answered'

/** The failure that an error of a request means. */
export function requestFailure(stage: RequestStage, error: unknown, freeRetry: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return freeRetry ? new UpstreamFailure(error, error.reason, true) : error
  const reason = reasonOf(error)
  if (stage === 'answered') return failure('reset_mid', reason, freeRetry)
  if (reason === 'UND_ERR_INVALID_ARG') return failure('request', reason, freeRetry)
  if (stage === 'waiting') return failure(isShutdown(reason) ? 'closed' : 'reset_connect', reason, freeRetry)
  return failure(isMalformed(reason, error) ? 'header' : 'reset_pre', reason, freeRetry)
}

/** True for the errors that a connection gives which the other side had closed while it lay idle. */
export function isStale(error: unknown): boolean {
  const reason = reasonOf(error)
  return (
    reason === 'ECONNRESET' ||
    reason === 'EPIPE' ||
    reason === 'ECONNABORTED' ||
    (reason === 'UND_ERR_SOCKET' && !isMalformed(reason, error))
  )
}

function isShutdown(reason: string | null): boolean {
  return reason === 'UND_ERR_CLOSED' || reason === 'UND_ERR_DESTROYED'
}

function isMalformed(reason: string | null, error: unknown): boolean {
  if (error instanceof errors.HTTPParserError) return true
  // A stray 100 has no code of its own, and a stray 101 trips an assertion of the parser.
  if (reason === 'UND_ERR_SOCKET') return (error as Error).message.startsWith('bad ')
  // Where a Content-Length was read before the mistake, the parser blames that.
  return reason === 'UND_ERR_HEADERS_OVERFLOW' || reason === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || reason === 'ERR_ASSERTION'
}

function reasonOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, errors: parts } = error as { code?: unknown; errors?: unknown }
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code)) return code
  return Array.isArray(parts) && parts.length > 0 ? reasonOf(parts[0]) : null
}

function fields(result: string, kind: ErrorKind, retryClass: RetryClass, code: string, message: string): UpstreamError {
  return Object.freeze({ kind, retryClass, status: null, code, message, retryAfterMs: null, result })
}
