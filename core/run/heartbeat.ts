import type { Reply } from './reply.ts'

/** A comment, which readers of event streams pass over. */
export const PING = ': ping\n\n'

/** Headers of every event stream. `x-accel-buffering` keeps nginx from holding events back. */
export const STREAM_HEADERS: { readonly [name: string]: string } = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no'
})

/**
 * Writes a comment after each `ms` of silence, so that no proxy or client takes a thinking model
 * for a dead connection. The first one sends the status line, but is no part of the answer.
 */
export class Heartbeat {
  readonly #reply: Reply
  readonly #head: () => { readonly [name: string]: string }
  readonly #timer: NodeJS.Timeout | null
  #held = false

  constructor(reply: Reply, ms: number, head: () => { readonly [name: string]: string }) {
    this.#reply = reply
    this.#head = head
    this.#timer = ms > 0 ? setInterval(() => this.#beat(), ms) : null
    this.#timer?.unref()
  }

  /** While held no comment goes out: a verdict on the request is still open. */
  hold(held: boolean): void {
    this.#held = held
  }

  /** Something else was written: the silence begins anew. */
  heard(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  #beat(): void {
    // A comment for a client that does not read would only make it look alive.
    if (this.#held || this.#reply.closed || this.#reply.blocked) return
    if (!this.#reply.headSent) this.#reply.head(200, this.#head())
    this.#reply.write(PING)
  }
}
