import { defineProvider, type LocalAnswer, type LocalCall } from '@headgate/api'
import { errorAnswer } from './answer-parts.ts'
import { answerChat } from './chat.ts'
import { answerCompletion } from './completion.ts'
import { configSchema, type Config } from './config.ts'
import { answerEmbedding } from './embedding.ts'

/** Answers in the process itself: the same every time, clearly labelled, without a network. */
export default defineProvider({
  name: 'provider-demo',
  apiVersion: 1,
  stability: 'beta',
  configSchema,
  setup: ({ config }) => ({
    local: true,
    models: config.models,
    operations: { chat: { path: '/chat/completions' }, completions: { path: '/completions' }, embeddings: { path: '/embeddings' } },
    answer(call) {
      return answerDemo(call, config)
    }
  })
})

function answerDemo(call: LocalCall, { models, delay }: Config): LocalAnswer {
  const { model } = call.target
  if (!models.includes(model))
    return errorAnswer(
      404,
      'model_not_found',
      `The model \`${model.slice(0, 128)}\` does not exist or you do not have access to it.`,
      'model'
    )
  switch (call.operation) {
    case 'chat':
      return answerChat(call, delay)
    case 'completions':
      return answerCompletion(call, delay)
    case 'embeddings':
      return answerEmbedding(call)
    default:
      return errorAnswer(404, 'unsupported_operation', `The demo does not answer ${call.operation}.`, null)
  }
}
