const SPAN = /^(\d{1,6})(m|h|d|w)$/
const UNIT_MS: { readonly [unit: string]: number } = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const DATE = /^\d{4}-\d{2}-\d{2}(T\S+)?$/

/**
 * Reads when a key shall end: a span from now (`30d`, `12h`, `2w`) or a date (`2030-01-31`, UTC, or
 * RFC 3339). Returns RFC 3339.
 *
 * @throws {Error} for anything else, and for a time that is past
 */
export function parseExpiry(text: string, now: number): string {
  const span = SPAN.exec(text)
  const at = span !== null ? now + Number(span[1]) * UNIT_MS[span[2]!]! : DATE.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new Error(`--expires: "${text}" is neither a span such as 30d nor a date such as 2030-01-31`)
  if (at <= now) throw new Error(`--expires: ${text} is past`)
  return new Date(at).toISOString()
}
