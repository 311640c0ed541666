/** A JSON object of which nothing is known yet. */
export type JsonObject = { [field: string]: unknown }

/** True for what JSON calls an object: neither null nor an array. */
export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
