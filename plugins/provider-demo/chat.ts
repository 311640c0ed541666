import type { LocalAnswer, LocalCall } from '@headgate/api'
import { CREATED, idOf, jsonAnswer, streamAnswer, usageOf, wantsUsage } from './answer-parts.ts'
import { replyToChat, type Reply } from './reply.ts'

/** Choices of one answer at most. */
const MAX_CHOICES = 8

/** Answers a chat, whole or as a stream. `delay` is the wait before each streamed word in milliseconds. */
export function answerChat(call: LocalCall, delay: number): LocalAnswer {
  const reply = replyToChat(call.request)
  const { n } = call.request
  const choices = typeof n === 'number' && n >= 1 ? Math.min(Math.floor(n), MAX_CHOICES) : 1
  if (call.request.stream === true) return streamAnswer(chunks(call, reply, choices), delay, call.signal)
  return jsonAnswer({
    id: idOf('chatcmpl', call),
    object: 'chat.completion',
    created: CREATED,
    model: call.target.model,
    choices: Array.from({ length: choices }, (_, index) => ({
      index,
      message: messageOf(reply, call, index),
      logprobs: null,
      finish_reason: reply.finish
    })),
    usage: usageOf(reply.promptTokens, reply.completionTokens * choices),
    system_fingerprint: 'demo'
  })
}

function messageOf(reply: Reply, call: LocalCall, index: number): unknown {
  if (reply.call === undefined) return { role: 'assistant', content: reply.pieces.join(''), refusal: null }
  return {
    role: 'assistant',
    content: null,
    refusal: null,
    tool_calls: [{ id: callId(call, index), type: 'function', function: reply.call }]
  }
}

function callId(call: LocalCall, index: number): string {
  return `${idOf('call', call)}${index}`
}

function* chunks(call: LocalCall, reply: Reply, choices: number): Generator<unknown> {
  const usage = wantsUsage(call)
  const head = {
    id: idOf('chatcmpl', call),
    object: 'chat.completion.chunk',
    created: CREATED,
    model: call.target.model,
    system_fingerprint: 'demo'
  }
  function chunk(index: number, delta: unknown, finish: string | null): unknown {
    return { ...head, choices: [{ index, delta, logprobs: null, finish_reason: finish }], ...(usage && { usage: null }) }
  }
  for (let index = 0; index < choices; index++) {
    if (reply.call === undefined) {
      yield chunk(index, { role: 'assistant', content: '', refusal: null }, null)
      for (const content of reply.pieces) yield chunk(index, { content }, null)
    } else {
      yield chunk(
        index,
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ index: 0, id: callId(call, index), type: 'function', function: { name: reply.call.name, arguments: '' } }]
        },
        null
      )
      for (const piece of reply.pieces) yield chunk(index, { tool_calls: [{ index: 0, function: { arguments: piece } }] }, null)
    }
    yield chunk(index, {}, reply.finish)
  }
  if (usage) yield { ...head, choices: [], usage: usageOf(reply.promptTokens, reply.completionTokens * choices) }
}
