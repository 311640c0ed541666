import { maskKeys, type Line } from './line.ts'

/** Everything that could move a cursor or forge a line: control characters, line separators, direction marks. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A line for people: time, status, operation, models, times, tokens, and what went wrong. */
export function prettyLine(line: Line): string {
  const { provider, usage, timing, response, error } = line
  const words = [
    line.timestamp_utc.slice(11, 23),
    String(response.status_code),
    line.operation ?? line.endpoint,
    modelWord(provider),
    `${Math.round(timing.total_latency_ms)}ms`,
    timing.first_token_ms === null ? '' : `first ${Math.round(timing.first_token_ms)}ms`,
    usage.source === 'none' ? '' : `${usage.prompt_tokens ?? '?'}+${usage.completion_tokens ?? '?'} tokens`,
    provider.attempts.length > 1 ? `${provider.attempts.length} attempts` : '',
    line.outcome === 'ok' ? '' : line.outcome,
    error === null ? '' : `${error.source}/${error.code}`,
    line.api_key_id === null ? '' : `key ${line.api_key_id}`,
    line.request_id
  ]
  return maskKeys(words.filter(word => word !== '').join('  ')).replace(UNPRINTABLE, '?')
}

function modelWord({ name, model_requested: requested, model_resolved: resolved }: Line['provider']): string {
  if (requested === null || requested === '') return ''
  return name === null ? requested : `${requested} → ${name}/${resolved ?? requested}`
}
