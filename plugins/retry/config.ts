import type { ErrorKind, Infer, Problem, Schema } from '@headgate/api'

/** Every kind of upstream error, as `retry_on` may name it. */
export const KINDS = [
  'invalid_request',
  'authentication',
  'permission',
  'not_found',
  'rate_limit',
  'quota',
  'overloaded',
  'context_length',
  'content_filter',
  'server_error',
  'timeout',
  'connect',
  'request_too_large',
  'bad_response',
  'egress_denied'
] as const satisfies readonly ErrorKind[]

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_attempts: {
      type: 'integer',
      minimum: 1,
      maximum: 10,
      default: 3,
      description: 'Attempts of one request in all, at every target together. The route may allow fewer.'
    },
    base: {
      type: 'string',
      format: 'duration',
      default: '100ms',
      description: 'Wait before the first repetition; it doubles with each further one.'
    },
    max: { type: 'string', format: 'duration', default: '5s', description: 'Longest wait. A Retry-After of the upstream may be longer.' },
    jitter: {
      enum: ['full', 'none'],
      default: 'full',
      description: 'Whether a wait is drawn at random between 0 and its length, so that clients do not return all at once.'
    },
    respect_retry_after: {
      type: 'boolean',
      default: true,
      description:
        'Wait at least as long as the upstream asks; where that is longer than the request may take, go to the next target or give up.'
    },
    retry_on: {
      type: 'array',
      items: { enum: KINDS },
      uniqueItems: true,
      description: 'Kinds of errors that may be repeated at the same target. By default every kind whose repetition is safe.'
    },
    fallback: { type: 'boolean', default: true, description: 'Go to the next target of the plan where repeating does not help.' },
    budget: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description:
        'Limits repetitions at one provider, so that retries never multiply the load on a provider in trouble. Going to another provider is free.',
      properties: {
        ratio: { type: 'number', minimum: 0, maximum: 1, default: 0.1, description: 'Repetitions allowed for each request in the window.' },
        window: { type: 'string', format: 'duration', default: '2m', description: 'Time that the budget looks back.' },
        min: {
          type: 'integer',
          minimum: 0,
          maximum: 1000,
          default: 3,
          description: 'Repetitions allowed in a window however few requests there are.'
        }
      }
    }
  }
} as const satisfies Schema

/** A valid config: durations in milliseconds. */
export type Config = Infer<typeof configSchema>

/** What the schema cannot say: waits that contradict each other. */
export function validate(config: Config): readonly Problem[] {
  const problems: Problem[] = []
  if (config.base > config.max)
    problems.push({ path: '/base', message: 'the first wait is longer than the longest', hint: 'raise `max` or lower `base`' })
  if (config.budget.window < 1000) problems.push({ path: '/budget/window', message: 'the window is shorter than a second' })
  return problems
}
