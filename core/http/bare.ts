import type { ServerResponse } from 'node:http'
import { errorBody } from '../wire/errors.ts'
import { sourceHeader, type Fault } from '../run/fault.ts'

/** Answers a request that never became an exchange: a wrong path, a malformed request line. */
export function sendBare (res: ServerResponse, fault: Fault): void {
  if (res.headersSent || res.destroyed) return
  const body = errorBody(fault)
  res.writeHead(fault.status, {
    ...fault.headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-headgate-error-source': sourceHeader(fault.source)
  })
  res.end(body)
}

/** The whole answer to something that is not HTTP at all, as bytes for the socket. */
export function rawAnswer (status: number, phrase: string, code: string, message: string): string {
  const body = errorBody({ status, code, message })
  return `HTTP/1.1 ${status} ${phrase}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-headgate-error-source: client\r\nconnection: close\r\n\r\n${body}`
}
