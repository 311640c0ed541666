type Fields = { readonly [name: string]: unknown }

const MAX_DEPTH = 8

/** Texts for well-known formats. */
const BY_FORMAT: { readonly [format: string]: string } = {
  date: '2025-01-01',
  time: '12:00:00Z',
  'date-time': '2025-01-01T12:00:00Z',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '192.0.2.1',
  hostname: 'example.com'
}

/** A value that fits a JSON Schema, the same each time. Keywords beyond types, choices and bounds are not looked at. */
export function exampleOf(schema: unknown, name = 'value'): unknown {
  return example(schema, name, schema, 0)
}

function example(schema: unknown, name: string, root: unknown, depth: number): unknown {
  if (!isFields(schema) || depth > MAX_DEPTH) return null
  const target = resolve(schema, root)
  if (target !== schema) return example(target, name, root, depth + 1)
  const given = givenValue(schema)
  if (given !== undefined) return given
  const choice = firstOf(schema['anyOf']) ?? firstOf(schema['oneOf']) ?? firstOf(schema['allOf'])
  if (choice !== undefined && schema['properties'] === undefined) return example(choice, name, root, depth + 1)
  switch (typeOf(schema)) {
    case 'object':
      return objectOf(schema, root, depth)
    case 'array':
      return Array.from({ length: Math.min(Math.max(1, numberOf(schema['minItems']) ?? 1), 8) }, () =>
        example(schema['items'] ?? { type: 'string' }, name, root, depth + 1)
      )
    case 'integer':
      return Math.ceil(lowest(schema))
    case 'number':
      return lowest(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return textOf(schema, name)
  }
}

function objectOf(schema: Fields, root: unknown, depth: number): Fields {
  const properties = isFields(schema['properties']) ? schema['properties'] : {}
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  const names = required.length > 0 ? required : Object.keys(properties)
  const filled: [string, unknown][] = []
  for (const name of names)
    if (typeof name === 'string' && Object.hasOwn(properties, name)) filled.push([name, example(properties[name], name, root, depth + 1)])
  return Object.fromEntries(filled)
}

function givenValue(schema: Fields): unknown {
  if (schema['const'] !== undefined) return schema['const']
  if (schema['default'] !== undefined) return schema['default']
  return firstOf(schema['examples']) ?? firstOf(schema['enum'])
}

function lowest(schema: Fields): number {
  const minimum = numberOf(schema['minimum'])
  const above = numberOf(schema['exclusiveMinimum'])
  const maximum = numberOf(schema['maximum'])
  const low = minimum ?? (above === undefined ? 1 : above + 1)
  return maximum === undefined ? low : Math.min(low, maximum)
}

function textOf(schema: Fields, name: string): string {
  const format = typeof schema['format'] === 'string' ? BY_FORMAT[schema['format']] : undefined
  const text = format ?? `demo ${name}`
  return text.padEnd(Math.min(numberOf(schema['minLength']) ?? 0, 256), '.').slice(0, numberOf(schema['maxLength']) ?? text.length + 256)
}

/** What a local `$ref` points to; the schema itself where there is none. */
function resolve(schema: Fields, root: unknown): unknown {
  const ref = schema['$ref']
  if (typeof ref !== 'string' || !ref.startsWith('#')) return schema
  let at: unknown = root
  for (const step of ref
    .slice(1)
    .split('/')
    .filter(part => part !== ''))
    at = isFields(at) && Object.hasOwn(at, step) ? at[step] : undefined
  return at
}

function typeOf(schema: Fields): unknown {
  const { type } = schema
  if (Array.isArray(type)) return type.find(name => name !== 'null')
  return type ?? (schema['properties'] === undefined ? 'string' : 'object')
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
