/** A stream has grown past a bound: a line, a frame, or what a transformer made of a chunk. */
export class StreamLimitError extends Error {
  override readonly name = 'StreamLimitError'
  /** Which bound: `sse_line`, `ndjson_line`, `transform`. */
  readonly limit: string

  constructor (limit: string, message: string) {
    super(message)
    this.limit = limit
  }
}

/** The most bytes of one frame or line of an upstream's stream: images come in one. */
export const FRAME_LIMIT = 16 * 1024 * 1024
