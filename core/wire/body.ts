import { reject, type DeepReadonly, type Reject } from '@headgate/api'
import { copyJson, freezeJson, sealJson } from './copy.ts'
import { parseBody } from './parse-body.ts'
import type { BodyField, BodyScan } from './scan.ts'
import { spliceFields } from './splice.ts'

/** The edits of a body at one moment, for {@link JsonBody.restore}. */
export interface BodySnapshot {
  /** A copy of the draft, null while nothing was edited. */
  readonly draft: unknown
}

/** Changes of top-level fields; undefined removes one. */
export interface FieldChanges {
  readonly [field: string]: unknown
}

function malformed(): Reject {
  return reject(400, 'invalid_json', 'the request body is not a valid JSON object')
}

/**
 * One JSON object, a request or an answer: read lazily, written without loss. As long as nobody
 * edits it, its bytes are what came in, and changes of top-level fields are spliced into them.
 */
export class JsonBody<T extends object> {
  readonly #bytes: Buffer
  readonly #scan: BodyScan
  #parsed: T | undefined
  #isFrozen = false
  #draft: T | undefined
  #sealed = false

  constructor(bytes: Buffer, scan: BodyScan) {
    this.#bytes = bytes
    this.#scan = scan
  }

  /** True once {@link JsonBody.edit} was called. */
  get dirty(): boolean {
    return this.#draft !== undefined
  }

  /**
   * The whole body, parsed at the first use and deeply frozen; after `edit` the draft, which {@link JsonBody.seal} freezes.
   *
   * @throws {Reject} 400 `invalid_json` when a string that the scan skipped is malformed
   */
  get value(): DeepReadonly<T> {
    if (this.#draft !== undefined) return this.#draft as DeepReadonly<T>
    const parsed = this.parsed
    if (!this.#isFrozen) {
      this.#isFrozen = true
      freezeJson(parsed)
    }
    return parsed as DeepReadonly<T>
  }

  /** As {@link JsonBody.value} without the cost of freezing, for readers that are trusted to change nothing. @throws {Reject} as `value` */
  get parsed(): T {
    if (this.#draft !== undefined) return this.#draft
    this.#parsed ??= this.#parse(false) as T
    return this.#parsed
  }

  /** A top-level string, number, boolean or null, without parsing the rest; undefined for anything else. @throws {Reject} as `value` */
  peek(key: string): unknown {
    const whole = this.#draft ?? this.#parsed
    if (whole !== undefined) {
      if (!Object.hasOwn(whole, key)) return undefined
      const value = (whole as FieldChanges)[key]
      return typeof value === 'object' ? (value === null ? null : undefined) : value
    }
    const field = this.#field(key)
    if (field === undefined) return undefined
    const first = this.#bytes[field.valueStart]
    return first === 0x7b || first === 0x5b ? undefined : this.#alone(field)
  }

  /** One top-level field of any kind, without parsing the rest; undefined where there is none. @throws {Reject} as `value` */
  read(key: string): unknown {
    // Escaped keys are only safe to read where the whole is parsed, see `parseBody`.
    const whole = this.#draft ?? (this.#scan.escapedKeys.length > 0 ? this.parsed : this.#parsed)
    if (whole !== undefined) return Object.hasOwn(whole, key) ? (whole as FieldChanges)[key] : undefined
    const field = this.#field(key)
    return field === undefined ? undefined : this.#alone(field)
  }

  /**
   * The mutable body; from now on the body is serialised anew. Numbers that a double cannot hold are
   * opaque objects in it that `JSON.stringify` writes as they were.
   *
   * @throws {Reject} as `value`
   */
  edit(): T {
    if (this.#draft === undefined) this.#draft = this.#parse(true) as T
    else if (this.#sealed) this.#draft = copyJson(this.#draft)
    this.#sealed = false
    return this.#draft
  }

  /**
   * Freezes the draft, so that whoever kept it can change nothing any more. The next `edit` works on a copy.
   *
   * @throws {TypeError} when an edit put something into the draft that JSON cannot hold
   */
  seal(): void {
    if (this.#draft === undefined || this.#sealed) return
    this.#sealed = true
    sealJson(this.#draft)
  }

  /** The edits so far. Free while there are none, else a copy of the whole draft. */
  snapshot(): BodySnapshot {
    return { draft: this.#draft === undefined ? null : copyJson(this.#draft) }
  }

  /** Undoes every edit since `snapshot`. A draft handed out since then is no longer part of the body. */
  restore(snapshot: BodySnapshot): void {
    this.#draft = snapshot.draft === null ? undefined : (copyJson(snapshot.draft) as T)
    this.#sealed = false
  }

  /**
   * The bytes to send, with some top-level fields changed. The bytes that came in, byte-order mark
   * apart, when nothing was.
   *
   * @throws {TypeError} when an edit put something into the draft that JSON cannot hold
   */
  bytes(changes: FieldChanges = {}): Buffer {
    if (this.#draft !== undefined) return Buffer.from(JSON.stringify({ ...this.#draft, ...changes }))
    const texts = new Map<string, string | undefined>()
    for (const key of Object.keys(changes)) {
      const text = JSON.stringify(changes[key]) as string | undefined
      if (this.#differs(key, text)) texts.set(key, text)
    }
    if (texts.size > 0) return spliceFields(this.#bytes, this.#scan, texts)
    return this.#bytes[0] === 0xef ? this.#bytes.subarray(this.#scan.start) : this.#bytes
  }

  #field(key: string): BodyField | undefined {
    for (const field of this.#scan.fields) if (field.key === key) return field
    return undefined
  }

  #differs(key: string, text: string | undefined): boolean {
    const field = this.#field(key)
    if (field === undefined) return text !== undefined
    return text === undefined || this.#bytes.toString('utf8', field.valueStart, field.valueEnd) !== text
  }

  #alone(field: BodyField): unknown {
    try {
      return JSON.parse(this.#bytes.toString('utf8', field.valueStart, field.valueEnd))
    } catch {
      throw malformed()
    }
  }

  #parse(exact: boolean): unknown {
    try {
      return parseBody(this.#bytes, this.#scan, exact)
    } catch {
      throw malformed()
    }
  }
}
