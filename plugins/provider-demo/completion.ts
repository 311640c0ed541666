import type { LocalAnswer, LocalCall } from '@headgate/api'
import { CREATED, idOf, jsonAnswer, streamAnswer, usageOf, wantsUsage } from './answer-parts.ts'
import { inputsOf } from './input.ts'
import { replyToPrompt, type Reply } from './reply.ts'

/** Answers a text completion, one choice a prompt, whole or as a stream. */
export function answerCompletion(call: LocalCall, delay: number): LocalAnswer {
  const replies = inputsOf(call.request['prompt']).map(prompt => replyToPrompt(prompt, call.request['max_tokens']))
  if (call.request.stream === true) return streamAnswer(chunks(call, replies), delay, call.signal)
  return jsonAnswer({
    id: idOf('cmpl', call),
    object: 'text_completion',
    created: CREATED,
    model: call.target.model,
    choices: replies.map((reply, index) => ({ index, text: reply.pieces.join(''), logprobs: null, finish_reason: reply.finish })),
    usage: sum(replies)
  })
}

function* chunks(call: LocalCall, replies: readonly Reply[]): Generator<unknown> {
  const usage = wantsUsage(call)
  const head = { id: idOf('cmpl', call), object: 'text_completion', created: CREATED, model: call.target.model }
  for (const [index, reply] of replies.entries()) {
    for (const [at, text] of reply.pieces.entries()) {
      const finish = at === reply.pieces.length - 1 ? reply.finish : null
      yield { ...head, choices: [{ index, text, logprobs: null, finish_reason: finish }], ...(usage && { usage: null }) }
    }
  }
  if (usage) yield { ...head, choices: [], usage: sum(replies) }
}

function sum(replies: readonly Reply[]): ReturnType<typeof usageOf> {
  return usageOf(
    replies.reduce((total, reply) => total + reply.promptTokens, 0),
    replies.reduce((total, reply) => total + reply.completionTokens, 0)
  )
}
