import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '../run/fault.ts'
import { sendBare } from './bare.ts'
import { ClientConnection, connectionOf, type ConnectionOwner } from './client-connection.ts'

const CLOSE = Object.freeze({ connection: 'close' })

/** What clients do that never becomes a request: every one of them gets the envelope and a closed connection. */
export function hardenServer(server: Server, maxConnections: number, owner: ConnectionOwner): Server {
  server.maxConnections = maxConnections
  // Node would drop what is above a limit without a word; `checkRequestLine` counts and refuses.
  server.maxHeadersCount = 0
  // Node would close the connection at the client's FIN otherwise, and with it the answer.
  ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
  // Before Node's own listener, so that the connection is known when its first request comes.
  server.prependListener('connection', (socket: Socket) => new ClientConnection(socket, owner))
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    connectionOf(request.socket)!.take(request, response)
  })
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const fault = new Fault('client', 417, 'expectation_failed', 'This expectation cannot be met.', { headers: CLOSE })
    owner.refused(fault)
    sendBare(response, fault)
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    connectionOf(socket)!.fail(new Fault('client', 400, 'invalid_request', 'This gateway is no proxy.', { headers: CLOSE }))
  })
  return server
}

/** What Node's parser and its clock refuse. Given to the framework, which would answer in its own words otherwise. */
export function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (socket.destroyed || error.code === 'ECONNRESET') socket.destroy()
  else connectionOf(socket)!.fail(faultOf(error.code ?? ''))
}

function faultOf(code: string): Fault {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Fault('client', 431, 'headers_too_large', 'The request headers are larger than this gateway accepts.', { headers: CLOSE })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Fault('client', 408, 'request_timeout', 'The request was not sent in time.', { headers: CLOSE })
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Fault('client', 413, 'request_too_large', 'The chunk extensions are too large.', { headers: CLOSE })
  }
  return new Fault('client', 400, 'invalid_request', 'The request is not valid HTTP.', { headers: CLOSE })
}
