import { definePlugin, OPERATIONS, type Principal } from '@headgate/api'

/** Lets every caller in under one name: how a pipeline says on purpose that it is open. */
export default definePlugin({
  name: 'auth-none',
  apiVersion: 1,
  stability: 'beta',
  operations: OPERATIONS,
  configSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      id: {
        type: 'string',
        minLength: 1,
        maxLength: 128,
        default: 'anonymous',
        description: 'Name under which every caller appears in logs, limits and metrics.'
      }
    }
  },
  setup({ config }) {
    const anyone: Principal = Object.freeze({ id: config.id })
    return {
      authenticate() {
        return anyone
      }
    }
  }
})
