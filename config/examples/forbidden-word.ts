import { definePlugin, reject } from '@headgate/api'

export default definePlugin({
  name: 'forbidden-word',
  apiVersion: 1,
  configSchema: { type: 'object', additionalProperties: false, properties: { word: { type: 'string', description: 'Refused word' } } },
  setup: ({ config: { word = 'xyzzy' } }) => ({
    guard(ctx) {
      if (ctx.texts().some(span => span.text.includes(word))) throw reject(403, 'forbidden_word', 'A word is not allowed here.')
    }
  })
})
