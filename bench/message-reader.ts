/** What a reader tells about each message; `data` may come many times. */
export interface MessageHandler {
  /** Start line and headers as they stood, without the empty line. */
  head(text: string): void
  data(bytes: Buffer): void
  end(): void
}

const EMPTY = Buffer.alloc(0)
const HEAD = 0
const LENGTH = 1
const SIZE = 2
const CHUNK = 3
const AFTER = 4

/**
 * Reads HTTP/1.1 messages with a body of stated length or in chunks from a socket. It trusts its
 * peer, which keeps the mock and the load generator cheap beside what they measure.
 */
export class MessageReader {
  readonly #handler: MessageHandler
  #state = HEAD
  #rest: Buffer = EMPTY
  #left = 0

  constructor(handler: MessageHandler) {
    this.#handler = handler
  }

  /** Takes the next bytes of the socket. */
  push(bytes: Buffer): void {
    let buffer: Buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = EMPTY
    while (buffer.length > 0) {
      const used = this.#step(buffer)
      if (used === 0) {
        this.#rest = buffer
        return
      }
      buffer = buffer.subarray(used)
    }
  }

  /** Returns how many bytes it used, 0 when it needs more. */
  #step(buffer: Buffer): number {
    if (this.#state === HEAD) return this.#head(buffer)
    if (this.#state === LENGTH || this.#state === CHUNK) return this.#body(buffer)
    const line = buffer.indexOf('\r\n')
    if (line === -1) return 0
    if (this.#state === SIZE) this.#size(parseInt(buffer.toString('latin1', 0, line), 16))
    else if (line === 0) this.#finish()
    return line + 2
  }

  #head(buffer: Buffer): number {
    const at = buffer.indexOf('\r\n\r\n')
    if (at === -1) return 0
    const text = buffer.toString('latin1', 0, at)
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)
    this.#left = Number(length?.[1] ?? 0)
    this.#state = length === null && /\r\ntransfer-encoding: *chunked/i.test(text) ? SIZE : LENGTH
    this.#handler.head(text)
    if (this.#state === LENGTH && this.#left === 0) this.#finish()
    return at + 4
  }

  #body(buffer: Buffer): number {
    const used = Math.min(this.#left, buffer.length)
    const own = Math.min(used, this.#state === CHUNK ? this.#left - 2 : this.#left)
    this.#left -= used
    if (own > 0) this.#handler.data(buffer.subarray(0, own))
    if (this.#left > 0) return used
    if (this.#state === CHUNK) this.#state = SIZE
    else this.#finish()
    return used
  }

  #size(size: number): void {
    this.#left = size + 2
    this.#state = size === 0 ? AFTER : CHUNK
  }

  #finish(): void {
    this.#state = HEAD
    this.#handler.end()
  }
}
