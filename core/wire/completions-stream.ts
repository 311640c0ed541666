import type { Channel, Chunk, ResponseBody } from '@headgate/api'
import { choiceIndex, choicesOf, chunkLike, FieldDelta, isBlank } from './delta.ts'
import { keepFields, mergeFields } from './merge.ts'
import { isRecord, type JsonObject } from './record.ts'
import { CompletionReader, rawUsage } from './stream-reader.ts'
import type { Aggregator, Delta, StreamDialect } from './types.ts'
import { readUsage } from './usage.ts'

const REPEATED = ['id', 'created', 'model', 'system_fingerprint', 'service_tier', 'provider']

function deltas(chunk: Chunk): Delta[] {
  const list: Delta[] = []
  for (const choice of choicesOf(chunk)) {
    if (typeof choice.text === 'string') list.push(new FieldDelta(choice, 'text', choice, 'answer', 0))
  }
  return list
}

function textChunk(template: Chunk, channel: Channel, text: string): Chunk {
  return chunkLike(template, [{ index: channel.choice, text, logprobs: null, finish_reason: null }])
}

function isEmpty(chunk: Chunk): boolean {
  const choices = choicesOf(chunk)
  if (choices.length === 0 || !isBlank(chunk.usage) || !isBlank(chunk.error)) return false
  return choices.every(choice => isBlank(choice.text) && isBlank(choice.finish_reason) && isBlank(choice.logprobs))
}

class CompletionsAggregator implements Aggregator {
  readonly #rest: JsonObject = {}
  readonly #choices = new Map<number, { text: string; logprobs: JsonObject; rest: JsonObject; finish: unknown }>()
  #usage: unknown = null

  push(chunk: Chunk): void {
    if (!isRecord(chunk)) return
    const choices = choicesOf(chunk)
    keepFields(this.#rest, chunk, ['choices', 'usage', 'object', 'obfuscation'])
    const usage = rawUsage(chunk, choices)
    if (readUsage(usage) !== null) this.#usage = usage
    for (const choice of choices) this.#add(choice)
  }

  #add(choice: JsonObject): void {
    const index = choiceIndex(choice)
    const known = this.#choices.get(index) ?? { text: '', logprobs: {}, rest: {}, finish: null }
    this.#choices.set(index, known)
    if (typeof choice.text === 'string') known.text += choice.text
    if (isRecord(choice.logprobs)) mergeFields(known.logprobs, choice.logprobs)
    known.finish ||= choice.finish_reason ?? null
    keepFields(known.rest, choice, ['index', 'text', 'logprobs', 'finish_reason', 'usage'])
  }

  result(): ResponseBody {
    const choices = [...this.#choices]
      .sort((a, b) => a[0] - b[0])
      .map(([index, { text, logprobs, rest, finish }]) => {
        return {
          ...rest,
          index,
          text,
          logprobs: Object.keys(logprobs).length > 0 ? logprobs : null,
          finish_reason: (finish || null) as string | null
        }
      })
    const body: ResponseBody = { ...this.#rest, object: 'text_completion', choices }
    if (this.#usage !== null) body.usage = this.#usage as NonNullable<ResponseBody['usage']>
    return body
  }
}

function split(body: ResponseBody, includeUsage: boolean): Chunk[] {
  const base: JsonObject = {}
  const rest: JsonObject = {}
  for (const key of Object.keys(body)) {
    if (key === 'choices' || key === 'usage' || key === 'object') continue
    if (REPEATED.includes(key)) base[key] = body[key]
    else rest[key] = body[key]
  }
  const usage = includeUsage ? { usage: null } : {}
  const chunks: Chunk[] = []
  choicesOf(body).forEach((choice, place) => {
    const { text, logprobs, finish_reason: finish, ...more } = choice
    const index = choiceIndex(choice)
    chunks.push({
      ...base,
      object: 'text_completion',
      choices: [{ index, text: typeof text === 'string' ? text : '', logprobs: logprobs ?? null, finish_reason: null }],
      ...usage
    })
    const last = { ...more, index, text: '', logprobs: null, finish_reason: typeof finish === 'string' ? finish : 'stop' }
    chunks.push({ ...base, object: 'text_completion', choices: [last], ...usage, ...(place === 0 ? rest : {}) })
  })
  if (includeUsage) chunks.push({ ...base, object: 'text_completion', choices: [], usage: body.usage ?? null })
  return chunks
}

/** How streamed text completions look. */
export const completionsStream: StreamDialect = Object.freeze<StreamDialect>({
  reader: () => new CompletionReader(choice => ({ content: !isBlank(choice.text), anomaly: false })),
  deltas,
  isEmpty,
  textChunk,
  aggregator: () => new CompletionsAggregator(),
  split,
  done: '[DONE]'
})
