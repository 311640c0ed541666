import { HeldBytes } from './held.ts'
import { FRAME_LIMIT, StreamLimitError } from './limit.ts'

const LF = 0x0a

/** Cuts newline-delimited JSON into lines, however the bytes arrive. Blank lines are passed over. */
export class NdjsonSplitter {
  readonly #limit: number
  readonly #held = new HeldBytes()

  /** `limit`: the most bytes of one line. */
  constructor(limit: number = FRAME_LIMIT) {
    this.#limit = limit
  }

  /**
   * The lines that are complete with this chunk. The chunk MUST NOT be changed afterwards.
   *
   * @throws {StreamLimitError} when a line is longer than the limit
   */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (;;) {
      const end = chunk.indexOf(LF, from)
      if (this.#held.length + (end < 0 ? chunk.length : end) - from > this.#limit) {
        throw new StreamLimitError('ndjson_line', `a line of the stream is longer than ${this.#limit} bytes`)
      }
      if (end < 0) break
      this.#held.add(chunk.subarray(from, end))
      this.#line(lines)
      from = end + 1
    }
    if (from < chunk.length) this.#held.add(chunk.subarray(from))
    return lines
  }

  /** The stream is over: what is left is the last line. */
  end(): string[] {
    const lines: string[] = []
    this.#line(lines)
    return lines
  }

  #line(lines: string[]): void {
    const line = this.#held.take().toString('utf8').trim()
    if (line !== '') lines.push(line)
  }
}
