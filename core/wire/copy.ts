import { isRawNumber } from './raw-json.ts'

/** A copy of a JSON value at every level. Numbers kept as source text are shared: they are frozen. */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return value
  if (Array.isArray(value)) return value.map(copyJson) as T
  const copy: { [field: string]: unknown } = {}
  for (const key of Object.keys(value)) copy[key] = copyJson((value as { [field: string]: unknown })[key])
  return copy as T
}

/** Freezes a JSON value at every level and returns it. */
export function freezeJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) for (const item of value) freezeJson(item)
  else for (const key in value) freezeJson((value as { [field: string]: unknown })[key])
  return Object.freeze(value)
}

/** Deeper values come from a mistake, such as an object that holds itself. */
const MAX_DEPTH = 512

/**
 * Freezes what a plugin made of a body, and finds what could not be sent.
 *
 * @throws {TypeError} for anything that JSON cannot hold: functions, symbols, big integers, dates, circles
 */
export function sealJson(value: unknown, depth = 0): void {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint')
    throw new TypeError(`JSON cannot hold a ${typeof value}`)
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    throw new TypeError('JSON cannot hold an object that writes itself, such as a date')
  if (depth > MAX_DEPTH) throw new TypeError('JSON cannot hold an object that contains itself')
  // What is frozen already may hold parts that are not: a plugin can freeze the top of its own object.
  if (Array.isArray(value)) for (const item of value) sealJson(item, depth + 1)
  else for (const key in value) sealJson((value as { [field: string]: unknown })[key], depth + 1)
  Object.freeze(value)
}
