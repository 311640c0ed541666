import type { Infer, Problem, Schema } from '@headgate/api'

/** Shortest pepper that may come from the config, in characters. */
const MIN_PEPPER = 32

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: { type: 'string', minLength: 1, description: 'Key file, relative to the config file. By default `keys.json` in the data folder.' },
    pepper: { type: 'string', format: 'secret', description: 'Secret that goes into every digest, at least 32 characters. By default 32 random bytes in `pepper` in the data folder, made on the first start.' },
    refresh: { type: 'string', format: 'duration', default: '1s', description: 'How often the key file is looked at for changes.' },
    throttle: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Stops an address that keeps sending bad keys.',
      properties: {
        failures: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 20, description: 'Bad keys of one address in a window after which it gets 429; 0 turns the throttle off.' },
        window: { type: 'string', format: 'duration', default: '1m', description: 'Time from the first bad key until the count starts anew.' }
      }
    }
  }
} as const satisfies Schema

/** A valid config: durations in milliseconds. */
export type Config = Infer<typeof configSchema>

/** What the schema cannot say: the length of a secret. */
export function validate (config: Config): readonly Problem[] {
  if (config.pepper === undefined || config.pepper.length >= MIN_PEPPER) return []
  return [{ path: '/pepper', message: `the pepper is shorter than ${MIN_PEPPER} characters`, hint: 'make one with `openssl rand -hex 32`' }]
}
