import type { Infer, Schema } from '@headgate/api'

const target = {
  type: 'string',
  minLength: 3,
  maxLength: 512,
  description:
    'A target, `provider/model`; the n-th `*` takes what the n-th `*` of the name matched, or the whole name where the name has none.'
} as const

const entry = {
  anyOf: [
    target,
    {
      type: 'object',
      additionalProperties: false,
      required: ['target'],
      description: 'A target with a weight.',
      properties: {
        target,
        weight: {
          type: 'number',
          minimum: 0,
          maximum: 1_000_000,
          description: 'Share of the requests, beside the weights of the others; 1 by default. 0 is a fallback only.'
        }
      }
    }
  ]
} as const

const targets = {
  type: 'array',
  items: entry,
  minItems: 1,
  maxItems: 64,
  description: 'Targets, tried in this order; if one has a weight, the first is drawn by weight.'
} as const

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    models: {
      type: 'object',
      default: {},
      description:
        'What a requested model name means. In a name `*` is any run of characters; an exact name wins over a pattern, a longer pattern over a shorter one.',
      additionalProperties: {
        anyOf: [
          target,
          targets,
          {
            type: 'object',
            additionalProperties: false,
            required: ['strategy', 'targets'],
            description: 'Targets with a strategy.',
            properties: {
              strategy: {
                enum: ['ordered', 'weighted'],
                description: '`ordered` tries them as they stand; `weighted` draws the first by weight, the others follow, heaviest first.'
              },
              targets
            }
          },
          {
            type: 'object',
            additionalProperties: false,
            required: ['alias'],
            description: 'Another name for a model.',
            properties: { alias: { type: 'string', minLength: 1, maxLength: 512, description: 'The name that is meant.' } }
          }
        ]
      }
    },
    direct: {
      type: 'boolean',
      default: true,
      description:
        'Serve names that `models` does not have: `provider/model`, and the bare name of a model that exactly one provider advertises.'
    }
  }
} as const satisfies Schema

/** A valid config. */
export type Config = Infer<typeof configSchema>

/** What one name of `models` stands for. */
export type RuleConfig = Config['models'][string]

/** One target of a list. */
export type EntryConfig = string | { readonly target: string; readonly weight?: number }
