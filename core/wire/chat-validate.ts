import { reject, type RequestBody } from '@headgate/api'
import {
  checkCount,
  checkInteger,
  checkModel,
  checkNumber,
  checkObjects,
  checkPresent,
  checkStream,
  checkText,
  invalidType
} from './check.ts'
import { isRecord, type JsonObject } from './record.ts'

/** Text that the gateway reads MUST be where it looks for it, or a policy would miss it. */
function checkParts(holder: JsonObject, field: string, path: string): void {
  const content = holder[field]
  if (content === undefined || content === null || typeof content === 'string') return
  if (!Array.isArray(content)) throw invalidType(path, 'a string or an array')
  const parts = checkObjects(holder, field, path)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as JsonObject
    checkText(part, 'text', `${path}[${i}].text`)
    checkText(part, 'refusal', `${path}[${i}].refusal`)
    if (typeof part.thinking !== 'string') {
      const thoughts = checkObjects(part, 'thinking', `${path}[${i}].thinking`)
      for (let j = 0; j < thoughts.length; j++) checkText(thoughts[j] as JsonObject, 'text', `${path}[${i}].thinking[${j}].text`)
    }
  }
}

/** A call of a function or a custom tool, or the old `function_call`, which is the function itself. */
function checkCalled(called: unknown, field: string, path: string): void {
  if (called === undefined || called === null) return
  if (!isRecord(called)) throw invalidType(path, 'an object')
  checkText(called, field, `${path}.${field}`)
}

function checkMessage(message: JsonObject, path: string): void {
  if (message.role === undefined) throw reject(400, 'missing_required_parameter', `${path}.role is required`, { param: `${path}.role` })
  if (typeof message.role !== 'string') throw invalidType(`${path}.role`, 'a string')
  checkParts(message, 'content', `${path}.content`)
  checkText(message, 'refusal', `${path}.refusal`)
  checkText(message, 'reasoning_content', `${path}.reasoning_content`)
  checkText(message, 'reasoning', `${path}.reasoning`)
  checkCalled(message.function_call, 'arguments', `${path}.function_call`)
  const calls = checkObjects(message, 'tool_calls', `${path}.tool_calls`)
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i] as JsonObject
    checkCalled(call.function, 'arguments', `${path}.tool_calls[${i}].function`)
    checkCalled(call.custom, 'input', `${path}.tool_calls[${i}].custom`)
  }
}

function checkMessages(body: JsonObject): void {
  checkPresent(body, 'messages')
  const messages = checkObjects(body, 'messages', 'messages')
  if (messages.length === 0) throw reject(400, 'empty_array', 'messages must not be empty', { param: 'messages' })
  for (let i = 0; i < messages.length; i++) checkMessage(messages[i] as JsonObject, `messages[${i}]`)
}

/** Checks a chat request: what routing needs, and the types of what is read; unknown fields pass. @throws {Reject} 400 with `param` */
export function validateChat(body: RequestBody): void {
  checkModel(body)
  checkMessages(body)
  checkStream(body)
  checkCount(body, 'n')
  checkInteger(body, 'max_tokens')
  checkInteger(body, 'max_completion_tokens')
  checkNumber(body, 'temperature')
  checkNumber(body, 'top_p')
  const tools = checkObjects(body, 'tools', 'tools')
  for (let i = 0; i < tools.length; i++) {
    checkCalled((tools[i] as JsonObject).function, 'description', `tools[${i}].function`)
    checkCalled((tools[i] as JsonObject).custom, 'description', `tools[${i}].custom`)
  }
  const functions = checkObjects(body, 'functions', 'functions')
  for (let i = 0; i < functions.length; i++) checkText(functions[i] as JsonObject, 'description', `functions[${i}].description`)
  if (isRecord(body.prediction)) checkParts(body.prediction, 'content', 'prediction.content')
}
