import { write } from 'node:fs'

/** Characters of one write at most, so that one call never copies the whole queue. */
const BATCH = 256 * 1024

/** Characters that may wait in all, whatever the number of lines. */
const MAX_WAITING = 16 * 1024 * 1024

/** How long a pipe that is full is left alone, in milliseconds. */
const FULL_PIPE_MS = 20

/** Writes lines to a file descriptor in the background, in order, with bounded memory. */
export class LineWriter {
  readonly #fd: number
  readonly #maxLines: number
  readonly #onClosed: (err: Error) => void
  #lines: string[] = []
  #waiting = 0
  #busy = false
  #closed = false
  #idle: (() => void)[] = []

  /** Lines lost because too many waited or nobody reads any more. */
  dropped = 0

  /** `onClosed` is called once when the reader has gone away or the disk refuses. */
  constructor(fd: number, maxLines: number, onClosed: (err: Error) => void) {
    this.#fd = fd
    this.#maxLines = maxLines
    this.#onClosed = onClosed
  }

  /** Queues a line, given without its end. Returns at once; the newest line is dropped when the queue is full. */
  push(line: string): void {
    if (this.#closed || this.#lines.length >= this.#maxLines || this.#waiting + line.length > MAX_WAITING) {
      this.dropped++
      return
    }
    this.#lines.push(line)
    this.#waiting += line.length
    if (this.#busy) return
    this.#busy = true
    setImmediate(() => {
      this.#writeNext()
    })
  }

  /** Resolves when everything queued is written, or `deadline` is aborted. */
  flush(deadline: AbortSignal): Promise<void> {
    if (!this.#busy || deadline.aborted) return Promise.resolve()
    return new Promise(resolve => {
      deadline.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true }
      )
      this.#idle.push(resolve)
    })
  }

  /** Drops what still waits and takes no further lines: the descriptor may be closed afterwards. */
  stop(): void {
    this.#closed = true
    this.dropped += this.#lines.length
    this.#lines = []
    this.#waiting = 0
  }

  #writeNext(): void {
    let size = 0
    let count = 0
    while (count < this.#lines.length && (count === 0 || size + this.#lines[count]!.length <= BATCH)) size += this.#lines[count++]!.length
    if (count === 0) return this.#rest()
    const lines = this.#lines.splice(0, count)
    this.#waiting -= size
    this.#send(Buffer.from(lines.join('\n') + '\n'), lines.length)
  }

  #send(bytes: Buffer, lines: number): void {
    write(this.#fd, bytes, (err, written) => {
      if (err === null && written === bytes.length) return this.#writeNext()
      if (this.#closed) return this.#fail(err, lines)
      if (err === null) return this.#send(bytes.subarray(written), lines)
      if (err.code === 'EAGAIN')
        return void setTimeout(() => {
          this.#send(bytes, lines)
        }, FULL_PIPE_MS)
      this.#fail(err, lines)
    })
  }

  #fail(err: Error | null, lines: number): void {
    const first = !this.#closed
    this.dropped += lines
    this.stop()
    this.#rest()
    if (first && err !== null) this.#onClosed(err)
  }

  #rest(): void {
    this.#busy = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
