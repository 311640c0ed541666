import type { DeepReadonly, ResponseBody } from '@headgate/api'
import type { BodySnapshot } from './body.ts'
import { copyJson, freezeJson, sealJson } from './copy.ts'
import { isExact } from './number.ts'
import { parseExact } from './raw-json.ts'

/** A whole answer: the upstream's own bytes until a step edits it. */
export class AnswerBody {
  readonly #bytes: Buffer | null
  #value: unknown
  #isFrozen = false
  #draft: ResponseBody | undefined
  #sealed = false

  private constructor(bytes: Buffer | null, value: unknown) {
    this.#bytes = bytes
    this.#value = value
  }

  /** An answer that came as bytes, with what they say. */
  static received(bytes: Buffer, parsed: object): AnswerBody {
    return new AnswerBody(bytes, parsed)
  }

  /** An answer that was made here: by a step, a decoder or from a stream. */
  static made(value: ResponseBody): AnswerBody {
    return new AnswerBody(null, value)
  }

  /** The answer, deeply frozen; after {@link AnswerBody.edit} the draft, which {@link AnswerBody.seal} freezes. */
  get value(): DeepReadonly<ResponseBody> {
    if (this.#draft !== undefined) return this.#draft as DeepReadonly<ResponseBody>
    if (!this.#isFrozen) {
      this.#isFrozen = true
      this.#value = freezeJson(this.#value)
    }
    return this.#value as DeepReadonly<ResponseBody>
  }

  /** As {@link AnswerBody.value} without the cost of freezing, for readers that are trusted to change nothing. */
  get parsed(): ResponseBody {
    return this.#draft ?? (this.#value as ResponseBody)
  }

  /** The mutable answer; numbers that a double cannot hold stay exact in it. */
  edit(): ResponseBody {
    if (this.#draft === undefined)
      this.#draft = (this.#bytes === null ? copyJson(this.#value) : parseExact(this.#bytes.toString('utf8'), isExact)) as ResponseBody
    else if (this.#sealed) this.#draft = copyJson(this.#draft)
    this.#sealed = false
    return this.#draft
  }

  /** Freezes the draft; the next edit works on a copy. @throws {TypeError} when an edit put something into it that JSON cannot hold */
  seal(): void {
    if (this.#draft === undefined || this.#sealed) return
    this.#sealed = true
    sealJson(this.#draft)
  }

  snapshot(): BodySnapshot {
    return { draft: this.#draft === undefined ? null : copyJson(this.#draft) }
  }

  restore(snapshot: BodySnapshot): void {
    this.#draft = snapshot.draft === null ? undefined : (copyJson(snapshot.draft) as ResponseBody)
    this.#sealed = false
  }

  /** What the client gets. @throws {TypeError} when an edit put something into the answer that JSON cannot hold */
  bytes(): Buffer {
    if (this.#draft !== undefined) return Buffer.from(JSON.stringify(this.#draft))
    return this.#bytes ?? Buffer.from(JSON.stringify(this.#value))
  }
}
