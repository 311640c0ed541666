import type { ServerResponse } from 'node:http'
import { PING } from './heartbeat.ts'

/** Bytes of a whole answer that are handed over at a time. */
const SLICE = 64 * 1024
/** Milliseconds for a client that still sends its body to read an answer after which the connection is closed. */
const LINGER_MS = 1000

/** What a reply is made of besides the response itself. */
export interface ReplyOptions {
  /** Milliseconds that a client may refuse to read; 0 is for ever. */
  readonly stallMs: number
  /** True while the process is on its way out and wants its connections back. */
  readonly closing: () => boolean
}

/** The way back to one client: a head, then bytes with backpressure, then one end. */
export class Reply {
  readonly #res: ServerResponse
  readonly #options: ReplyOptions
  #stall: NodeJS.Timeout | null = null
  #stalled = false
  #ended = false
  #closes = false
  #isStream = false
  status = 0
  bytes = 0

  constructor(res: ServerResponse, options: ReplyOptions) {
    this.#res = res
    this.#options = options
  }

  get headSent(): boolean {
    return this.#res.headersSent
  }
  get closed(): boolean {
    return this.#ended || this.#res.destroyed || this.#res.writableEnded
  }
  /** True while the client has not taken what was written last. */
  get blocked(): boolean {
    return this.#res.writableNeedDrain
  }
  /** True when the client was cut off because it would not read. */
  get stalled(): boolean {
    return this.#stalled
  }

  head(status: number, headers: { readonly [name: string]: string | number }): void {
    if (this.#res.headersSent || this.#res.destroyed) return
    this.status = status
    this.#closes = this.#options.closing() || headers['connection'] === 'close'
    this.#isStream = String(headers['content-type']).startsWith('text/event-stream')
    this.#res.writeHead(status, this.#closes ? { ...headers, connection: 'close' } : { ...headers })
  }

  /** Sends the head at once, so that a stream is seen to have begun. */
  flush(): void {
    this.#res.flushHeaders()
  }

  /** False when the client reads slower than we write: write no more before {@link onceDrained}. */
  write(chunk: Buffer | string): boolean {
    if (this.closed) return true
    this.bytes += chunk.length
    const more = this.#res.write(chunk)
    if (!more) this.#watchStall()
    return more
  }

  end(chunk: Buffer | string = ''): void {
    if (this.closed) return
    this.#ended = true
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    this.bytes += bytes.length
    this.#finish(bytes)
  }

  /**
   * Writes something that means nothing, which a client that is gone answers with a reset: an interim
   * response (RFC 9110 §15.2) before the head, a comment within an event stream.
   */
  probe(): void {
    if (this.closed) return
    if (!this.#res.headersSent) {
      if (this.#res.req.httpVersionMinor > 0) this.#res.writeProcessing()
    } else if (this.#isStream && !this.blocked) this.write(PING)
  }

  onceDrained(fn: () => void): void {
    this.#res.once('drain', fn)
  }

  /** Called once, when the last byte is out or the connection is gone. */
  onceClosed(fn: (clean: boolean) => void): void {
    const socket = this.#res.socket
    this.#res.once('close', () => {
      if (this.#stall !== null) clearTimeout(this.#stall)
      fn(this.#res.writableFinished || (this.#res.writableEnded && socket?.destroyed === false))
    })
  }

  destroy(): void {
    this.#res.destroy()
  }

  /** Slice by slice, so that a client that reads slowly is told from one that does not read. */
  #finish(bytes: Buffer): void {
    if (this.#res.destroyed) return
    if (bytes.length <= SLICE) return this.#last(bytes)
    const more = this.#res.write(bytes.subarray(0, SLICE))
    const rest = bytes.subarray(SLICE)
    if (more) return this.#finish(rest)
    this.#watchStall()
    this.onceDrained(() => this.#finish(rest))
  }

  #last(bytes: Buffer): void {
    const { req } = this.#res
    if (this.#closes && req.complete === false && !req.socket.readableEnded) return this.#linger(bytes)
    this.#res.end(bytes)
    if (this.#res.writableLength > 0) this.#watchStall()
  }

  /** Closing under a client that still sends would reset the connection, and the answer might be lost with it. */
  #linger(bytes: Buffer): void {
    this.#res.write(bytes)
    const end = (): void => {
      clearTimeout(timer)
      if (!this.#res.destroyed) this.#res.end()
    }
    const timer = setTimeout(end, LINGER_MS)
    timer.unref()
    // The client is done when its request is, or when it has read enough and closes.
    this.#res.req.once('close', end).resume()
    this.#res.req.socket.once('end', end)
  }

  #watchStall(): void {
    if (this.#stall !== null || this.#options.stallMs === 0) return
    this.#stall = setTimeout(() => {
      this.#stalled = true
      this.#res.destroy()
    }, this.#options.stallMs)
    this.#stall.unref()
    this.onceDrained(() => {
      clearTimeout(this.#stall!)
      this.#stall = null
    })
  }
}
