import { STATUS_CODES, type ServerResponse } from 'node:http'
import { sourceHeader, type Fault } from '../run/fault.ts'
import { requestIdOf } from '../run/ids.ts'
import { errorBody } from '../wire/errors.ts'

function headersOf(fault: Fault, given: string | undefined, length: number): { readonly [name: string]: string } {
  return {
    ...fault.headers,
    'content-type': 'application/json',
    'content-length': String(length),
    'x-request-id': requestIdOf(given),
    'x-headgate-error-source': sourceHeader(fault.source)
  }
}

/** Answers a request that never became an exchange: a wrong path, a malformed request line. */
export function sendBare(res: ServerResponse, fault: Fault): void {
  if (res.headersSent || res.destroyed) return
  const body = errorBody(fault)
  const given = res.req.headers['x-request-id']
  res.writeHead(fault.status, headersOf(fault, typeof given === 'string' ? given : undefined, Buffer.byteLength(body)))
  res.end(body)
}

/** The whole answer to something that is not HTTP at all, as bytes for the socket. */
export function rawAnswer(fault: Fault): string {
  const body = errorBody(fault)
  let head = `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? 'Error'}\r\n`
  for (const [name, value] of Object.entries(headersOf(fault, undefined, Buffer.byteLength(body)))) head += `${name}: ${value}\r\n`
  return `${head}\r\n${body}`
}
