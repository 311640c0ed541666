import type { Exchange, May, RequestBody, ResponseBody } from '../index.ts'
import type { TestAnswer } from './answer.ts'
import type { TestGateway, TestPlugin } from './gateway.ts'
import { cuts, piecesOf, type Cut } from './answer-pieces.ts'
import { reply } from './reply.ts'
import type { ReceivedRequest, Source } from './script.ts'
import { sse } from './sse.ts'

/** What happened in a case. */
export interface Seen {
  readonly answer: TestAnswer
  /** Whether the client asked for a stream. */
  readonly streamed: boolean
  /** What reached the upstream. */
  readonly requests: readonly ReceivedRequest[]
  readonly exchange: Exchange
}

/** One request, what the model answers, and what must come of it. */
export interface PluginCase {
  readonly name: string
  /** By default `/v1/chat/completions`; `GET` for paths under `/v1/models`. */
  readonly path?: string
  readonly request?: Partial<RequestBody>
  readonly headers?: { readonly [name: string]: string }
  /** What the model says: a text, or a whole answer. Streamed requests get it in pieces. */
  readonly answer?: string | ResponseBody
  /** What the upstream does in place of answering; the case is then not run in pieces. */
  readonly upstream?: Source
  /** What must come of it, streamed or not. A status below 400 and no code where it is absent. */
  readonly expect?: { readonly status?: number; readonly code?: string; readonly text?: string }
  /** Looks at the rest. @throws {Error} when it is not as it should be */
  check?(seen: Seen): May<void>
}

/** How the kit runs a plugin. */
export interface PluginTestOptions {
  /** Options as they stand in the YAML. */
  readonly config?: object
  readonly cases?: readonly PluginCase[]
  /** Instances before it in the pipeline: they write what it reads, or provide the services it requires. */
  readonly before?: { readonly [name: string]: TestPlugin }
  /** Why its hooks take more than 50 µs, where they do. */
  readonly slow?: string
  /** Wall clock in milliseconds; by default it stands still. */
  readonly now?: () => number
}

/** The case of plugins for which none was given. */
export const DEFAULT_CASES: readonly PluginCase[] = Object.freeze([{ name: 'a chat', check: () => undefined }])

const ANSWER = 'Answers <a@b.io> are [fine], naïve 👍 and short.'

/** A whole answer of a case. */
export function bodyOf({ answer = ANSWER, path }: PluginCase): ResponseBody {
  if (typeof answer !== 'string') return answer
  const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }
  const head = { id: 'kit-1', created: 1_735_689_600, model: 'test-model', usage }
  if (path === '/v1/completions')
    return { ...head, object: 'text_completion', choices: [{ index: 0, text: answer, finish_reason: 'stop' }] }
  if (path === '/v1/embeddings')
    return {
      object: 'list',
      model: 'test-model',
      data: [{ object: 'embedding', index: 0, embedding: [0.6, 0.8] }],
      usage: { prompt_tokens: 5, total_tokens: 5 }
    }
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: 'stop' }]
  }
}

/** Length of the longest text of an answer, in characters. */
export function longestText(body: ResponseBody): number {
  let longest = 0
  for (const { message, text } of body.choices ?? []) {
    const texts = [
      text,
      message?.content,
      message?.refusal,
      message?.['reasoning_content'],
      ...(message?.tool_calls ?? []).map(call => call.function?.arguments)
    ]
    for (const one of texts) if (typeof one === 'string') longest = Math.max(longest, one.length)
  }
  return longest
}

/** True for operations whose answers stream. */
export function streams({ path = '/v1/chat/completions' }: PluginCase): boolean {
  return path === '/v1/chat/completions' || path === '/v1/completions'
}

/** Runs a case once; `cut` asks for a stream, cut like that. */
export async function runCase(gateway: TestGateway, one: PluginCase, cut: Cut | null = null): Promise<Seen> {
  const { path = '/v1/chat/completions' } = one
  const before = gateway.upstream.requests.length
  const body = bodyOf(one)
  gateway.upstream.use(one.upstream ?? (cut === null ? reply({ json: body }) : sse(piecesOf(body, cut) as { [name: string]: unknown }[])))
  const isGet = path.startsWith('/v1/models')
  const request = isGet ? undefined : { ...blankRequest(path), ...one.request, ...(cut !== null && { stream: true }) }
  const answer = await gateway.request(isGet ? 'GET' : 'POST', path, request, one.headers)
  return { answer, streamed: cut !== null, requests: gateway.upstream.requests.slice(before), exchange: gateway.exchange }
}

function blankRequest(path: string): object {
  if (path === '/v1/chat/completions') return { model: 'test-model', messages: [{ role: 'user', content: 'Hello from <c@d.io>' }] }
  return path === '/v1/completions' ? { model: 'test-model', prompt: 'Hello' } : { model: 'test-model', input: 'Hello' }
}

/** What is not as the case expects. */
export async function problemsOf(one: PluginCase, seen: Seen): Promise<string[]> {
  const { answer } = seen
  const { expect } = one
  const problems: string[] = []
  const how = seen.streamed ? 'streamed' : 'whole'
  if (expect?.status !== undefined && answer.status !== expect.status && !(seen.streamed && answer.error !== undefined))
    problems.push(`${how}: status ${answer.status}, not ${expect.status}: ${answer.raw.toString().slice(0, 300)}`)
  if (
    expect?.status === undefined &&
    expect?.code === undefined &&
    one.upstream === undefined &&
    (answer.status >= 400 || answer.error !== undefined)
  )
    problems.push(`${how}: status ${answer.status}: ${answer.raw.toString().slice(0, 300)}`)
  if (expect?.code !== undefined && answer.error?.code !== expect.code)
    problems.push(`${how}: code ${answer.error?.code ?? 'none'}, not ${expect.code}`)
  if (expect?.text !== undefined && answer.text !== expect.text)
    problems.push(`${how}: text ${JSON.stringify(answer.text)}, not ${JSON.stringify(expect.text)}`)
  try {
    await one.check?.(seen)
  } catch (error) {
    problems.push(`${how}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return problems
}

/** The two ways to ask that every case is run in. */
export function waysOf(one: PluginCase): (Cut | null)[] {
  return streams(one) && one.upstream === undefined ? [null, cuts(0)[1]!] : [null]
}
