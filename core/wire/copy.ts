import { isRawNumber } from './raw-json.ts'

/** A copy of a JSON value at every level. Numbers kept as source text are shared: they are frozen. */
export function copyJson<T> (value: T): T {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return value
  if (Array.isArray(value)) return value.map(copyJson) as T
  const copy: { [field: string]: unknown } = {}
  for (const key of Object.keys(value)) copy[key] = copyJson((value as { [field: string]: unknown })[key])
  return copy as T
}

/** Freezes a JSON value at every level and returns it. */
export function freezeJson<T> (value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) for (const item of value) freezeJson(item)
  else for (const key in value) freezeJson((value as { [field: string]: unknown })[key])
  return Object.freeze(value)
}
