import type { ErrorKind, UpstreamError } from '@headgate/api'
import { typeOf } from './errors.ts'
import { codeOf } from './upstream-error.ts'

/** What the client is told. `type` and `code` are OpenAI's. */
export interface ClientError {
  readonly status: number
  readonly type: string
  readonly code: string
  readonly message: string
  readonly param: string | null
  /** Response headers that go with it: `retry-after`, `x-should-retry`, `x-headgate-attempts`. */
  readonly headers: { readonly [name: string]: string }
}

/** What the gateway did about the error. */
export interface ClientErrorOptions {
  /** The gateway has used up its own attempts, so the client SHOULD NOT repeat the call by itself. */
  readonly exhausted?: boolean
  /** Attempts made in all. */
  readonly attempts?: number
}

/** Errors of the request itself: the client gets the status and the words of the provider. */
const PASSED: readonly ErrorKind[] = ['invalid_request', 'not_found', 'context_length', 'content_filter', 'request_too_large']

/** Statuses of everything else. */
const STATUS: { readonly [K in ErrorKind]?: number } = Object.freeze({
  rate_limit: 429,
  quota: 429,
  overloaded: 503,
  timeout: 504
})

/** The provider's words on these may hold keys, account names, addresses or stacks. */
const MESSAGES: { readonly [code: string]: string } = Object.freeze({
  upstream_auth: 'the provider refused the credentials of the gateway',
  rate_limit_exceeded: 'the provider is limiting the rate of requests; try again later',
  insufficient_quota: 'the quota of the gateway at the provider is used up',
  upstream_error: 'the provider failed',
  upstream_overloaded: 'the provider is overloaded; try again later',
  upstream_timeout: 'the provider did not answer in time',
  upstream_unreachable: 'the provider cannot be reached',
  upstream_dns: 'the address of the provider cannot be resolved',
  upstream_tls: 'no secure connection to the provider could be made',
  upstream_reset: 'the provider closed the connection',
  upstream_truncated: 'the answer of the provider broke off',
  stream_truncated: 'the answer of the provider ended before it was complete',
  upstream_bad_response: 'the answer of the provider is not valid',
  upstream_too_large: 'the answer of the provider is too large',
  egress_denied: 'the address of the provider may not be connected to'
})

const PASSED_STATUS: { readonly [K in ErrorKind]?: number } = Object.freeze({ not_found: 404, request_too_large: 413 })

/** The provider's own status where it was a client error; what came under a 200 gets the usual one. */
function passedStatus(error: UpstreamError): number {
  const { status, kind } = error
  return status !== null && status >= 400 && status < 500 ? status : (PASSED_STATUS[kind] ?? 400)
}

function headersOf(error: UpstreamError, status: number, options: ClientErrorOptions): { [name: string]: string } {
  const headers: { [name: string]: string } = {}
  // Overload passes: clients that are told nothing come back at once.
  const waitMs = error.retryAfterMs ?? (status === 503 ? 1000 : null)
  if (waitMs !== null && (status === 429 || status === 503)) headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)))
  if (options.exhausted === true || error.kind === 'quota') headers['x-should-retry'] = 'false'
  if (options.attempts !== undefined) headers['x-headgate-attempts'] = String(options.attempts)
  return headers
}

/**
 * What the client gets for a failed upstream call. The provider's text is passed on only where the
 * request itself is to blame; a refused key of the gateway is a 502, never a 401.
 */
export function clientError(
  error: UpstreamError & { readonly type?: string | null; readonly param?: string | null },
  options: ClientErrorOptions = {}
): ClientError {
  if (PASSED.includes(error.kind)) {
    const status = passedStatus(error)
    return {
      status,
      type: error.type ?? typeOf(status, error.code),
      code: error.code,
      message: error.message,
      param: error.param ?? null,
      headers: headersOf(error, status, options)
    }
  }
  const status = STATUS[error.kind] ?? 502
  const code = Object.hasOwn(MESSAGES, error.code) ? error.code : codeOf(error.kind, null)
  return {
    status,
    type: typeOf(status, code),
    code,
    message: MESSAGES[code] as string,
    param: null,
    headers: headersOf(error, status, options)
  }
}
