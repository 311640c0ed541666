import type { ErrorKind } from '@headgate/api'
import type { ReadError } from './errors.ts'

/** Codes and types that say more than the status they come with. */
const BY_CODE: { readonly [code: string]: ErrorKind } = Object.freeze({
  insufficient_quota: 'quota',
  billing_hard_limit_reached: 'quota',
  billing_error: 'quota',
  rate_limit_exceeded: 'rate_limit',
  rate_limit_error: 'rate_limit',
  RESOURCE_EXHAUSTED: 'rate_limit',
  ThrottlingException: 'rate_limit',
  server_is_overloaded: 'overloaded',
  slow_down: 'overloaded',
  overloaded_error: 'overloaded',
  UNAVAILABLE: 'overloaded',
  context_length_exceeded: 'context_length',
  string_above_max_length: 'context_length',
  model_not_found: 'not_found',
  not_found_error: 'not_found',
  DeploymentNotFound: 'not_found',
  NOT_FOUND: 'not_found',
  invalid_api_key: 'authentication',
  authentication_error: 'authentication',
  UNAUTHENTICATED: 'authentication',
  permission_error: 'permission',
  PERMISSION_DENIED: 'permission',
  content_filter: 'content_filter',
  content_policy_violation: 'content_filter',
  ResponsibleAIPolicyViolation: 'content_filter',
  request_too_large: 'request_too_large',
  server_error: 'server_error',
  api_error: 'server_error',
  timeout_error: 'timeout'
})

/** How servers without a code of their own say that the prompt is too long. */
const TOO_LONG =
  /maximum context length|prompt is too long|input is too long|too many (input )?tokens|exceeds? the (maximum number of tokens|context (window|length|size))|context[ _]length[ _]exceeded/i

const BAD_KEY = /api key not valid|invalid api key|incorrect api key/i

/** What a status means when the body says nothing better. */
export function kindOfStatus(status: number): ErrorKind {
  if (status === 401) return 'authentication'
  if (status === 402) return 'quota'
  if (status === 403) return 'permission'
  if (status === 404) return 'not_found'
  if (status === 408) return 'timeout'
  if (status === 413) return 'request_too_large'
  if (status === 429) return 'rate_limit'
  if (status === 503 || status === 529) return 'overloaded'
  if (status === 424 || status >= 500) return 'server_error'
  return status >= 400 ? 'invalid_request' : 'bad_response'
}

function kindOfCode(error: ReadError): ErrorKind | undefined {
  for (const code of [error.code, error.type]) {
    if (code !== null && Object.hasOwn(BY_CODE, code)) return BY_CODE[code]
  }
  return undefined
}

/** Client errors are told apart by what the body says; server errors are believed by their status. */
export function kindOf(status: number, error: ReadError | null): ErrorKind {
  const plain = kindOfStatus(status)
  if (error === null) return plain
  const coded = kindOfCode(error)
  if (status === 429 || status === 402) return coded === 'quota' ? 'quota' : plain
  if (status >= 500) return coded === 'overloaded' || coded === 'rate_limit' || coded === 'quota' ? coded : plain
  if (status < 300) return coded ?? (error.type === 'invalid_request_error' ? 'invalid_request' : 'server_error')
  if (plain !== 'invalid_request') return plain
  if (coded !== undefined && coded !== 'server_error') return coded
  const message = error.message ?? ''
  if (TOO_LONG.test(message)) return 'context_length'
  return BAD_KEY.test(message) ? 'authentication' : plain
}
