import type { Infer, Problem, Schema } from '@headgate/api'
import { SENSITIVE } from './headers.ts'

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    bodies: {
      type: 'boolean',
      default: false,
      description: 'Write the bodies of request and answer too, as the plugins of the pipeline left them.'
    },
    max_body: { type: 'string', format: 'size', default: '64kb', description: 'A larger body is left out.' },
    headers: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      uniqueItems: true,
      default: ['accept', 'content-type', 'content-length', 'traceparent', 'user-agent', 'x-request-id'],
      description: 'Client headers that are written. Headers that carry credentials are refused.'
    },
    pretty: {
      enum: ['auto', true, false],
      default: 'auto',
      description: 'A short line for people in place of JSON; `auto` does so on a terminal.'
    },
    file: { type: 'string', minLength: 1, description: 'Append to this file in place of stdout; relative to the config file.' },
    queue: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 10_000,
      description: 'Lines that may wait for a slow reader; further ones are dropped and counted.'
    }
  }
} as const satisfies Schema

/** A valid config: sizes in bytes. */
export type Config = Infer<typeof configSchema>

/** What the schema cannot say: headers that must never be written. */
export function validate(config: Config): readonly Problem[] {
  return config.headers.flatMap((name, index) =>
    SENSITIVE.has(name.toLowerCase()) ? [{ path: `/headers/${index}`, message: `"${name}" carries credentials and is never logged` }] : []
  )
}
