import type { IncomingMessage } from 'node:http'
import { Fault } from '../run/fault.ts'

const MAX_HEADERS = 200
const DOTS = /(^|\/)\.\.?(\/|$)/
/** Escapes of characters that need none, by which one path could be spelt in two ways, and of such that no model id has. */
const NEEDLESS = /%(2d|2e|5f|7e|3[0-9]|[46][1-9a-f]|[57][0-9a]|[01][0-9a-f]|7f|5c|25)/i
const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]*)/i

/**
 * Refuses requests that two parsers could read differently, before anything is decided on them.
 * Node's own parser has refused smuggling by then; these are what it lets through.
 */
export function checkRequestLine(request: IncomingMessage): Fault | undefined {
  if (request.rawHeaders.length > 2 * MAX_HEADERS)
    return new Fault('client', 431, 'headers_too_large', 'The request has more headers than this gateway accepts.', {
      headers: { connection: 'close' }
    })
  const url = request.url ?? ''
  if (!url.startsWith('/')) return wrong('The request target must be a path.')
  const path = url.split('?', 1)[0]!
  if (path.includes('//') || path.includes('#') || DOTS.test(path)) return wrong('The path is not in its plain form.')
  if (path.includes('%') && (!path.startsWith('/v1/models/') || NEEDLESS.test(path))) return wrong('The path is not in its plain form.')
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') return wrong('This gateway speaks HTTP/1.1.')
  const hosts = count(request.rawHeaders, 'host')
  if (hosts > 1 || (hosts === 0 && request.httpVersion === '1.1')) return wrong('The request must have one Host header.')
  if (count(request.rawHeaders, 'content-type') > 1)
    return new Fault('client', 415, 'unsupported_media_type', 'The request has more than one Content-Type header.')
  if (request.httpVersion === '1.0' && request.headers['transfer-encoding'] !== undefined)
    return wrong('HTTP/1.0 has no Transfer-Encoding.')
  const type = request.headers['content-type']
  if (type !== undefined && !isUtf8(type)) return new Fault('client', 415, 'unsupported_media_type', 'Send the body in UTF-8.')
  if (request.headers.upgrade !== undefined && request.headers.upgrade.toLowerCase() !== 'h2c')
    return new Fault('client', 426, 'upgrade_not_supported', 'This gateway does not switch protocols.', {
      headers: { connection: 'close' }
    })
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity')
    return new Fault('client', 415, 'unsupported_encoding', 'Compressed request bodies are not accepted.', {
      headers: { 'accept-encoding': 'identity' }
    })
  return undefined
}

function count(raw: readonly string[], name: string): number {
  let found = 0
  for (let i = 0; i < raw.length; i += 2) if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) found++
  return found
}

/** JSON is UTF-8 (RFC 8259 §8.1); a body that says otherwise would be read differently by others. */
function isUtf8(contentType: string): boolean {
  const charset = contentType === 'application/json' ? undefined : CHARSET.exec(contentType)?.[1]?.toLowerCase()
  return charset === undefined || charset === 'utf-8' || charset === 'utf8'
}

function wrong(message: string): Fault {
  return new Fault('client', 400, 'invalid_request', message, { headers: { connection: 'close' } })
}
