import type { Exchange } from '@headgate/api'
import { pickHeaders } from './headers.ts'

/** What of an exchange is written besides the fixed fields. */
export interface LineOptions {
  readonly bodies: boolean
  /** Bytes. */
  readonly maxBody: number
  /** Lower case. */
  readonly headers: readonly string[]
}

/** One request as one JSON object, in the form of `schema.json`. */
export type Line = ReturnType<typeof lineOf>

const KEY = /\bhg_[\w-]{29,}/g

/** Brings an exchange into the form of `schema.json`. */
export function lineOf(exchange: Exchange, options: LineOptions) {
  const { request, response, timing, usage, provider, error } = exchange
  return {
    log_id: exchange.log_id,
    timestamp_utc: exchange.timestamp_utc,
    direction: exchange.direction,
    trace_id: exchange.trace_id,
    request_id: exchange.request_id,
    api_key_id: exchange.api_key_id,
    api_key_hash: exchange.api_key_hash,
    endpoint: exchange.endpoint,
    operation: exchange.operation,
    route: exchange.route,
    request: { headers: pickHeaders(request.headers, options.headers), body: bodyOf(request, options) },
    response: { status_code: response.status_code, body: bodyOf(response, options), stream_end: response.stream_end },
    timing: {
      total_latency_ms: timing.total_latency_ms,
      provider_latency_ms: timing.provider_latency_ms,
      first_token_ms: timing.first_token_ms,
      overhead_ms: timing.overhead_ms
    },
    usage: {
      prompt_tokens: usage.prompt_tokens,
      completion_tokens: usage.completion_tokens,
      total_tokens: usage.total_tokens,
      cached_tokens: usage.cached_tokens,
      reasoning_tokens: usage.reasoning_tokens,
      source: usage.source
    },
    provider: {
      name: provider.name,
      model_requested: provider.model_requested,
      model_resolved: provider.model_resolved,
      attempts: provider.attempts
    },
    outcome: exchange.outcome,
    error: error === null ? null : { source: error.source, code: error.code },
    metadata: exchange.metadata
  }
}

/** The line as text without its end. A key that a client put where none belongs is masked. */
export function printLine(line: Line): string {
  return maskKeys(JSON.stringify(line))
}

/** Masks keys of the gateway in a text. */
export function maskKeys(text: string): string {
  return text.includes('hg_') ? text.replace(KEY, 'hg_***') : text
}

function bodyOf(part: { readonly body: unknown; readonly body_bytes: number }, { bodies, maxBody }: LineOptions): unknown {
  if (!bodies || part.body === undefined || part.body_bytes > maxBody) return null
  return part.body
}
