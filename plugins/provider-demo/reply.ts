import type { DeepReadonly, RequestBody } from '@headgate/api'
import { exampleOf } from './example.ts'
import { lastUserText, messagesOf, textOf } from './message.ts'
import { chooseCall, type DemoCall } from './tool-choice.ts'
import { countWords, piecesOf, quote } from './words.ts'

const NOTE = 'This answer was made inside the gateway: no model was asked and nothing left this machine.'

/** What the demo answers: a text or a tool call, and what it counts as. */
export interface Reply {
  /** The text word by word, or the arguments of the call in pieces. */
  readonly pieces: readonly string[]
  readonly call: DemoCall | undefined
  readonly finish: 'stop' | 'length' | 'tool_calls'
  readonly promptTokens: number
  readonly completionTokens: number
}

/** The answer to a chat. Depends on the request alone. */
export function replyToChat(request: DeepReadonly<RequestBody>): Reply {
  const messages = messagesOf(request)
  const promptTokens = messages.reduce((sum, message) => sum + countWords(textOf(message)), 0)
  const last = messages[messages.length - 1]
  const call = last?.role === 'user' ? chooseCall(request) : undefined
  if (call !== undefined) {
    const pieces = call.arguments.match(/.{1,12}/gsu) ?? []
    return { pieces, call, finish: 'tool_calls', promptTokens, completionTokens: pieces.length }
  }
  const format = formatted(request)
  if (format !== undefined) return textReply(format, promptTokens, undefined)
  const text =
    last?.role === 'tool'
      ? `[demo] The tool answered: "${quote(textOf(last))}". ${NOTE}`
      : `[demo] You said: "${quote(lastUserText(messages))}". ${NOTE}`
  return textReply(text, promptTokens, request['max_completion_tokens'] ?? request['max_tokens'])
}

/** The answer to one prompt of a text completion. */
export function replyToPrompt(prompt: string, limit: unknown): Reply {
  return textReply(`[demo] The prompt was: "${quote(prompt)}". ${NOTE}`, countWords(prompt), limit)
}

function textReply(text: string, promptTokens: number, limit: unknown): Reply {
  const all = piecesOf(text)
  const max = typeof limit === 'number' && limit >= 1 ? Math.floor(limit) : Infinity
  const pieces = all.length > max ? all.slice(0, max) : all
  return { pieces, call: undefined, finish: pieces === all ? 'stop' : 'length', promptTokens, completionTokens: pieces.length }
}

/** JSON text where the request asks for JSON, fitting its schema. */
function formatted(request: DeepReadonly<RequestBody>): string | undefined {
  const format = request['response_format'] as
    | { readonly type?: unknown; readonly json_schema?: { readonly schema?: unknown } }
    | null
    | undefined
  if (format?.type === 'json_object') return JSON.stringify({ demo: true, text: quote(lastUserText(messagesOf(request))) })
  return format?.type === 'json_schema' ? JSON.stringify(exampleOf(format.json_schema?.schema)) : undefined
}
