import type { Infer, Schema } from '@headgate/api'

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    models: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      default: ['demo'],
      description: 'Names of the models; all of them answer alike.'
    },
    delay: { type: 'string', format: 'duration', default: '0ms', description: 'Wait before each word of a streamed answer.' }
  }
} as const satisfies Schema

/** A valid config: durations in milliseconds. */
export type Config = Infer<typeof configSchema>
