/** `T` with every level read-only; `unknown` stays `unknown`. */
export type DeepReadonly<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends readonly (infer I)[]
    ? readonly DeepReadonly<I>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T

/** A part of a multi-part message (`text`, `image_url`, `input_audio`, `file`, `refusal`, …). */
export interface ContentPart {
  type: string
  text?: string
  [field: string]: unknown
}

/** A call of a tool by the model; `function.arguments` is JSON text as the model wrote it. */
export interface ToolCall {
  id?: string
  type?: string
  index?: number
  function?: { name?: string; arguments?: string; [field: string]: unknown }
  [field: string]: unknown
}

/** One message of a chat, in or out. Absent is not null. */
export interface ChatMessage {
  role: string
  content?: string | ContentPart[] | null
  tool_calls?: ToolCall[]
  tool_call_id?: string
  refusal?: string | null
  [field: string]: unknown
}

/** A client's request body. Only what routing needs is named; every other field survives untouched. */
export interface RequestBody {
  model: string
  stream?: boolean
  messages?: ChatMessage[]
  [field: string]: unknown
}

/** Tokens of an exchange in OpenAI's meaning: `prompt_tokens` includes cache reads and writes, `completion_tokens` includes reasoning. */
export interface WireUsage {
  prompt_tokens?: number
  completion_tokens?: number
  total_tokens?: number
  prompt_tokens_details?: { cached_tokens?: number | null; cache_write_tokens?: number | null; [field: string]: unknown } | null
  completion_tokens_details?: { reasoning_tokens?: number | null; [field: string]: unknown } | null
  [field: string]: unknown
}

/** One answer of a chat or text completion. */
export interface Choice {
  index?: number
  message?: ChatMessage
  text?: string
  finish_reason?: string | null
  [field: string]: unknown
}

/** A whole answer, in the shape of the client's operation. */
export interface ResponseBody {
  id?: string
  object?: string
  model?: string
  choices?: Choice[]
  usage?: WireUsage | null
  [field: string]: unknown
}

/** One choice of a stream chunk. */
export interface ChunkChoice {
  index?: number
  delta?: Partial<ChatMessage>
  text?: string
  finish_reason?: string | null
  [field: string]: unknown
}

/** One event of a streamed answer, in the shape of the client's operation. */
export interface Chunk {
  id?: string
  object?: string
  model?: string
  choices?: ChunkChoice[]
  usage?: WireUsage | null
  [field: string]: unknown
}

/** What a text span is, so that a policy can treat tool arguments apart from prose. */
export type TextKind =
  | 'system'
  | 'prompt'
  | 'answer'
  | 'reasoning'
  | 'refusal'
  | 'tool_description'
  | 'tool_arguments'
  | 'tool_result'
  | 'input'

/** One piece of text in a request or an answer. */
export interface TextSpan {
  text: string
  readonly kind: TextKind
  /** Where it stands, such as `messages[2].content[0].text`. */
  readonly path: string
}

/** One text channel of a streamed answer: all deltas of one kind of one choice. */
export interface Channel {
  readonly choice: number
  readonly kind: TextKind
  /** Index of the tool call for `tool_arguments`, else 0. */
  readonly index: number
}
