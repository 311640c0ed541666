import type { ServerResponse } from 'node:http'

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
  status = 0
  bytes = 0

  constructor (res: ServerResponse, options: ReplyOptions) {
    this.#res = res
    this.#options = options
  }

  get headSent (): boolean { return this.#res.headersSent }
  get closed (): boolean { return this.#res.destroyed || this.#res.writableEnded }
  /** True when the client was cut off because it would not read. */
  get stalled (): boolean { return this.#stalled }

  head (status: number, headers: { readonly [name: string]: string | number }): void {
    if (this.#res.headersSent || this.#res.destroyed) return
    this.status = status
    this.#res.writeHead(status, this.#options.closing() ? { ...headers, connection: 'close' } : { ...headers })
  }

  /** Sends the head at once, so that a stream is seen to have begun. */
  flush (): void { this.#res.flushHeaders() }

  /** False when the client reads slower than we write: write no more before {@link onceDrained}. */
  write (chunk: Buffer | string): boolean {
    if (this.closed) return true
    this.bytes += chunk.length
    const more = this.#res.write(chunk)
    if (!more) this.#watchStall()
    return more
  }

  end (chunk?: Buffer | string): void {
    if (this.closed) return
    if (chunk === undefined) this.#res.end()
    else {
      this.bytes += chunk.length
      this.#res.end(chunk)
    }
    if (this.#res.writableLength > 0) this.#watchStall()
  }

  onceDrained (fn: () => void): void { this.#res.once('drain', fn) }

  /** Called once, when the last byte is out or the connection is gone. */
  onceClosed (fn: (clean: boolean) => void): void {
    this.#res.once('close', () => {
      if (this.#stall !== null) clearTimeout(this.#stall)
      fn(this.#res.writableFinished)
    })
  }

  destroy (): void { this.#res.destroy() }

  #watchStall (): void {
    if (this.#stall !== null || this.#options.stallMs === 0) return
    const before = this.#res.socket?.bytesWritten ?? 0
    this.#stall = setTimeout(() => {
      this.#stall = null
      if (this.closed && this.#res.writableLength === 0) return
      if ((this.#res.socket?.bytesWritten ?? 0) > before && this.#res.writableLength > 0) return this.#watchStall()
      if (this.#res.writableLength === 0) return
      this.#stalled = true
      this.#res.destroy()
    }, this.#options.stallMs)
    this.#stall.unref()
  }
}
