import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Milliseconds after the client's FIN at which the connection is probed. */
const PROBES: readonly number[] = [20, 50]

const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'

/** A connection that can say whether its answer has begun. */
interface Answering extends Socket { _httpMessage?: { headersSent: boolean, write(chunk: string): boolean } | null }

/**
 * Tells a client that has only finished sending from one that is gone. Both look the same, a FIN.
 * Only a client that is gone answers further bytes with a reset, so after a FIN the connection is
 * given something harmless to carry: an interim response (RFC 9110 §15.2) before the head, a
 * comment within an event stream. The second probe meets the reset that the first one caused.
 */
export function watchHalfClose (server: Server): void {
  // Node would close the connection at the FIN otherwise, and with it the answer.
  ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
  server.on('connection', (socket: Socket) => {
    socket.once('end', () => {
      for (const ms of PROBES) setTimeout(probe, ms, socket).unref()
    })
  })
}

function probe (socket: Answering): void {
  const answer = socket._httpMessage
  if (socket.destroyed || answer === undefined || answer === null) return
  if (!answer.headersSent) socket.write(PROCESSING)
}
