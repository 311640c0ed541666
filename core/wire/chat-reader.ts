import { choiceIndex, isBlank, isIndex } from './delta.ts'
import { isRecord, type JsonObject } from './record.ts'
import { CompletionReader, type ChoiceContent } from './stream-reader.ts'
import type { StreamReader } from './types.ts'

/** Fields of a delta that are part of the answer when they hold anything. */
const CONTENT = ['content', 'refusal', 'reasoning_content', 'reasoning', 'function_call', 'audio', 'images', 'annotations']

function hasText(detail: unknown): boolean {
  return isRecord(detail) && (!isBlank(detail.text) || !isBlank(detail.summary) || !isBlank(detail.data))
}

function hasContent(delta: JsonObject): boolean {
  for (const field of CONTENT) if (delta[field] !== undefined && !isBlank(delta[field])) return true
  if (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) return true
  return Array.isArray(delta.reasoning_details) && delta.reasoning_details.some(hasText)
}

/** Follows the tool calls of an answer: indexes begin at 0 without gaps, and the first piece of each has a name. */
class CallOrder {
  readonly #calls = new Map<number, number>()

  /** True when a piece is out of order. */
  isBroken(choice: number, calls: unknown): boolean {
    if (calls === undefined || calls === null) return false
    if (!Array.isArray(calls)) return true
    let broken = false
    for (const call of calls) {
      if (!isRecord(call) || !isIndex(call.index)) {
        broken = true
        continue
      }
      const known = this.#calls.get(choice) ?? 0
      if (call.index < known) continue
      const called = isRecord(call.function) ? call.function : isRecord(call.custom) ? call.custom : {}
      if (call.index > known || isBlank(called.name)) broken = true
      this.#calls.set(choice, call.index + 1)
    }
    return broken
  }
}

/** A reader of chat chunks. */
export function chatReader(): StreamReader {
  const order = new CallOrder()
  return new CompletionReader(function contentOf(choice): ChoiceContent {
    const { delta } = choice
    if (delta === undefined || delta === null) return { content: false, anomaly: false }
    if (!isRecord(delta)) return { content: false, anomaly: true }
    return { content: hasContent(delta), anomaly: order.isBroken(choiceIndex(choice), delta.tool_calls) }
  })
}
