/** A stream has grown past a bound: a line, a frame, or what a transformer made of a chunk. */
export class StreamLimitError extends Error {
  override readonly name = 'StreamLimitError'
  /** Which bound: `sse_line`, `ndjson_line`, `transform`. */
  readonly limit: string

  constructor(limit: string, message: string) {
    super(message)
    this.limit = limit
  }
}

/** A stream hook or its transformer returned something of the wrong type. */
export class ShapeError extends TypeError {
  override readonly name = 'ShapeError'
}

/** The most bytes of one frame or line of an upstream's stream: images come in one. */
export const FRAME_LIMIT = 16 * 1024 * 1024
