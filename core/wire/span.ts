import type { TextKind, TextSpan } from '@headgate/api'
import { isRecord } from './record.ts'

/** Something that holds a text under a name or an index. */
export interface Holder {
  [key: string | number]: unknown
}

/** A live text: reading and assigning `text` goes to the field of a body. Assigning throws a TypeError on a frozen body. */
export class FieldSpan implements TextSpan {
  readonly kind: TextKind
  readonly path: string
  readonly #holder: Holder
  readonly #key: string | number
  readonly #choice: Holder | undefined

  /** `choice` is the choice of an answer that the text belongs to: its log probabilities spell the text out and go when it changes. */
  constructor(holder: object, key: string | number, kind: TextKind, path: string, choice?: object) {
    this.#holder = holder as Holder
    this.#key = key
    this.kind = kind
    this.path = path
    this.#choice = choice as Holder | undefined
  }

  get text(): string {
    return this.#holder[this.#key] as string
  }

  set text(text: string) {
    if (text === this.#holder[this.#key]) return
    this.#holder[this.#key] = text
    if (this.#choice?.logprobs) this.#choice.logprobs = null
  }
}

/** Collects the spans of one body. */
export class SpanList {
  readonly spans: TextSpan[] = []
  /** The choice that the following spans belong to. */
  choice: object | undefined

  /** Adds `holder[key]` where it is a non-empty string. */
  text(holder: unknown, key: string | number, kind: TextKind, path: string): void {
    if (typeof holder !== 'object' || holder === null) return
    const value = (holder as Holder)[key]
    if (typeof value === 'string' && value !== '') this.spans.push(new FieldSpan(holder, key, kind, path, this.choice))
  }

  /** Adds a string, or every string of a list: `prompt`, `input`. */
  textOrList(holder: object, key: string, kind: TextKind): void {
    const value = (holder as Holder)[key]
    if (!Array.isArray(value)) return this.text(holder, key, kind, key)
    for (let i = 0; i < value.length; i++) this.text(value, i, kind, `${key}[${i}]`)
  }

  /** Adds a string, or the texts of a list of parts: `text`, `refusal`, and Mistral's `thinking`. */
  content(holder: object, key: string, kind: TextKind, path: string): void {
    const value = (holder as Holder)[key]
    if (!Array.isArray(value)) return this.text(holder, key, kind, path)
    for (let i = 0; i < value.length; i++) {
      const part: unknown = value[i]
      if (!isRecord(part)) continue
      this.text(part, 'text', kind, `${path}[${i}].text`)
      this.text(part, 'refusal', 'refusal', `${path}[${i}].refusal`)
      this.text(part, 'thinking', 'reasoning', `${path}[${i}].thinking`)
      this.list(part.thinking, 'text', 'reasoning', `${path}[${i}].thinking`)
    }
  }

  /** Adds `key` of every object of a list. */
  list(value: unknown, key: string, kind: TextKind, path: string): void {
    if (!Array.isArray(value)) return
    for (let i = 0; i < value.length; i++) this.text(value[i], key, kind, `${path}[${i}].${key}`)
  }
}
