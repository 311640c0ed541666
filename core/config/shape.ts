import type { Schema } from '@headgate/api'

/** A plain object. */
export interface Plain {
  [name: string]: unknown
}

/** True for a map of the config. */
export function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema of an option, be it named or one of many alike; undefined for an unknown one. */
export function schemaOf(schema: Schema, name: string): Schema | undefined {
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) return schema.properties[name]
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/** Sets a key even where plain assignment would not, as with `constructor`. */
export function put(target: Plain, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}
