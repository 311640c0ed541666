import type { Channel, Chunk, ToolCall } from '@headgate/api'
import { choiceAt, choicesOf, chunkLike, FieldDelta, isBlank, isIndex } from './delta.ts'
import { isRecord, type JsonObject } from './record.ts'
import type { Delta } from './types.ts'

/** Channel indexes of the places where reasoning stands. Servers may repeat one text in two of them, so each is a channel of its own. */
const REASONING_CONTENT = 0
const REASONING = 1
const THINKING = 2
/** The first of `reasoning_details`, whose own index is added. */
const DETAILS = 3

/** Index of a tool call or a reasoning detail; where it is missing, its place in the list. */
export function itemIndex(item: JsonObject, place: number): number {
  return isIndex(item.index) ? item.index : place
}

class DeltaList {
  readonly deltas: Delta[] = []
  readonly #choice: JsonObject

  constructor(choice: JsonObject) {
    this.#choice = choice
  }

  add(holder: unknown, key: string, kind: Channel['kind'], index: number): void {
    if (!isRecord(holder) || typeof holder[key] !== 'string') return
    this.deltas.push(new FieldDelta(holder, key, this.#choice, kind, index))
  }

  reasoning(delta: JsonObject): void {
    this.add(delta, 'reasoning_content', 'reasoning', REASONING_CONTENT)
    this.add(delta, 'reasoning', 'reasoning', REASONING)
    if (!Array.isArray(delta.reasoning_details)) return
    delta.reasoning_details.forEach((detail: unknown, place) => {
      if (!isRecord(detail)) return
      this.add(detail, 'text', 'reasoning', DETAILS + itemIndex(detail, place))
      this.add(detail, 'summary', 'reasoning', DETAILS + itemIndex(detail, place))
    })
  }

  parts(parts: readonly unknown[]): void {
    for (const part of parts) {
      if (!isRecord(part)) continue
      this.add(part, 'text', 'answer', 0)
      this.add(part, 'refusal', 'refusal', 0)
      this.add(part, 'thinking', 'reasoning', THINKING)
      if (Array.isArray(part.thinking)) for (const thought of part.thinking) this.add(thought, 'text', 'reasoning', THINKING)
    }
  }

  calls(delta: JsonObject): void {
    this.add(delta.function_call, 'arguments', 'tool_arguments', 0)
    if (!Array.isArray(delta.tool_calls)) return
    delta.tool_calls.forEach((call: unknown, place) => {
      if (!isRecord(call)) return
      this.add(call.function, 'arguments', 'tool_arguments', itemIndex(call, place))
      this.add(call.custom, 'input', 'tool_arguments', itemIndex(call, place))
    })
  }
}

/** The text deltas of a chat chunk: per choice reasoning, content, refusal, tool arguments. */
export function chatDeltas(chunk: Chunk): Delta[] {
  const all: Delta[] = []
  for (const choice of choicesOf(chunk)) {
    if (!isRecord(choice.delta)) continue
    const list = new DeltaList(choice)
    list.reasoning(choice.delta)
    if (Array.isArray(choice.delta.content)) list.parts(choice.delta.content)
    else list.add(choice.delta, 'content', 'answer', 0)
    list.add(choice.delta, 'refusal', 'refusal', 0)
    list.calls(choice.delta)
    all.push(...list.deltas)
  }
  return all
}

function reasoningDelta(index: number, text: string): JsonObject {
  if (index === REASONING_CONTENT) return { reasoning_content: text }
  if (index === REASONING) return { reasoning: text }
  if (index === THINKING) return { content: [{ type: 'thinking', thinking: [{ type: 'text', text }] }] }
  return { reasoning_details: [{ type: 'reasoning.text', text, index: index - DETAILS }] }
}

/** Written as the template wrote it: the old `function_call`, a custom tool, or a function. */
function argumentsDelta(template: JsonObject, index: number, text: string): JsonObject {
  if (isRecord(template.function_call)) return { function_call: { arguments: text } }
  const calls = (Array.isArray(template.tool_calls) ? template.tool_calls : []) as ToolCall[]
  const custom = calls.some((call, place) => isRecord(call) && itemIndex(call, place) === index && isRecord(call.custom))
  return { tool_calls: [custom ? { index, custom: { input: text } } : { index, function: { arguments: text } }] }
}

/** A chunk that carries one text, in the spelling of `template`. */
export function chatTextChunk(template: Chunk, channel: Channel, text: string): Chunk {
  const { choice, kind, index } = channel
  const seen = choiceAt(template, choice).delta
  let delta: JsonObject = { content: text }
  if (kind === 'reasoning') delta = reasoningDelta(index, text)
  else if (kind === 'refusal') delta = { refusal: text }
  else if (kind === 'tool_arguments') delta = argumentsDelta(isRecord(seen) ? seen : {}, index, text)
  return chunkLike(template, [{ index: choice, delta, finish_reason: null }])
}

/** Fields that say what a text is; without the text they say nothing. */
const LABELS = ['index', 'type', 'format', 'channel']

/** True when a part of a delta has nothing to tell but its label. */
function isHollow(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isHollow)
  if (!isRecord(value)) return isBlank(value)
  for (const key of Object.keys(value)) if (!LABELS.includes(key) && !isHollow(value[key])) return false
  return true
}

/** True when nothing is left in a chat chunk worth sending: no text, role, call, finish reason, usage or error. */
export function isEmptyChat(chunk: Chunk): boolean {
  const choices = choicesOf(chunk)
  if (choices.length === 0 || !isBlank(chunk.usage) || !isBlank(chunk.error)) return false
  return choices.every(choice => isBlank(choice.finish_reason) && isBlank(choice.logprobs) && isHollow(choice.delta))
}
