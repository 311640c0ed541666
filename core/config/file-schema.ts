import type { Schema } from '@headgate/api'
import { FORMATS } from './formats.ts'
import { SHELL } from './shell.ts'
import { WHEN_SCHEMA } from './when-schema.ts'

/** A plugin or provider that configs may use. */
export interface Usable {
  /** Its name in `use`. */
  readonly name: string
  readonly kind: 'plugin' | 'provider'
  readonly configSchema: Schema
}

interface EditorSchema {
  [keyword: string]: unknown
}

const VARIABLE = { $ref: '#/$defs/variable' }

/** Keywords that say something about an option and nothing about its value. */
const NOTES = ['description', 'default', 'examples'] as const

const MAPS = { plugins: 'plugin', providers: 'provider' } as const

/** A schema for editors: our formats as patterns, and `${…}` wherever a scalar may stand. */
function forEditors(schema: Schema): EditorSchema {
  const out: EditorSchema = { ...schema }
  if (schema.properties !== undefined)
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, below]) => [name, forEditors(below)]))
  if (typeof schema.additionalProperties === 'object') out.additionalProperties = forEditors(schema.additionalProperties)
  if (schema.items !== undefined) out.items = forEditors(schema.items)
  if (schema.anyOf !== undefined) out.anyOf = schema.anyOf.map(forEditors)
  return isScalar(schema) ? scalar(schema) : out
}

function isScalar(schema: Schema): boolean {
  if (schema.const !== undefined) return false
  return schema.enum !== undefined || (schema.type !== undefined && schema.type !== 'object' && schema.type !== 'array')
}

function scalar(schema: Schema): EditorSchema {
  const notes: EditorSchema = {}
  const rest: EditorSchema = { ...schema }
  for (const name of NOTES) {
    if (schema[name] === undefined) continue
    notes[name] = schema[name]
    delete rest[name]
  }
  const format = schema.format === undefined ? undefined : FORMATS[schema.format]
  if (format !== undefined) delete rest.format
  if (format?.pattern !== undefined) rest.pattern = format.pattern
  if (schema.format === 'uri') rest.pattern = '^[A-Za-z][A-Za-z0-9+.-]*://'
  const plain = Object.keys(rest).length === 1 && rest.type === 'string'
  if (plain) return { ...notes, ...rest }
  const forms: object[] = [rest, VARIABLE]
  if (schema.format === 'size') forms.push({ type: 'integer', minimum: 0 })
  return { ...notes, anyOf: forms }
}

/** An instance whose `config` follows from its `use`. */
function instance(base: Schema | undefined, kind: Usable['kind'], usable: readonly Usable[]): EditorSchema {
  const own = usable.filter(item => item.kind === kind)
  const schema = forEditors(base ?? {})
  const known = own.map(item => item.name)
  const properties = schema.properties as EditorSchema
  const use = properties.use as EditorSchema
  const named: EditorSchema = {
    description: use.description,
    anyOf: known.length === 0 ? [{ type: 'string', minLength: 1 }] : [{ enum: known }, { type: 'string', minLength: 1 }]
  }
  const typed = { ...schema, properties: { ...properties, use: named } }
  return own.length === 0 ? typed : { ...typed, allOf: own.map(conditional) }
}

function conditional(item: Usable): EditorSchema {
  const { configSchema, name } = item
  const required = (configSchema.required ?? []).some(option => configSchema.properties?.[option]?.default === undefined)
  return {
    if: { properties: { use: { enum: [name, `builtin:${name}`, `npm:${name}`] } }, required: ['use'] },
    then: { properties: { config: forEditors(configSchema) }, ...(required ? { required: ['config'] } : {}) }
  }
}

/**
 * JSON Schema (2020-12) of the whole config file with the options of the given plugins and
 * providers, for editors. It allows `${…}` in place of any scalar; the runtime checks the value.
 */
export function fileSchema(definitions: readonly Usable[]): object {
  const shell = forEditors(SHELL)
  const properties = { ...(shell.properties as EditorSchema) }
  const defs: EditorSchema = {
    variable: {
      type: 'string',
      pattern: '\\$\\{[^}]+\\}',
      description: 'A text with ${VARIABLE}, ${VARIABLE:-default} or ${file:/path} in it.'
    },
    when: WHEN_SCHEMA
  }
  for (const [section, kind] of Object.entries(MAPS)) {
    const base = SHELL.properties?.[section]?.additionalProperties
    defs[kind] = instance(typeof base === 'object' ? base : undefined, kind, definitions)
    properties[section] = { ...(properties[section] as EditorSchema), additionalProperties: { $ref: `#/$defs/${kind}` } }
  }
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Headgate config', ...shell, properties, $defs: defs }
  return structuredClone(withWhen(schema)) as object
}

/** Puts the reference to the condition schema where the shell leaves `when` free. */
function withWhen(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withWhen)
  if (typeof value !== 'object' || value === null) return value
  const out: EditorSchema = {}
  for (const [name, below] of Object.entries(value)) {
    const steps = name === 'properties' && 'plugin' in below && 'when' in below
    out[name] = steps
      ? { ...(withWhen(below) as EditorSchema), when: { description: below.when.description, $ref: '#/$defs/when' } }
      : withWhen(below)
  }
  return out
}
