import type { Exchange as FrozenExchange, ExchangeRecord, Outcome, Usage } from '@headgate/api'
import { freezeJson } from '../wire/copy.ts'
import { traceId } from './ids.ts'
import type { Exchange } from './exchange.ts'

const LOGGED_HEADERS: readonly string[] = [
  'content-type',
  'user-agent',
  'accept',
  'x-request-id',
  'traceparent',
  'x-stainless-lang',
  'x-stainless-package-version',
  'x-stainless-retry-count',
  'openai-beta',
  'anthropic-version',
  'anthropic-beta'
]
const UNKNOWN_USAGE: Usage = Object.freeze({
  prompt_tokens: null,
  completion_tokens: null,
  total_tokens: null,
  cached_tokens: null,
  cache_write_tokens: null,
  reasoning_tokens: null,
  source: 'none'
})

/** The frozen record of a finished exchange. */
export function recordOf(ex: Exchange): FrozenExchange {
  const total = ex.elapsed()
  const principal = ex.principal
  const record: ExchangeRecord = {
    log_id: ex.logId,
    timestamp_utc: new Date(ex.startedWall).toISOString(),
    direction: 'inbound',
    trace_id: traceId(ex.header('traceparent')),
    request_id: ex.requestId,
    api_key_id: principal?.id ?? null,
    api_key_hash: principal?.keyHash ?? null,
    owner: principal?.owner ?? null,
    team: principal?.team ?? null,
    project: principal?.project ?? null,
    method: ex.method,
    endpoint: ex.path,
    operation: ex.operation,
    route: ex.route.name,
    generation: ex.snapshot.generation,
    request: {
      headers: loggedHeaders(ex),
      body: ex.route.captureBodies ? requestBody(ex) : null,
      body_bytes: ex.bodyBytes,
      stream: ex.wantsStream
    },
    response: { status_code: statusOf(ex), body: freezeJson(ex.responseBody), body_bytes: ex.reply.bytes, stream_end: ex.streamEnd },
    timing: {
      total_latency_ms: ms(total),
      provider_latency_ms: ex.upstreamMs === null ? null : ms(ex.upstreamMs),
      first_token_ms: ex.firstTokenMs === null ? null : ms(ex.firstTokenMs),
      overhead_ms: ms(Math.max(0, total - (ex.upstreamMs ?? 0)))
    },
    usage: ex.usage ?? UNKNOWN_USAGE,
    provider: {
      name: ex.target?.provider ?? null,
      model_requested: ex.requestedModel,
      model_resolved: ex.target?.model ?? null,
      attempts: ex.attempts.map(attempt => Object.freeze({ ...attempt }))
    },
    // A guard that was not waited for may still end: that is not part of the record any more.
    hooks: ex.hooks.map(record => Object.freeze(record)),
    outcome: outcomeOf(ex),
    error: errorOf(ex),
    warnings: [...ex.warnings],
    client: { ip: ex.ip, user_agent: ex.header('user-agent') ?? null },
    metadata: { ...ex.metadata }
  }
  return freezeRecord(record)
}

function statusOf(ex: Exchange): number {
  if (ex.clientClosed && !ex.reply.headSent) return 499
  return ex.reply.status
}

function outcomeOf(ex: Exchange): Outcome {
  if (ex.clientClosed) return 'client_closed'
  if (ex.fault === null) return ex.streamEnd === null || ex.streamEnd === 'done' ? 'ok' : 'failed'
  return ex.fault.source === 'client' || ex.fault.source === 'policy' ? 'rejected' : 'failed'
}

function errorOf(ex: Exchange): ExchangeRecord['error'] {
  if (ex.clientClosed && ex.fault === null) return { source: 'client', code: 'client_closed' }
  const fault = ex.fault
  if (fault === null) return null
  return {
    source: fault.source,
    code: fault.code,
    ...(fault.plugin === undefined ? {} : { plugin: fault.plugin }),
    ...(fault.detail === undefined ? {} : { detail: fault.detail })
  }
}

function loggedHeaders(ex: Exchange): { [name: string]: string } {
  const headers: { [name: string]: string } = {}
  for (const name of LOGGED_HEADERS) {
    const value = ex.header(name)
    if (value !== undefined) headers[name] = value.slice(0, 1024)
  }
  return headers
}

function requestBody(ex: Exchange): unknown {
  return ex.vetted ? (ex.body?.value ?? null) : null
}

/** Freezes the levels that hooks see; bodies are frozen by their owner. */
function freezeRecord(record: ExchangeRecord): FrozenExchange {
  for (const part of [
    record.request,
    record.response,
    record.timing,
    record.usage,
    record.provider,
    record.hooks,
    record.warnings,
    record.client,
    record.metadata,
    record.request.headers,
    record.provider.attempts,
    record.error
  ])
    Object.freeze(part)
  return Object.freeze(record)
}

function ms(value: number): number {
  return Math.round(value * 1000) / 1000
}
