import { reject, type Reject } from '@headgate/api'
import { isRecord, type JsonObject } from './record.ts'

/** The most characters of a model name. */
const MODEL_LENGTH = 256

/** A denial for a value of the wrong type at `path`. */
export function invalidType(path: string, expected: string): Reject {
  return reject(400, 'invalid_type', `${path} must be ${expected}`, { param: path })
}

function missing(path: string): Reject {
  return reject(400, 'missing_required_parameter', `${path} is required`, { param: path })
}

/** @throws {Reject} 400 unless `model` is a string of 1 to 256 characters */
export function checkModel(body: JsonObject): void {
  const model = body.model
  if (model === undefined) throw missing('model')
  if (typeof model !== 'string') throw invalidType('model', 'a string')
  if (model === '' || model.length > MODEL_LENGTH)
    throw reject(400, 'invalid_value', `model must have 1 to ${MODEL_LENGTH} characters`, { param: 'model' })
}

/** @throws {Reject} 400 where a field is absent or null */
export function checkPresent(body: JsonObject, field: string): void {
  if (body[field] === undefined || body[field] === null) throw missing(field)
}

/** @throws {Reject} 400 unless the field is absent, null or an integer. Its range is the upstream's affair: -1 is no limit to some, 0 legal to others */
export function checkInteger(body: JsonObject, field: string): void {
  const value = body[field]
  if (value !== undefined && value !== null && !Number.isInteger(value)) throw invalidType(field, 'an integer')
}

/** @throws {Reject} 400 unless the field is absent, null or an integer of at least 1 */
export function checkCount(body: JsonObject, field: string): void {
  checkInteger(body, field)
  const value = body[field]
  if (typeof value === 'number' && value < 1) throw reject(400, 'integer_below_min_value', `${field} must be at least 1`, { param: field })
}

/** @throws {Reject} 400 unless the field is absent, null or a number */
export function checkNumber(body: JsonObject, field: string): void {
  const value = body[field]
  if (value !== undefined && value !== null && typeof value !== 'number') throw invalidType(field, 'a number')
}

/** @throws {Reject} 400 unless the field is absent, null or a string */
export function checkText(holder: JsonObject, field: string, path: string): void {
  const value = holder[field]
  if (value !== undefined && value !== null && typeof value !== 'string') throw invalidType(path, 'a string')
}

/** @throws {Reject} 400 unless `stream` is a boolean and `stream_options` an object, where they are given */
export function checkStream(body: JsonObject): void {
  const { stream, stream_options: options } = body
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean') throw invalidType('stream', 'a boolean')
  if (options !== undefined && options !== null && !isRecord(options)) throw invalidType('stream_options', 'an object')
}

/** @throws {Reject} 400 unless the field is absent, null or an array of objects */
export function checkObjects(holder: JsonObject, field: string, path: string): readonly JsonObject[] {
  const value = holder[field]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalidType(path, 'an array')
  for (let i = 0; i < value.length; i++) if (!isRecord(value[i])) throw invalidType(`${path}[${i}]`, 'an object')
  return value
}

/** True for a string, or a non-empty list of strings, tokens or lists of tokens: what `input` and `prompt` may be. */
export function isInput(value: unknown): boolean {
  if (typeof value === 'string') return true
  if (!Array.isArray(value) || value.length === 0) return false
  const kind = typeof value[0]
  for (const item of value) {
    if (typeof item !== kind) return false
    if (kind === 'string' || (kind === 'number' && Number.isInteger(item))) continue
    if (!Array.isArray(item) || !item.every(Number.isInteger)) return false
  }
  return true
}
