import type { IncomingHttpHeaders } from 'node:http'
import { Secret } from '@headgate/api'

const BEARER = /^bearer +(\S+) *$/i

/**
 * The client's key: `Authorization: Bearer`, which wins, or `x-api-key` as Anthropic's SDKs before
 * 1.0 send it. Longer than 16 KiB cannot arrive; a token has no spaces (RFC 6750 §2.1).
 */
export function credentialOf(headers: IncomingHttpHeaders): Secret | undefined {
  const bearer = headers.authorization === undefined ? undefined : BEARER.exec(headers.authorization)?.[1]
  const key = bearer ?? headers['x-api-key'] ?? headers['api-key']
  return typeof key === 'string' && key !== '' ? new Secret(key) : undefined
}
