import type { Chunk } from '@headgate/api'
import { choiceIndex, choicesOf, isIndex } from './delta.ts'
import { isRecord, type JsonObject } from './record.ts'
import type { ChunkFacts, StreamReader } from './types.ts'
import { readUsage } from './usage.ts'

/** What a choice of a chunk carries. */
export interface ChoiceContent {
  readonly content: boolean
  readonly anomaly: boolean
}

/** The error of a chunk, in the places where servers put one, or null. */
function errorOf(chunk: JsonObject, choices: readonly JsonObject[]): unknown {
  if (chunk.error) return chunk.error
  if (chunk.object === 'error' || (chunk.type === 'error' && chunk.choices === undefined)) return chunk
  for (const choice of choices) if (choice.error) return choice.error
  return null
}

/** The usage object of a chunk: OpenAI's place, Groq's older one, and that of servers which put it into a choice. */
export function rawUsage(chunk: JsonObject, choices: readonly JsonObject[]): unknown {
  if (isRecord(chunk.usage)) return chunk.usage
  if (isRecord(chunk.x_groq) && isRecord(chunk.x_groq.usage)) return chunk.x_groq.usage
  for (const choice of choices) if (isRecord(choice.usage)) return choice.usage
  return null
}

/** Reads the chunks of one chat or text completion. What a choice carries differs and is told by `contentOf`, of which there is one per answer. */
export class CompletionReader implements StreamReader {
  readonly #contentOf: (choice: JsonObject) => ChoiceContent
  readonly #finished = new Map<number, boolean>()

  constructor(contentOf: (choice: JsonObject) => ChoiceContent) {
    this.#contentOf = contentOf
  }

  complete(): boolean {
    for (const finished of this.#finished.values()) if (!finished) return false
    return this.#finished.size > 0
  }

  read(chunk: Chunk): ChunkFacts {
    const choices = choicesOf(chunk)
    let content = false
    let finished = false
    let anomaly = !isRecord(chunk) || (chunk.choices !== undefined && choices.length !== (chunk.choices as unknown[] | null)?.length)
    const seen = new Set<number>()
    for (const choice of choices) {
      const index = choiceIndex(choice)
      const over = this.#finished.get(index) === true
      const ends = typeof choice.finish_reason === 'string' && choice.finish_reason !== ''
      const found = this.#contentOf(choice)
      if (found.anomaly || seen.has(index) || !isIndex(choice.index) || (over && (ends || found.content))) anomaly = true
      seen.add(index)
      content ||= found.content || ends
      finished ||= ends
      if (!over) this.#finished.set(index, ends)
    }
    const raw = isRecord(chunk) ? rawUsage(chunk, choices) : null
    const usage = readUsage(raw)
    const error = isRecord(chunk) ? errorOf(chunk, choices) : null
    const usageOnly = raw !== null && !content && error === null && this.#past(choices)
    return { content, finished, usage, usageOnly, error, anomaly: anomaly || (raw !== null && usage === null) }
  }

  /** True when every choice in the list was over before: servers hang an empty one on their usage. */
  #past(choices: readonly JsonObject[]): boolean {
    for (const choice of choices) if (this.#finished.get(choiceIndex(choice)) !== true) return false
    return true
  }
}
