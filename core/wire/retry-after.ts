import { isRecord } from './record.ts'

/** The longest wait that is believed. */
const LONGEST_MS = 3_600_000

/** IMF-fixdate and the two older forms begin with a weekday; `Date.parse` alone would read far more. */
const HTTP_DATE = /^(mon|tue|wed|thu|fri|sat|sun)/i

function bounded(ms: number): number | null {
  return Number.isFinite(ms) && ms >= 0 ? Math.min(Math.ceil(ms), LONGEST_MS) : null
}

function decimal(text: string | undefined): number | null {
  return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null
}

/** Google's RetryInfo, such as `34.4s`. */
function retryInfo(body: unknown): number | null {
  const whole: unknown = Array.isArray(body) ? body[0] : body
  const error = isRecord(whole) ? whole.error : null
  const details: unknown = isRecord(error) ? error.details : null
  if (!Array.isArray(details)) return null
  for (const detail of details) {
    if (!isRecord(detail) || typeof detail.retryDelay !== 'string' || !String(detail['@type']).endsWith('RetryInfo')) continue
    const seconds = decimal(detail.retryDelay.replace(/s$/, ''))
    if (seconds !== null) return bounded(seconds * 1000)
  }
  return null
}

/**
 * How long an upstream asks to wait, in milliseconds up to an hour: `retry-after-ms`, `retry-after`
 * in seconds or as a date, Google's RetryInfo. Null where it says nothing, or nothing sensible.
 */
export function retryAfterMs(headers: { readonly [name: string]: string | undefined }, body: unknown, now: number): number | null {
  const ms = decimal(headers['retry-after-ms'])
  if (ms !== null) return bounded(ms)
  const header = headers['retry-after']
  const seconds = decimal(header)
  if (seconds !== null) return bounded(seconds * 1000)
  if (header !== undefined && HTTP_DATE.test(header.trim())) {
    const wait = bounded(Date.parse(header) - now)
    if (wait !== null) return wait
  }
  return retryInfo(body)
}
