import { isRecord, type JsonObject } from './record.ts'

/** Strings that grow with every chunk, wherever they stand in a delta or its parts. */
const JOINED = [
  'text',
  'summary',
  'thinking',
  'data',
  'transcript',
  'input',
  'arguments',
  'content',
  'refusal',
  'reasoning_content',
  'reasoning'
]

/**
 * Merges one field of a delta into what was collected: texts are joined, lists too, objects field by
 * field, anything else is replaced. Empty strings and nulls never overwrite.
 */
export function mergeField(into: JsonObject, key: string, value: unknown): void {
  const known = into[key]
  if (value === undefined || value === null || value === '') {
    if (known === undefined && value !== undefined) into[key] = value
  } else if (typeof value === 'string' && typeof known === 'string' && JOINED.includes(key)) {
    into[key] = known + value
  } else if (Array.isArray(value)) {
    into[key] = Array.isArray(known) ? known.concat(value) : value.slice()
  } else if (isRecord(value)) {
    into[key] = isRecord(known) ? mergeFields(known, value) : mergeFields({}, value)
  } else {
    into[key] = value
  }
}

/** Merges every field of `from` and returns `into`. */
export function mergeFields(into: JsonObject, from: JsonObject): JsonObject {
  for (const key of Object.keys(from)) mergeField(into, key, from[key])
  return into
}

/** Takes over what is not empty, without joining: for the fields of a chunk that repeat in every event. */
export function keepFields(into: JsonObject, from: JsonObject, skipped: readonly string[]): void {
  for (const key of Object.keys(from)) {
    const value = from[key]
    if (skipped.includes(key) || value === undefined) continue
    if (value === null || value === '' || value === 0) {
      into[key] ??= value
    } else {
      into[key] = value
    }
  }
}
