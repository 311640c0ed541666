import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '../run/fault.ts'
import { rawAnswer, sendBare } from './bare.ts'
import { watchHalfClose } from './half-close.ts'

const WAITING = Symbol('waiting')
const MAX_WAITING = 64

interface Busy extends Socket { [WAITING]?: (() => void)[] | null }

/** What clients do that never becomes a request: every one of them gets the envelope and a closed connection. */
export function hardenServer (server: Server, maxConnections: number): Server {
  server.maxConnections = maxConnections
  server.maxHeadersCount = 200
  server.on('clientError', onClientError)
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    sendBare(response, new Fault('client', 417, 'expectation_failed', 'This expectation cannot be met.', { headers: { connection: 'close' } }))
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.end(rawAnswer(400, 'Bad Request', 'invalid_request', 'This gateway is no proxy.'))
  })
  watchHalfClose(server)
  return server
}

/**
 * Handles the pipelined requests of one connection one after the other, so that a client cannot
 * have more work under way than connections.
 */
export function oneAtATime (handler: RequestListener): RequestListener {
  return (request, response) => {
    const socket = request.socket as Busy
    const waiting = socket[WAITING]
    if (waiting === undefined || waiting === null) {
      socket[WAITING] = []
      return begin(socket, handler, request, response)
    }
    if (waiting.length >= MAX_WAITING) return socket.destroy()
    waiting.push(() => begin(socket, handler, request, response))
  }
}

function begin (socket: Busy, handler: RequestListener, request: IncomingMessage, response: ServerResponse): void {
  response.once('close', () => {
    const next = socket[WAITING]?.shift()
    if (next === undefined) socket[WAITING] = null
    else next()
  })
  handler(request, response)
}

function onClientError (error: NodeJS.ErrnoException, socket: Duplex): void {
  if (socket.destroyed || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  socket.end(answerTo(error.code ?? ''))
}

function answerTo (code: string): string {
  if (code === 'HPE_HEADER_OVERFLOW') return rawAnswer(431, 'Request Header Fields Too Large', 'headers_too_large', 'The request headers are larger than this gateway accepts.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return rawAnswer(408, 'Request Timeout', 'request_timeout', 'The request was not sent in time.')
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return rawAnswer(413, 'Payload Too Large', 'request_too_large', 'The chunk extensions are too large.')
  return rawAnswer(400, 'Bad Request', 'invalid_request', 'The request is not valid HTTP.')
}
