const SENSITIVE = new Set([
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'set-cookie',
  'x-amz-security-token',
  'x-auth-token',
  'x-csrf-token',
  'ocp-apim-subscription-key'
])

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'content-encoding',
  'expect'
])

const NAME = /^[a-z0-9!#$%&'*+.^`|~-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** True for a header that carries a credential, or whose name hides as one (`x_api_key`). Lower-case name. */
export function isSensitive(name: string): boolean {
  return SENSITIVE.has(name) || name.includes('_')
}

/**
 * Checks a header that a plugin wants to set and gives its lower-case name.
 *
 * @throws {TypeError} for a credential, a hop-by-hop or a malformed header
 */
export function settableHeader(name: string, value: string): string {
  const lower = String(name).toLowerCase()
  if (!NAME.test(lower) || typeof value !== 'string' || !VALUE.test(value))
    throw new TypeError(`header "${lower.slice(0, 64)}" is malformed`)
  if (SENSITIVE.has(lower) || HOP_BY_HOP.has(lower)) throw new TypeError(`header "${lower}" cannot be set by a plugin`)
  return lower
}
