import { isRecord, type JsonObject } from './record.ts'

/** What an error body says. */
export interface ErrorFacts {
  readonly status: number
  /** By default it follows from status and code. */
  readonly type?: string | undefined
  readonly code: string | null
  readonly message: string
  readonly param?: string | null | undefined
}

/** What another server's error body says; null for what it does not. */
export interface ReadError {
  readonly message: string | null
  readonly type: string | null
  readonly code: string | null
  readonly param: string | null
  /** The status inside the body, for errors that come with a 200. */
  readonly status: number | null
}

/** OpenAI's `type` of an error. A bad key is an `invalid_request_error` there, and clients know it by its code. */
export function typeOf(status: number, code: string | null): string {
  if (code === 'insufficient_quota') return 'insufficient_quota'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

function envelope(error: ErrorFacts): JsonObject {
  const { status, code, message, param } = error
  return { error: { message, type: error.type ?? typeOf(status, code), param: param ?? null, code } }
}

/** The JSON text of an error in OpenAI's envelope. */
export function errorBody(error: ErrorFacts): string {
  return JSON.stringify(envelope(error))
}

/** The last frame of a stream that failed. MUST NOT be followed by `[DONE]`. */
export function streamErrorFrame(error: ErrorFacts): string {
  return `data: ${errorBody(error)}\n\n`
}

/** A non-empty string, or null. */
function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** FastAPI's `detail`: a sentence, or a list of what is wrong where. */
function detailOf(detail: unknown): string | null {
  const first: unknown = Array.isArray(detail) ? detail[0] : detail
  return text(first) ?? (isRecord(first) ? (text(first.msg) ?? text(first.message)) : null)
}

function statusOf(...values: readonly unknown[]): number | null {
  for (const value of values) {
    const number = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && number >= 400 && number <= 599) return number
  }
  return null
}

/** The object that says what went wrong; Azure puts the precise code one level further in. */
function read(error: JsonObject, outer: JsonObject): ReadError {
  const inner = isRecord(error.innererror) ? error.innererror : isRecord(error.inner_error) ? error.inner_error : {}
  const known = text(error.code)
  const code = known !== null && /^\d+$/.test(known) ? null : known
  return {
    message: text(error.message) ?? detailOf(error.detail) ?? detailOf(outer.detail),
    type: text(error.type) ?? text(error.status),
    code: code ?? text(inner.code) ?? text(error.status),
    param: text(error.param),
    status: statusOf(error.status_code, error.code, error.status, outer.status_code, outer.code)
  }
}

/**
 * Reads an error out of an answer of OpenAI or a server like it: the envelope with string or number
 * codes, `error` as a string, the bare error object, `{message}`, FastAPI's `{detail}`, a list of one.
 * Null where nothing in it says that it is an error.
 */
export function readOpenAIError(body: unknown): ReadError | null {
  const whole: unknown = Array.isArray(body) && body.length === 1 ? body[0] : body
  if (!isRecord(whole)) return null
  const { error } = whole
  if (isRecord(error)) return read(error, whole)
  if (text(error) !== null) return read({ ...whole, message: error }, whole)
  if (text(whole.message) === null && detailOf(whole.detail) === null) return null
  return read(whole, whole)
}
