import type { Schema } from '@headgate/api'
import type { ConfigDocument } from './document.ts'
import { isPlain, put, schemaOf, type Plain } from './shape.ts'
import type { ConfigPath } from './types.ts'

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** What filling needs to know besides the schema. */
export interface FillContext {
  /** Undefined where there is no file, as for the defaults of a schema. */
  readonly document: ConfigDocument | undefined
  /** Whether a value that has been filled is valid for a branch of an `anyOf`. */
  accepts(schema: Schema, value: unknown): boolean
}

/**
 * A copy of the value with defaults put in and interpolated scalars coerced to the number or
 * boolean that the schema wants. Nothing else is coerced. Secrets are hidden from source lines.
 */
export function fill(schema: Schema, value: unknown, path: ConfigPath, context: FillContext): unknown {
  if (schema.format === 'secret') context.document?.hide(path)
  const own = fillOwn(schema, value, path, context)
  return schema.anyOf === undefined ? own : fillBranch(schema.anyOf, own, path, context)
}

function fillOwn(schema: Schema, value: unknown, path: ConfigPath, context: FillContext): unknown {
  if (typeof value === 'string') return context.document?.isInterpolated(path) === true ? coerce(schema, value) : value
  if (typeof value === 'number') return schema.format === 'size' && Number.isSafeInteger(value) && value >= 0 ? String(value) : value
  if (Array.isArray(value)) return fillList(schema, value, path, context)
  return isPlain(value) ? fillMap(schema, value, path, context) : value
}

function coerce(schema: Schema, value: string): unknown {
  const text = value.trim()
  if (schema.type === 'number' || schema.type === 'integer') return NUMBER.test(text) ? Number(text) : value
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : value
  return value
}

function fillList(schema: Schema, value: readonly unknown[], path: ConfigPath, context: FillContext): unknown[] {
  const { items } = schema
  return value.map((item, index) => (items === undefined ? structuredClone(item) : fill(items, item, [...path, index], context)))
}

function fillMap(schema: Schema, value: Plain, path: ConfigPath, context: FillContext): Plain {
  const filled: Plain = {}
  for (const [name, item] of Object.entries(value)) {
    const below = schemaOf(schema, name)
    if (item === null && below !== undefined && (below.type === 'object' || below.type === 'array')) continue
    put(filled, name, below === undefined ? structuredClone(item) : fill(below, item, [...path, name], context))
  }
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    if (below.default === undefined || Object.hasOwn(filled, name)) continue
    put(filled, name, fill(below, structuredClone(below.default), [...path, name], context))
  }
  return filled
}

function fillBranch(branches: readonly Schema[], value: unknown, path: ConfigPath, context: FillContext): unknown {
  for (const branch of branches) {
    const filled = fill(branch, value, path, context)
    if (context.accepts(branch, filled)) return filled
  }
  return value
}
