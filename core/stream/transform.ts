import type { Chunk } from '@headgate/api'
import type { StreamDialect } from '../wire/types.ts'
import { TransformStage, type CreateTransform } from './stage.ts'

/**
 * Runs the chunks of one streamed answer through the transformers of several steps, in the order
 * given. A chunk that nobody changed comes back as the same object, so its original bytes can be
 * sent; a changed one is always another object.
 */
export class ChannelTransforms {
  readonly #stages: readonly TransformStage[]

  /** `steps`: for each step what makes its transformers; asked once for every text channel, and again when a channel opens anew. */
  constructor(dialect: StreamDialect, steps: readonly CreateTransform[]) {
    this.#stages = steps.map(create => new TransformStage(dialect, create))
  }

  /**
   * What is to be sent for a chunk, none or several.
   *
   * @throws {TypeError} when a transformer returns something of the wrong type
   * @throws {StreamLimitError} when a transformer returns more than 8 MiB or 1024 chunks
   */
  chunk(chunk: Chunk): Chunk[] {
    return this.#run([chunk], 0)
  }

  /** The stream has ended cleanly: what the transformers still hold. Call it once. @throws as `chunk` */
  end(): Chunk[] {
    const out: Chunk[] = []
    for (let i = 0; i < this.#stages.length; i++) {
      const stage = this.#stages[i] as TransformStage
      out.push(...this.#run(stage.end(), i + 1))
    }
    return out
  }

  #run(chunks: Chunk[], from: number): Chunk[] {
    let current = chunks
    for (let i = from; i < this.#stages.length && current.length > 0; i++) {
      const stage = this.#stages[i] as TransformStage
      const [only] = current
      current = current.length === 1 && only !== undefined ? stage.chunk(only) : current.flatMap(chunk => stage.chunk(chunk))
    }
    return current
  }
}
