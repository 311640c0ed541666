/** What an error answer says, before it is judged. */
export interface ErrorFacts {
  readonly message: string | undefined
  readonly type: string | undefined
  readonly code: string | undefined
  readonly param: string | null | undefined
}

type Fields = { readonly [name: string]: unknown }

/** Levels of errors inside errors that are looked at. */
const DEPTH = 3

/**
 * Finds message, type, code and param in the shapes that servers use: OpenAI's envelope, fields at
 * top level (vLLM, Mistral), a text for `error` (Ollama, xAI), a list of findings (FastAPI), and an
 * aggregator's envelope around another provider's error (OpenRouter). Undefined where there are none.
 */
export function readErrorBody(body: unknown, depth = 0): ErrorFacts | undefined {
  if (Array.isArray(body)) return body.length === 0 || depth >= DEPTH ? undefined : readErrorBody(body[0], depth + 1)
  if (!isFields(body)) return undefined
  const { error } = body
  if (typeof error === 'string') return { message: error, type: textOf(body['type']), code: textOf(body['code']), param: undefined }
  const fields = isFields(error) ? error : body
  const inner = innerError(fields, depth)
  const message = inner?.message ?? messageOf(fields)
  const facts = {
    message,
    type: inner?.type ?? textOf(fields['type']),
    code: inner?.code ?? textOf(fields['code']),
    param: inner?.param ?? paramOf(fields)
  }
  return facts.message === undefined && facts.type === undefined && facts.code === undefined ? undefined : facts
}

/** The error of the provider behind an aggregator: JSON, or a bare text, under `metadata.raw`. */
function innerError(fields: Fields, depth: number): ErrorFacts | undefined {
  const metadata = fields['metadata']
  const raw = isFields(metadata) ? metadata['raw'] : undefined
  if (typeof raw !== 'string' || raw === '' || depth >= DEPTH)
    return isFields(raw) && depth < DEPTH ? readErrorBody(raw, depth + 1) : undefined
  const parsed = parse(raw)
  return parsed === undefined ? { message: raw, type: undefined, code: undefined, param: undefined } : readErrorBody(parsed, depth + 1)
}

function messageOf(fields: Fields): string | undefined {
  const { message, detail } = fields
  if (typeof message === 'string') return message
  if (isFields(message)) return findings(message['detail'])
  return typeof detail === 'string' ? detail : findings(detail)
}

/** The first of a list of `{ loc, msg }`. */
function findings(detail: unknown): string | undefined {
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined
  if (!isFields(first)) return undefined
  const text = textOf(first['msg'])
  const where = Array.isArray(first['loc']) ? first['loc'].join('.') : ''
  return text === undefined || where === '' ? text : `${where}: ${text}`
}

function paramOf(fields: Fields): string | null | undefined {
  const { param } = fields
  return param === null ? null : textOf(param)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}
