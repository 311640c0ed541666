import type { LocalAnswer } from '@headgate/api'
import type { BodySink, UpstreamResponse } from '../upstream/types.ts'
import { failureOf } from './upstream-fault.ts'

/** The answer of a provider that lives in the process, in the form of one that came over a socket. */
export class LocalResponse implements UpstreamResponse {
  readonly status: number
  readonly freeRetry = false
  readonly headers: { readonly [name: string]: string }
  readonly #body: Uint8Array | AsyncIterable<Uint8Array>
  #aborted = false
  #resume: (() => void) | null = null
  #paused = false

  private constructor(answer: LocalAnswer) {
    this.status = answer.status
    const headers: { [name: string]: string } = {}
    for (const name in answer.headers) headers[name.toLowerCase()] = answer.headers[name]!
    this.headers = headers
    this.#body = answer.body
  }

  static from(answer: LocalAnswer): LocalResponse {
    return new LocalResponse(answer)
  }

  pipe(sink: BodySink): void {
    const body = this.#body
    if (body instanceof Uint8Array) {
      queueMicrotask(() => {
        if (this.#aborted) return
        sink.data(Buffer.from(body.buffer, body.byteOffset, body.byteLength))
        if (!this.#aborted) sink.end()
      })
      return
    }
    this.#pump(body, sink).catch(() => {
      if (!this.#aborted) sink.error(failureOf('reset_mid'))
    })
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#resume?.()
    this.#resume = null
  }

  abort(): void {
    this.#aborted = true
    this.resume()
  }

  async read(limit: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of this.#body instanceof Uint8Array ? [this.#body] : this.#body) {
      size += piece.length
      if (size > limit) throw failureOf('size')
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  async #pump(body: AsyncIterable<Uint8Array>, sink: BodySink): Promise<void> {
    for await (const piece of body) {
      if (this.#paused)
        await new Promise<void>(resolve => {
          this.#resume = resolve
        })
      if (this.#aborted) return
      sink.data(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
    }
    if (!this.#aborted) sink.end()
  }
}
