import type { DeepReadonly } from './body.ts'
import type { Operation } from './operation.ts'

/** How an attempt or an exchange ended. */
export type Outcome = 'ok' | 'rejected' | 'failed' | 'client_closed' | 'crashed'

/** Why a stream ended; `done` is the only clean one. */
export type StreamEnd =
  | 'done'
  | 'truncated'
  | 'upstream_error'
  | 'client_closed'
  | 'timeout'
  | 'limit'
  | 'drain_cut'
  | 'plugin_error'
  | 'crashed'

/** Who is to blame for an error. */
export type ErrorSource = 'client' | 'policy' | 'plugin' | 'upstream' | 'internal'

/** Tokens in one definition for every provider; null is unknown, never 0. */
export interface Usage {
  prompt_tokens: number | null
  completion_tokens: number | null
  total_tokens: number | null
  cached_tokens: number | null
  cache_write_tokens: number | null
  reasoning_tokens: number | null
  /** Where the figures come from: the provider's own, our estimate, or nowhere. */
  source: 'upstream' | 'estimated' | 'none'
}

/** One try at one target. Times in milliseconds. */
export interface AttemptRecord {
  number: number
  provider: string
  model: string
  status: number | null
  /** Short label of how it ended: `ok`, `refused`, `dns`, `tls`, `reset_pre`, `reset_mid`, `ttft`, `429`, `5xx`, … */
  result: string
  latency_ms: number
  first_token_ms: number | null
}

/** One run of one hook of one step. `ms` is wall time. */
export interface HookRecord {
  plugin: string
  hook: string
  ms: number
  outcome: 'ok' | 'stop' | 'denied' | 'failed' | 'timeout'
}

/** Everything that happened to one client request; the argument of `log`. Never holds a credential. */
export interface ExchangeRecord {
  /** UUIDv7. */
  log_id: string
  /** RFC 3339, UTC, milliseconds. */
  timestamp_utc: string
  direction: 'inbound'
  trace_id: string | null
  request_id: string
  api_key_id: string | null
  /** SHA-256 of the key in hex. */
  api_key_hash: string | null
  owner: string | null
  team: string | null
  project: string | null
  method: string
  endpoint: string
  operation: Operation | null
  route: string | null
  /** Number of the config generation that served it, from 1. */
  generation: number
  request: { headers: { [name: string]: string }; body: unknown; body_bytes: number; stream: boolean }
  response: { status_code: number; body: unknown; body_bytes: number; stream_end: StreamEnd | null }
  timing: { total_latency_ms: number; provider_latency_ms: number | null; first_token_ms: number | null; overhead_ms: number }
  usage: Usage
  provider: { name: string | null; model_requested: string | null; model_resolved: string | null; attempts: AttemptRecord[] }
  hooks: HookRecord[]
  outcome: Outcome
  error: { source: ErrorSource; code: string; plugin?: string; detail?: string } | null
  /** Things noticed that are not errors: `done_missing`, `anomaly`, `usage_invalid`, … */
  warnings: string[]
  client: { ip: string; user_agent: string | null }
  metadata: { [key: string]: string }
}

/** The frozen record as a `log` hook sees it. */
export type Exchange = DeepReadonly<ExchangeRecord>
