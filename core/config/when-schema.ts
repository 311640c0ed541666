import { PRINCIPAL_FIELDS } from './facts.ts'

const TEXT = { type: 'string', description: 'The value; * is any run of characters.' }
const TEXTS = { anyOf: [TEXT, { type: 'array', items: TEXT, minItems: 1, description: 'Any of these.' }] }
const SELF = { $ref: '#/$defs/when' }
const SELVES = { type: 'array', items: SELF, minItems: 1 }

const LIMIT = { type: 'number' }
const RANGE = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: { gt: LIMIT, gte: LIMIT, lt: LIMIT, lte: LIMIT }
}

function texts(description: string): object {
  return { description, ...TEXTS }
}

const PRINCIPAL = Object.fromEntries(PRINCIPAL_FIELDS.map(field => [`principal.${field}`, texts(`The ${field} of the caller.`)]))

/** JSON Schema of a `when` condition, for editors. */
export const WHEN_SCHEMA: object = {
  type: 'object',
  description: 'All of these must hold.',
  additionalProperties: false,
  properties: {
    model: texts('The model that the client asked for.'),
    operation: texts('The operation, such as chat or embeddings.'),
    path: texts('The path of the request.'),
    method: texts('The HTTP method.'),
    route: texts('Name of the route.'),
    stream: { description: 'Whether the client asked for a stream.', type: 'boolean' },
    tokens: { description: 'Estimated tokens of the prompt.', anyOf: [LIMIT, RANGE] },
    ...PRINCIPAL,
    not: { ...SELF, description: 'This must not hold.' },
    any: { ...SELVES, description: 'At least one of these must hold.' },
    all: { ...SELVES, description: 'All of these must hold.' }
  },
  patternProperties: {
    '^header\\..+': texts('A request header.'),
    '^principal\\.metadata\\..+': texts('Metadata of the caller.')
  }
}
