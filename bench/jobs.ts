/** One window of load against one port. Times in milliseconds. */
export interface Job {
  readonly kind: 'closed' | 'rate' | 'streams'
  readonly port: number
  readonly connections: number
  readonly warm: number
  readonly time: number
  /** Bytes of the prompt. */
  readonly prompt?: number
  /** Requests per second, for `rate`. */
  readonly rate?: number
  /** Tokens of a stream and milliseconds between two of them, for `streams`. */
  readonly chunks?: number
  readonly every?: number
}

/** What happened inside the window. Times in milliseconds. */
export interface Outcome {
  readonly requests: number
  readonly chunks: number
  /** Answers or streams that were not what the mock had sent; `wrong` says of the first ones how. */
  readonly bad: number
  readonly wrong: readonly string[]
  readonly p50: number
  readonly p99: number
  readonly firstTokenP50: number
  readonly chunkDelayP50: number
  readonly chunkDelayP99: number
}

/** What the load process says. The parent samples the measured process at the first two. */
export type Report = { readonly at: 'start' } | { readonly at: 'end'; readonly outcome: Outcome }

/** The key that every bench request carries. */
export const KEY = 'hg_bench_0123456789abcdefghijklmnopqrstuv'

/** The middle of numbers, 0 when there are none. */
export function quantile(numbers: readonly number[], part = 0.5): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
