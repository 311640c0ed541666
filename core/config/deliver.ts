import { Secret, type Schema } from '@headgate/api'
import { isPlain, put, schemaOf, type Plain } from './shape.ts'
import { parseDuration, parseSize } from './units.ts'

/** Whether a value is valid for a branch of an `anyOf`. */
export type Accepts = (schema: Schema, value: unknown) => boolean

/** A valid value as code wants it: durations in milliseconds, sizes in bytes, secrets as {@link Secret}. */
export function deliver(schema: Schema, value: unknown, accepts: Accepts): unknown {
  const branch = schema.anyOf?.find(candidate => accepts(candidate, value))
  if (branch !== undefined) return deliver(branch, value, accepts)
  if (typeof value === 'string') return deliverText(schema.format, value)
  if (Array.isArray(value)) {
    const { items } = schema
    return items === undefined ? value : value.map(item => deliver(items, item, accepts))
  }
  return isPlain(value) ? deliverMap(schema, value, accepts) : value
}

function deliverText(format: string | undefined, value: string): unknown {
  switch (format) {
    case 'duration':
    case 'timer':
      return parseDuration(value) ?? value
    case 'size':
      return parseSize(value) ?? value
    case 'secret':
      return new Secret(value)
    default:
      return value
  }
}

function deliverMap(schema: Schema, value: Plain, accepts: Accepts): Plain {
  const out: Plain = {}
  for (const [name, item] of Object.entries(value)) {
    const below = schemaOf(schema, name)
    put(out, name, below === undefined ? item : deliver(below, item, accepts))
  }
  return out
}
