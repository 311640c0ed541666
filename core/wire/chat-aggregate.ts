import type { Chunk, ResponseBody } from '@headgate/api'
import { itemIndex } from './chat-deltas.ts'
import { choiceIndex, choicesOf } from './delta.ts'
import { keepFields, mergeField, mergeFields } from './merge.ts'
import { isRecord, type JsonObject } from './record.ts'
import { rawUsage } from './stream-reader.ts'
import type { Aggregator } from './types.ts'
import { readUsage } from './usage.ts'

/** Fields of a delta that are put together in a way of their own. */
const OWN = ['role', 'content', 'tool_calls', 'reasoning_details']

/** Parts of a content list, joined while they are of one kind. */
function addParts(parts: JsonObject[], added: readonly unknown[]): void {
  for (const part of added) {
    if (!isRecord(part)) continue
    const last = parts[parts.length - 1]
    if (last === undefined || last.type !== part.type || (part.type !== 'text' && part.type !== 'thinking'))
      parts.push(mergeFields({}, part))
    else if (Array.isArray(last.thinking) && Array.isArray(part.thinking)) addParts(last.thinking, part.thinking)
    else mergeFields(last, part)
  }
}

/** Puts the pieces of a list together by their `index`: texts joined, empty ids and names passed over. */
class Indexed {
  readonly #items = new Map<number, JsonObject>()

  add(pieces: unknown): void {
    if (!Array.isArray(pieces)) return
    pieces.forEach((piece: unknown, place) => {
      if (!isRecord(piece)) return
      const index = itemIndex(piece, place)
      const item = this.#items.get(index) ?? {}
      this.#items.set(index, item)
      mergeFields(item, piece)
    })
  }

  /** In order of their index. */
  list(): JsonObject[] {
    return [...this.#items].sort((a, b) => a[0] - b[0]).map(entry => entry[1])
  }
}

class ChatChoice {
  readonly #rest: JsonObject = {}
  readonly #message: JsonObject = {}
  readonly #calls = new Indexed()
  readonly #details = new Indexed()
  readonly #logprobs: JsonObject = {}
  #role = 'assistant'
  #text: string | null = null
  #parts: JsonObject[] | null = null
  #finish: unknown = null

  push(choice: JsonObject): void {
    keepFields(this.#rest, choice, ['index', 'delta', 'finish_reason', 'logprobs', 'usage'])
    this.#finish ??= choice.finish_reason === '' ? null : choice.finish_reason
    if (isRecord(choice.logprobs)) mergeFields(this.#logprobs, choice.logprobs)
    if (isRecord(choice.delta)) this.#pushDelta(choice.delta)
  }

  #pushDelta(delta: JsonObject): void {
    if (typeof delta.role === 'string' && delta.role !== '') this.#role = delta.role
    this.#pushContent(delta.content)
    this.#calls.add(delta.tool_calls)
    this.#details.add(delta.reasoning_details)
    for (const key of Object.keys(delta)) if (!OWN.includes(key)) mergeField(this.#message, key, delta[key])
  }

  #pushContent(content: unknown): void {
    if (Array.isArray(content)) {
      this.#parts ??= this.#text ? [{ type: 'text', text: this.#text }] : []
      addParts(this.#parts, content)
    } else if (typeof content === 'string') {
      if (this.#parts === null) this.#text = (this.#text ?? '') + content
      else if (content !== '') addParts(this.#parts, [{ type: 'text', text: content }])
    }
  }

  result(index: number): JsonObject {
    const calls = this.#calls.list()
    const details = this.#details.list()
    const message: JsonObject = { role: this.#role, content: this.#content(calls.length > 0), ...this.#message }
    if (details.length > 0) message.reasoning_details = details
    if (calls.length > 0) {
      for (const call of calls) delete call.index
      message.tool_calls = calls
    }
    const logprobs = Object.keys(this.#logprobs).length > 0 ? this.#logprobs : null
    return { ...this.#rest, index, message, logprobs, finish_reason: this.#finish ?? null }
  }

  /** An unstreamed answer has null where it says nothing but a call or a refusal. */
  #content(hasCalls: boolean): unknown {
    if (this.#parts !== null) return this.#parts
    return this.#text === '' && (hasCalls || this.#message.refusal) ? null : this.#text
  }
}

/** Puts chat chunks together. Choices and calls may interleave; the last valid usage wins. */
export class ChatAggregator implements Aggregator {
  readonly #rest: JsonObject = {}
  readonly #choices = new Map<number, ChatChoice>()
  #usage: unknown = null

  push(chunk: Chunk): void {
    if (!isRecord(chunk)) return
    const choices = choicesOf(chunk)
    keepFields(this.#rest, chunk, ['choices', 'usage', 'object', 'obfuscation'])
    const usage = rawUsage(chunk, choices)
    if (readUsage(usage) !== null) this.#usage = usage
    for (const choice of choices) {
      const index = choiceIndex(choice)
      const known = this.#choices.get(index) ?? new ChatChoice()
      this.#choices.set(index, known)
      known.push(choice)
    }
  }

  result(): ResponseBody {
    const choices = [...this.#choices].sort((a, b) => a[0] - b[0]).map(([index, choice]) => choice.result(index))
    const body: ResponseBody = { ...this.#rest, object: 'chat.completion', choices }
    if (this.#usage !== null) body.usage = this.#usage as NonNullable<ResponseBody['usage']>
    return body
  }
}
