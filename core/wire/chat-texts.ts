import type { RequestBody, ResponseBody, TextKind, TextSpan } from '@headgate/api'
import { isRecord, type JsonObject } from './record.ts'
import { SpanList } from './span.ts'

function kindOf(role: unknown): TextKind {
  if (role === 'system' || role === 'developer') return 'system'
  if (role === 'assistant') return 'answer'
  return role === 'tool' || role === 'function' ? 'tool_result' : 'prompt'
}

function callTexts(list: SpanList, message: JsonObject, path: string): void {
  list.text(message.function_call, 'arguments', 'tool_arguments', `${path}.function_call.arguments`)
  const calls = message.tool_calls
  if (!Array.isArray(calls)) return
  for (let i = 0; i < calls.length; i++) {
    const call: unknown = calls[i]
    if (!isRecord(call)) continue
    list.text(call.function, 'arguments', 'tool_arguments', `${path}.tool_calls[${i}].function.arguments`)
    list.text(call.custom, 'input', 'tool_arguments', `${path}.tool_calls[${i}].custom.input`)
  }
}

/** Every text of a message, in or out, in reading order. `reasoning_details` repeats `reasoning` and is walked too. */
function messageTexts(list: SpanList, message: JsonObject, kind: TextKind, path: string): void {
  list.text(message, 'reasoning_content', 'reasoning', `${path}.reasoning_content`)
  list.text(message, 'reasoning', 'reasoning', `${path}.reasoning`)
  list.list(message.reasoning_details, 'text', 'reasoning', `${path}.reasoning_details`)
  list.list(message.reasoning_details, 'summary', 'reasoning', `${path}.reasoning_details`)
  list.content(message, 'content', kind, `${path}.content`)
  list.text(message, 'refusal', 'refusal', `${path}.refusal`)
  callTexts(list, message, path)
}

/** The texts of a chat request: messages of every role, tool descriptions, tool arguments and results, a predicted answer. */
export function chatRequestTexts(body: RequestBody): TextSpan[] {
  const list = new SpanList()
  const messages: unknown = body.messages
  if (Array.isArray(messages)) {
    for (let i = 0; i < messages.length; i++) {
      const message: unknown = messages[i]
      if (isRecord(message)) messageTexts(list, message, kindOf(message.role), `messages[${i}]`)
    }
  }
  if (Array.isArray(body.tools)) {
    for (let i = 0; i < body.tools.length; i++) {
      const tool: unknown = body.tools[i]
      if (!isRecord(tool)) continue
      list.text(tool.function, 'description', 'tool_description', `tools[${i}].function.description`)
      list.text(tool.custom, 'description', 'tool_description', `tools[${i}].custom.description`)
    }
  }
  list.list(body.functions, 'description', 'tool_description', 'functions')
  if (isRecord(body.prediction)) list.content(body.prediction, 'content', 'prompt', 'prediction.content')
  return list.spans
}

/** The texts of a chat answer: content, reasoning, refusals, tool arguments of every choice. */
export function chatResponseTexts(body: ResponseBody): TextSpan[] {
  const list = new SpanList()
  const choices: unknown = body.choices
  if (!Array.isArray(choices)) return list.spans
  for (let i = 0; i < choices.length; i++) {
    const choice: unknown = choices[i]
    if (!isRecord(choice) || !isRecord(choice.message)) continue
    list.choice = choice
    messageTexts(list, choice.message, 'answer', `choices[${i}].message`)
  }
  return list.spans
}
