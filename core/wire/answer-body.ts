import type { DeepReadonly, ResponseBody } from '@headgate/api'
import type { BodySnapshot } from './body.ts'
import { copyJson, freezeJson } from './copy.ts'
import { isExact } from './number.ts'
import { parseExact } from './raw-json.ts'

/** A whole answer: the upstream's own bytes until a step edits it. */
export class AnswerBody {
  readonly #bytes: Buffer | null
  #value: unknown
  #isFrozen = false
  #draft: ResponseBody | undefined

  private constructor (bytes: Buffer | null, value: unknown) {
    this.#bytes = bytes
    this.#value = value
  }

  /** An answer that came as bytes, with what they say. */
  static received (bytes: Buffer, parsed: object): AnswerBody { return new AnswerBody(bytes, parsed) }

  /** An answer that was made here: by a step, a decoder or from a stream. */
  static made (value: ResponseBody): AnswerBody { return new AnswerBody(null, value) }

  /** The answer, deeply frozen; after {@link AnswerBody.edit} the draft. */
  get value (): DeepReadonly<ResponseBody> {
    if (this.#draft !== undefined) return this.#draft as DeepReadonly<ResponseBody>
    if (!this.#isFrozen) {
      this.#isFrozen = true
      this.#value = freezeJson(this.#value)
    }
    return this.#value as DeepReadonly<ResponseBody>
  }

  /** The mutable answer; numbers that a double cannot hold stay exact in it. */
  edit (): ResponseBody {
    this.#draft ??= (this.#bytes === null ? copyJson(this.#value) : parseExact(this.#bytes.toString('utf8'), isExact)) as ResponseBody
    return this.#draft
  }

  snapshot (): BodySnapshot { return { draft: this.#draft === undefined ? null : copyJson(this.#draft) } }

  restore (snapshot: BodySnapshot): void {
    this.#draft = snapshot.draft === null ? undefined : copyJson(snapshot.draft) as ResponseBody
  }

  /** What the client gets. @throws {TypeError} when an edit put something into the answer that JSON cannot hold */
  bytes (): Buffer {
    if (this.#draft !== undefined) return Buffer.from(JSON.stringify(this.#draft))
    return this.#bytes ?? Buffer.from(JSON.stringify(this.#value))
  }
}
