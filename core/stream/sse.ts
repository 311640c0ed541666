import { HeldBytes } from './held.ts'
import { FRAME_LIMIT, StreamLimitError } from './limit.ts'

/** One event of a server-sent event stream. */
export interface SseFrame {
  /** The exact bytes, blank line included: written out one after the other, the frames are the stream. */
  readonly raw: Buffer
  /** The name in the `event` field, else the empty string. */
  readonly event: string
  /** The `data` lines joined by `\n`; null for a comment or a blank line. */
  readonly data: string | null
}

const LF = 0x0a
const CR = 0x0d

function hasBom(raw: Buffer): boolean {
  return raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf
}

/** True for `data:`. */
function isData(raw: Buffer): boolean {
  return raw[4] === 0x3a && raw[0] === 0x64 && raw[1] === 0x61 && raw[2] === 0x74 && raw[3] === 0x61
}

/** The field of a line: name, and value without the one space that may stand after the colon. */
function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  return [line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)]
}

function readLines(raw: Buffer, from: number): SseFrame {
  let event = ''
  let data: string | null = null
  for (const line of raw.toString('utf8', from).split(/\r\n|\r|\n/)) {
    if (line === '' || line[0] === ':') continue
    const [name, value] = fieldOf(line)
    if (name === 'event') event = value
    else if (name === 'data') data = data === null ? value : `${data}\n${value}`
  }
  return { raw, event, data }
}

/** The usual frame is one `data` line and two line feeds: it is read without being split. */
function readFrame(raw: Buffer, first: boolean): SseFrame {
  if (first && hasBom(raw)) return readLines(raw, 3)
  const end = raw.length - 2
  if (isData(raw) && raw[end] === LF && raw.indexOf(LF) === end && raw.indexOf(CR) < 0) {
    return { raw, event: '', data: raw.toString('utf8', raw[5] === 0x20 ? 6 : 5, end) }
  }
  return readLines(raw, 0)
}

/**
 * Cuts the bytes of a server-sent event stream into frames, however they arrive. Works on bytes and
 * decodes whole frames only, so no character is ever cut. A frame that lies within one chunk is a
 * view of it, not a copy.
 */
export class SseSplitter {
  readonly #limit: number
  readonly #held = new HeldBytes()
  #first = true
  /** No byte of the current line has come yet. */
  #lineEmpty = true
  /** The last byte was a carriage return: a line feed would belong to it. */
  #afterCr = false
  /** That carriage return ended the frame. */
  #closing = false
  /** The next line feed and carriage return of the chunk; kept, so that no byte is searched twice. */
  #nextLf = 0
  #nextCr = 0

  /** `limit`: the most bytes of one frame. */
  constructor(limit: number = FRAME_LIMIT) {
    this.#limit = limit
  }

  /**
   * The frames that are complete with this chunk. The chunk MUST NOT be changed afterwards.
   *
   * @throws {StreamLimitError} when a frame is longer than the limit
   */
  push(chunk: Buffer): SseFrame[] {
    const frames: SseFrame[] = []
    let from = 0
    this.#nextLf = this.#nextCr = -1
    for (;;) {
      const end = this.#frameEnd(chunk, from)
      if (this.#held.length + (end < 0 ? chunk.length : end) - from > this.#limit) {
        throw new StreamLimitError('sse_line', `an event of the stream is longer than ${this.#limit} bytes`)
      }
      if (end < 0) break
      frames.push(this.#frame(chunk.subarray(from, end)))
      from = end
    }
    if (from < chunk.length) this.#held.add(from === 0 ? chunk : chunk.subarray(from))
    return frames
  }

  /** The stream is over: what is left is the last event, though its blank line never came. */
  end(): SseFrame[] {
    const left = this.#held.take()
    return left.length === 0 ? [] : [readFrame(left, this.#first)]
  }

  #frame(tail: Buffer): SseFrame {
    let raw = tail
    if (this.#held.length > 0) {
      this.#held.add(tail)
      raw = this.#held.take()
    }
    const frame = readFrame(raw, this.#first)
    this.#first = false
    return frame
  }

  /** Index after the blank line that ends the current frame, or -1 when it is not in this chunk. */
  #frameEnd(chunk: Buffer, from: number): number {
    let at = from
    while (at < chunk.length) {
      const byte = chunk[at] as number
      if (this.#afterCr) {
        this.#afterCr = false
        const closed = this.#closing
        this.#closing = false
        if (byte === LF) at++
        if (closed) return at
        if (byte === LF) continue
      }
      if (byte === LF || byte === CR) {
        at++
        const blank = this.#lineEmpty
        this.#lineEmpty = true
        this.#afterCr = byte === CR
        this.#closing = blank && byte === CR
        if (blank && byte === LF) return at
        continue
      }
      this.#lineEmpty = false
      if (this.#nextLf < at) this.#nextLf = after(chunk, LF, at)
      if (this.#nextCr < at) this.#nextCr = after(chunk, CR, at)
      at = Math.min(this.#nextLf, this.#nextCr)
    }
    return -1
  }
}

/** Index of the first `byte` from `from` on, or the length of the chunk. */
function after(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from)
  return at < 0 ? chunk.length : at
}
