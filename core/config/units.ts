const DURATION = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)$/
const SIZE = /^(\d{1,15}(?:\.\d{1,6})?)(b|kb|kib|mb|mib|gb|gib|tb|tib)?$/i

const MS: { readonly [unit: string]: number } = Object.freeze({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 })
const BYTES: { readonly [unit: string]: number } = Object.freeze({ b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 })

/** Longest duration that a timer of the runtime can wait, in milliseconds: just under 25 days. */
export const MAX_TIMER = 2 ** 31 - 1

/** Milliseconds of `50ms`, `2s`, `1.5m`, `1h` or `1d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const ms = Math.round(Number(match[1]) * (MS[match[2] ?? ''] ?? Number.NaN))
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** Bytes of `64kb`, `10mb`, `1gb` (of 1024) or a plain number of bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text)
  if (match === null) return undefined
  const bytes = Math.round(Number(match[1]) * (BYTES[(match[2] ?? 'b').charAt(0).toLowerCase()] ?? Number.NaN))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
