import type { IncomingMessage } from 'node:http'
import { Fault } from '../run/fault.ts'

/**
 * Refuses requests that two parsers could read differently, before anything is decided on them.
 * Node's own parser has refused smuggling by then; these are what it lets through.
 */
export function checkRequestLine (request: IncomingMessage): Fault | undefined {
  const url = request.url ?? ''
  if (!url.startsWith('/')) return wrong('The request target must be a path.')
  const path = url.split('?', 1)[0]!
  if (path.includes('//') || /(^|\/)\.\.?(\/|$)/.test(path)) return wrong('The path is not in its plain form.')
  if (/%(00|2f|5c|2e%2e|25)/i.test(path) && !path.startsWith('/v1/models/')) return wrong('The path is not in its plain form.')
  if (/%(00|5c)/i.test(path)) return wrong('The path is not in its plain form.')
  if (count(request.rawHeaders, 'host') > 1) return wrong('The request has more than one Host header.')
  if (count(request.rawHeaders, 'content-type') > 1) return new Fault('client', 415, 'unsupported_media_type', 'The request has more than one Content-Type header.')
  if (request.headers.upgrade !== undefined) return new Fault('client', 426, 'upgrade_not_supported', 'This gateway does not switch protocols.', { headers: { connection: 'close' } })
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') return new Fault('client', 415, 'unsupported_encoding', 'Compressed request bodies are not accepted.', { headers: { 'accept-encoding': 'identity' } })
  return undefined
}

function count (raw: readonly string[], name: string): number {
  let found = 0
  for (let i = 0; i < raw.length; i += 2) if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) found++
  return found
}

function wrong (message: string): Fault { return new Fault('client', 400, 'invalid_request', message, { headers: { connection: 'close' } }) }
