import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from '../run/exchange.ts'
import type { Fault } from '../run/fault.ts'
import { rawAnswer } from './bare.ts'

const CONNECTION = Symbol('connection')
const MAX_WAITING = 64
/** Milliseconds for a client to read why it is refused, while what it still sends is thrown away. */
const LINGER_MS = 1000
/** Milliseconds between the client's FIN and the first probe, and from probe to probe after that. */
const PROBE_GAPS: readonly number[] = [5, 10, 20, 30, 110, 350]
const PROBE_EVERY_MS = 2000

interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** What a connection leaves to the listener. */
export interface ConnectionOwner {
  readonly handler: RequestListener
  /** Ends an exchange whose request turned out to be malformed, or never came in full. */
  refuse(ex: Exchange, fault: Fault): void
  /** Told of every answer that went out without a request. */
  refused(fault: Fault): void
}

/** One client connection: the requests on it one after the other, and how it ends. */
export class ClientConnection {
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #next: () => void
  #current: Turn | null = null
  #waiting: Turn[] = []
  /** Why the connection is not read any further. */
  #fault: Fault | null = null
  /** The exchange that is being answered, if the current request became one. */
  exchange: Exchange | null = null

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket
    this.#owner = owner
    this.#next = () => this.#proceed()
    ;(socket as Socket & { [CONNECTION]?: ClientConnection })[CONNECTION] = this
    socket.once('end', () => this.#probe(0))
  }

  /** Handles a request, or lets it wait until those before it are answered. */
  take(request: IncomingMessage, response: ServerResponse): void {
    // What comes after an answer that closes the connection is not to be read (RFC 9112 §9.6).
    if (this.#isOver) return
    const turn = { request, response }
    if (this.#current === null) this.#begin(turn)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(turn)
    else this.#socket.destroy()
  }

  /** What came is not HTTP, or not in time: the client is told once its turn comes, then the connection is closed. */
  fail(fault: Fault): void {
    if (this.#fault !== null) return
    this.#fault = fault
    const turn = this.#current
    if (turn === null) return this.#refuse(fault)
    if (turn.request.complete) return
    if (this.exchange !== null && !this.exchange.reply.headSent) return this.#owner.refuse(this.exchange, fault)
    if (turn.response.headersSent) this.#socket.destroy()
    else this.#refuse(fault)
  }

  get #isOver(): boolean {
    return this.#socket.destroyed || this.#socket.writableEnded
  }

  #begin(turn: Turn): void {
    this.#current = turn
    turn.response.once('close', this.#next)
    this.#owner.handler(turn.request, turn.response)
  }

  #proceed(): void {
    this.exchange = null
    this.#current = null
    // Requests that waited on a connection that is gone have nobody to answer to.
    if (this.#isOver) this.#waiting = []
    const turn = this.#waiting.shift()
    if (turn !== undefined && (this.#fault === null || turn.request.complete)) return this.#begin(turn)
    if (this.#fault !== null) this.#refuse(this.#fault)
  }

  #refuse(fault: Fault): void {
    if (this.#isOver) return
    this.#owner.refused(fault)
    this.#socket.end(rawAnswer(fault))
    this.#socket.resume()
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref()
  }

  /**
   * Tells a client that has only finished sending from one that is gone. Both look the same, a FIN.
   * Only a client that is gone answers further bytes with a reset, so the answer is given something
   * harmless to carry; the next probe meets the reset that the one before caused.
   */
  #probe(sent: number): void {
    setTimeout(() => {
      if (this.#socket.destroyed) return
      this.exchange?.reply.probe()
      this.#probe(sent + 1)
    }, PROBE_GAPS[sent] ?? PROBE_EVERY_MS).unref()
  }
}

/** The connection behind a socket; undefined for requests that came over none. */
export function connectionOf(socket: object): ClientConnection | undefined {
  return (socket as { [CONNECTION]?: ClientConnection })[CONNECTION]
}
