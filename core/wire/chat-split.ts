import type { Chunk, ResponseBody } from '@headgate/api'
import { choiceIndex, choicesOf } from './delta.ts'
import { isRecord, type JsonObject } from './record.ts'

/** Fields of an answer that every chunk repeats; the others ride on the chunk of the first finish. */
const REPEATED = ['id', 'created', 'model', 'service_tier', 'system_fingerprint', 'provider']

/** Fields of a message that get chunks of their own. */
const OWN = ['role', 'content', 'refusal', 'tool_calls', 'reasoning', 'reasoning_content', 'reasoning_details', 'function_call']

function callDeltas(calls: unknown): JsonObject[] {
  if (!Array.isArray(calls)) return []
  const deltas: JsonObject[] = []
  calls.filter(isRecord).forEach((call, index) => {
    const field = isRecord(call.custom) ? 'custom' : 'function'
    const key = field === 'custom' ? 'input' : 'arguments'
    const called = isRecord(call[field]) ? call[field] : {}
    deltas.push({ tool_calls: [{ ...call, index, [field]: { ...called, [key]: '' } }] })
    if (called[key]) deltas.push({ tool_calls: [{ index, [field]: { [key]: called[key] } }] })
  })
  return deltas
}

/** The deltas of one message in the order in which a model writes: role, reasoning, text, refusal, calls. */
function messageDeltas(message: JsonObject): JsonObject[] {
  const first: JsonObject = { role: message.role ?? 'assistant', content: message.content === null ? null : '' }
  for (const key of Object.keys(message)) if (!OWN.includes(key)) first[key] = message[key]
  if (message.refusal !== undefined) first.refusal = null
  const deltas = [first]
  const thought: JsonObject = {}
  for (const key of ['reasoning_content', 'reasoning', 'reasoning_details']) if (message[key]) thought[key] = message[key]
  if (Object.keys(thought).length > 0) deltas.push(thought)
  if (typeof message.content === 'string' ? message.content !== '' : Array.isArray(message.content))
    deltas.push({ content: message.content })
  if (message.refusal) deltas.push({ refusal: message.refusal })
  if (isRecord(message.function_call)) deltas.push({ function_call: message.function_call })
  deltas.push(...callDeltas(message.tool_calls))
  return deltas
}

/** The index of the delta that the log probabilities belong to: the first with text, else the first of all. */
function textAt(deltas: readonly JsonObject[]): number {
  return Math.max(
    0,
    deltas.findIndex(delta => delta.role === undefined && (delta.content || delta.refusal))
  )
}

/** The chunks of a whole chat answer, as a stream of it would have had; usage comes last where it is asked for. */
export function splitChat(body: ResponseBody, includeUsage: boolean): Chunk[] {
  const base: JsonObject = {}
  const rest: JsonObject = {}
  for (const key of Object.keys(body)) {
    if (key === 'choices' || key === 'usage' || key === 'object') continue
    if (REPEATED.includes(key)) base[key] = body[key]
    else rest[key] = body[key]
  }
  const chunks: Chunk[] = []
  const make = (choices: JsonObject[], more: JsonObject = {}): void => {
    chunks.push({ ...base, object: 'chat.completion.chunk', choices, ...(includeUsage ? { usage: null } : {}), ...more })
  }
  for (const choice of choicesOf(body)) {
    const index = choiceIndex(choice)
    const { message, finish_reason: finish, logprobs, index: _index, ...more } = choice
    const deltas = messageDeltas(isRecord(message) ? message : {})
    const spelt = textAt(deltas)
    deltas.forEach((delta, place) => {
      make([{ index, delta, logprobs: place === spelt ? (logprobs ?? null) : null, finish_reason: null }])
    })
    make(
      [{ ...more, index, delta: {}, logprobs: null, finish_reason: finish ?? 'stop' }],
      chunks.some(chunk => chunk.choices?.[0]?.finish_reason) ? {} : rest
    )
  }
  if (includeUsage) make([], { usage: body.usage ?? null })
  return chunks
}
