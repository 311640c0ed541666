import type { Infer, Problem, Schema } from '@headgate/api'

/** Shortest pepper that may come from the config, in characters. */
const MIN_PEPPER = 32

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: {
      type: 'string',
      minLength: 1,
      description: 'Key file, relative to the config file. By default `keys.json` in the data folder.'
    },
    pepper: {
      type: 'string',
      format: 'secret',
      description:
        'Secret that goes into every digest, at least 32 characters. By default 32 random bytes in `pepper` in the data folder, made on the first start.'
    },
    refresh: { type: 'string', format: 'duration', default: '1s', description: 'How often the key file is looked at for changes.' },
    throttle: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'Stops an address that keeps sending bad keys.',
      properties: {
        failures: {
          type: 'integer',
          minimum: 0,
          maximum: 1_000_000,
          default: 20,
          description: 'Bad keys of one address in a window after which it gets 429; 0 turns the throttle off.'
        },
        window: {
          type: 'string',
          format: 'duration',
          default: '1m',
          description: 'Time from the first bad key until the count starts anew.'
        }
      }
    }
  }
} as const satisfies Schema

/** A valid config: durations in milliseconds. */
export type Config = Infer<typeof configSchema>

/** What the schema cannot say: the length of a secret, and times too short to make sense. */
export function validate({ pepper, refresh, throttle }: Config): readonly Problem[] {
  const problems: Problem[] = []
  if (pepper !== undefined && pepper.length < MIN_PEPPER)
    problems.push({
      path: '/pepper',
      message: `the pepper is shorter than ${MIN_PEPPER} characters`,
      hint: 'make one with `openssl rand -hex 32`'
    })
  if (refresh < 100) problems.push({ path: '/refresh', message: 'the key file would be looked at more than ten times a second' })
  if (throttle.window < 1000)
    problems.push({
      path: '/throttle/window',
      message: 'the window is shorter than a second',
      hint: 'to turn the throttle off write failures: 0'
    })
  return problems
}
