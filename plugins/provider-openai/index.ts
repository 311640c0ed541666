import { defineProvider } from '@headgate/api'
import { configSchema } from './config.ts'
import { readError } from './error-reading.ts'
import { headersOf } from './headers.ts'
import { serverOf } from './server.ts'
import { validate } from './validate.ts'

/** OpenAI and every server that speaks its API: bytes pass through as they are. */
export default defineProvider({
  name: 'provider-openai',
  apiVersion: 1,
  stability: 'beta',
  configSchema,
  validate,
  setup({ config }) {
    const { origin, local, usageInStream } = serverOf(config)
    const headers = headersOf(config)
    return {
      origin,
      local,
      headers() {
        return headers
      },
      operations: {
        chat: { path: '/chat/completions', usageInStream },
        completions: { path: '/completions', usageInStream },
        embeddings: { path: '/embeddings' }
      },
      ...(config.models !== undefined && { models: config.models }),
      error: readError
    }
  }
})
