import type { BodySink } from './types.ts'

/** Puts a whole body together. */
export class BodyCollector implements BodySink {
  readonly #chunks: Buffer[] = []
  readonly #resolve: (body: Buffer) => void
  readonly #reject: (failure: Error) => void

  constructor(resolve: (body: Buffer) => void, reject: (failure: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  data(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  end(): void {
    const [first] = this.#chunks
    this.#resolve(this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks))
  }

  error(failure: Error): void {
    this.#reject(failure)
  }
}
