// What the compiler must refuse about the shape of a plugin. Never run: `tsc` fails where a line
// that is expected to be an error is none.
import { definePlugin, type Plugin } from '@headgate/api'

const configSchema = { type: 'object', additionalProperties: false, properties: {} } as const

export const fine: Plugin = definePlugin({
  name: 'fine',
  apiVersion: 1,
  configSchema,
  setup: () => ({ receive () { /* nothing to do */ }, start () { /* opens nothing */ }, close () { /* closes nothing */ } })
})

// A misspelt hook alone.
definePlugin({
  name: 'misspelt',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error `requests` is no hook
  setup: () => ({ requests () { /* never called */ } })
})

// A misspelt hook beside a right one.
definePlugin({
  name: 'beside',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error `gaurd` is no hook
  setup: () => ({ request () { /* nothing to do */ }, gaurd () { /* never called */ } })
})

// The same from an asynchronous setup.
definePlugin({
  name: 'promised',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error `responses` is no hook
  setup: async () => ({ responses () { /* never called */ } })
})

// A hook that is no function.
definePlugin({
  name: 'value',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a hook is a function
  setup: () => ({ request: true })
})

// @ts-expect-error a version of the contract that does not exist
definePlugin({ name: 'version', apiVersion: 2, configSchema, setup: () => ({ receive () { /* nothing to do */ } }) })

// @ts-expect-error a plugin without a schema
definePlugin({ name: 'schemaless', apiVersion: 1, setup: () => ({ receive () { /* nothing to do */ } }) })

// @ts-expect-error a word that `streaming` does not know
definePlugin({ name: 'streaming', apiVersion: 1, configSchema, streaming: 'chunks', setup: () => ({ response () { /* nothing to do */ } }) })

// @ts-expect-error an operation that does not exist
definePlugin({ name: 'operations', apiVersion: 1, configSchema, operations: ['chats'], setup: () => ({ receive () { /* nothing to do */ } }) })

// @ts-expect-error a secret that nobody hands out
definePlugin({ name: 'secrets', apiVersion: 1, configSchema, secrets: ['upstream_key'], setup: () => ({ receive () { /* nothing to do */ } }) })
