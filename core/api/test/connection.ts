import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Reply } from './reply.ts'
import { RequestParser, type ParsedRequest } from './request-parser.ts'
import type { ReceivedRequest } from './script.ts'
import { send } from './sender.ts'

/** What a connection tells its server and asks it for. */
export interface ConnectionOwner {
  received(bytes: number): void
  answer(request: ReceivedRequest): Reply | Promise<Reply>
  rejected(): void
  changed(): void
}

/** One connection of a fault upstream: requests in order, one at a time. */
export class Connection {
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #number: number
  readonly #parser = new RequestParser()
  #current: ReceivedRequest | null = null
  #stale = false

  constructor(owner: ConnectionOwner, socket: Socket, number: number) {
    this.#owner = owner
    this.#socket = socket
    this.#number = number
    socket.setNoDelay(true)
    socket.on('error', () => this.#gone())
    socket.on('close', () => this.#gone())
  }

  /** Begins to read. */
  listen(): void {
    this.#socket.on('data', bytes => this.#read(bytes))
  }

  /** Does what a reply says that acts before any request. */
  greet(answer: Reply): void {
    if (answer.ending === 'reset') this.#socket.resetAndDestroy()
    else this.#socket.on('data', bytes => this.#owner.received(bytes.length))
  }

  #read(bytes: Buffer): void {
    this.#owner.received(bytes.length)
    if (this.#stale) {
      this.#socket.resetAndDestroy()
      return
    }
    this.#parser.push(bytes)
    this.#proceed()
  }

  #proceed(): void {
    if (this.#current !== null || this.#socket.destroyed) return
    let request: ParsedRequest | null
    try {
      request = this.#parser.next()
    } catch {
      this.#owner.rejected()
      this.#socket.destroy()
      return
    }
    if (request !== null) void this.#serve({ ...request, connection: this.#number, aborted: false })
  }

  async #serve(request: ReceivedRequest): Promise<void> {
    this.#current = request
    const answer = await this.#owner.answer(request)
    const sent = await send(this.#socket, answer)
    if (!sent || answer.ending === 'hang') return
    // From here on it is the upstream that ends the connection, if anyone does.
    this.#current = null
    this.#end(answer, request.headers['connection'] === 'close')
    this.#owner.changed()
  }

  #end(answer: Reply, close: boolean): void {
    if (answer.ending === 'destroy') this.#socket.destroy()
    else if (answer.ending === 'reset') this.#socket.resetAndDestroy()
    else if (answer.ending === 'fin' || answer.framing === 'close' || close) this.#socket.end()
    else if (answer.ending === 'reset-on-reuse') this.#stale = true
    else this.#proceed()
  }

  #gone(): void {
    const request = this.#current
    this.#current = null
    if (request !== null) {
      request.aborted = true
      request.abortedAt = performance.now()
    }
    this.#owner.changed()
  }
}
