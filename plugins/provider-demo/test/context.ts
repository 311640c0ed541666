import type { Env, LocalAnswer, LocalCall, Operation, ProviderInstance, RequestBody } from '@headgate/api'
import OpenAI from 'openai'
import plugin from '../index.ts'

const OPERATION: { readonly [path: string]: Operation } = {
  '/chat/completions': 'chat',
  '/completions': 'completions',
  '/embeddings': 'embeddings'
}

/** Sets the demo up. */
export async function setup(config: { [name: string]: unknown } = {}): Promise<ProviderInstance> {
  return plugin.setup({ config: { models: ['demo'], delay: 0, ...config } } as unknown as Env<unknown, Record<never, never>>)
}

/** A request to the demo as the core makes it. */
export function callOf(operation: Operation, request: RequestBody, signal: AbortSignal = new AbortController().signal): LocalCall {
  return { operation, request, target: { provider: 'demo', model: request.model }, signal } as unknown as LocalCall
}

/** The whole body of an answer as text. */
export async function textOf(answer: LocalAnswer): Promise<string> {
  if (answer.body instanceof Uint8Array) return Buffer.from(answer.body).toString()
  const pieces: Uint8Array[] = []
  for await (const piece of answer.body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

/** The official client, talking to the demo without a network. */
export async function client(config: { [name: string]: unknown } = {}): Promise<OpenAI> {
  const demo = await setup(config)
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'http://demo',
    maxRetries: 0,
    async fetch(url, init) {
      const operation = OPERATION[new URL(String(url)).pathname]!
      const answer = await demo.answer!(callOf(operation, JSON.parse(String(init?.body)) as RequestBody))
      const body = answer.body instanceof Uint8Array ? new Uint8Array(answer.body) : ReadableStream.from(answer.body)
      return new Response(body, { status: answer.status, headers: answer.headers ?? {} })
    }
  })
}
