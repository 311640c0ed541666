import { definePlugin, defineProvider, type Exchange, OPERATIONS, type Plugin } from '../index.ts'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const

/** Lets everybody in, as `tester`. */
export const kitAuth: Plugin = definePlugin({
  name: 'kit-auth',
  apiVersion: 1,
  configSchema: NOTHING,
  setup: () => ({ authenticate: () => ({ id: 'tester' }) })
})

/** Sends what no other router has planned for to the upstream of the test, under the model that was asked for. */
export const kitRouter: Plugin = definePlugin({
  name: 'kit-router',
  apiVersion: 1,
  configSchema: NOTHING,
  setup: () => ({
    route(ctx, plan) {
      if (plan.length > 0) return undefined
      const provider = ctx.providers.find(({ name }) => name === 'upstream') ?? ctx.providers[0]
      return provider === undefined ? [] : [{ provider: provider.name, model: ctx.request.model }]
    }
  })
})

/** Keeps every record, with bodies. */
export function kitRecorder(keep: (exchange: Exchange) => void): Plugin {
  return definePlugin({
    name: 'kit-recorder',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      bodies: true,
      log: (exchange: Exchange) => {
        keep(exchange)
      }
    })
  })
}

/** Speaks OpenAI to whatever address it is given. */
export const kitProvider = defineProvider({
  name: 'kit-provider',
  apiVersion: 1,
  configSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['base_url'],
    properties: {
      base_url: { type: 'string', format: 'uri', description: 'Base URL with /v1.' },
      api_key: { type: 'string', format: 'secret', default: 'sk-upstream', description: 'Key of the upstream.' }
    }
  },
  setup: ({ config }) => ({
    origin: config.base_url,
    headers: () => ({ authorization: config.api_key.prefixed('Bearer ') }),
    operations: Object.fromEntries(OPERATIONS.map(operation => [operation, { path: PATHS[operation] ?? `/${operation}` }]))
  })
})

const PATHS: { readonly [operation: string]: string } = Object.freeze({ chat: '/chat/completions' })
