import type { Channel, Chunk, TextKind } from '@headgate/api'
import { isRecord, type JsonObject } from './record.ts'
import type { Holder } from './span.ts'
import type { Delta } from './types.ts'

/** A live text delta of a chunk. */
export class FieldDelta implements Delta {
  readonly channel: Channel
  readonly #holder: Holder
  readonly #key: string
  readonly #choice: Holder

  /** `choice` loses its log probabilities when the text changes: they spell it out. */
  constructor(holder: object, key: string, choice: JsonObject, kind: TextKind, index: number) {
    this.channel = { choice: choiceIndex(choice), kind, index }
    this.#holder = holder as Holder
    this.#key = key
    this.#choice = choice
  }

  get text(): string {
    return this.#holder[this.#key] as string
  }

  set text(text: string) {
    if (text === this.#holder[this.#key]) return
    this.#holder[this.#key] = text
    if (this.#choice.logprobs) this.#choice.logprobs = null
  }
}

/** Index of a choice; a missing or broken one is 0. */
export function choiceIndex(choice: JsonObject): number {
  return isIndex(choice.index) ? choice.index : 0
}

/** True for what counts from 0. */
export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The choices of a chunk or an answer that are objects at all. */
export function choicesOf(body: unknown): JsonObject[] {
  if (!isRecord(body) || !Array.isArray(body.choices)) return []
  return body.choices.every(isRecord) ? body.choices : body.choices.filter(isRecord)
}

/** The choice of `chunk` that has this index, or an empty one. */
export function choiceAt(chunk: Chunk, index: number): JsonObject {
  for (const choice of choicesOf(chunk)) if (choiceIndex(choice) === index) return choice
  return {}
}

/** Fields of a chunk that belong to the answer as a whole, not to one event. */
const COMMON = ['id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'provider']

/** A chunk like `template` with other choices. */
export function chunkLike(template: Chunk, choices: JsonObject[]): Chunk {
  const chunk: Chunk = {}
  for (const field of COMMON) if (template[field] !== undefined) chunk[field] = template[field]
  chunk.choices = choices
  if (template.usage !== undefined) chunk.usage = null
  return chunk
}

/** True for null, the empty string, the empty list and lists and objects of such. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.every(isBlank)
  return isRecord(value) && Object.values(value).every(isBlank)
}
