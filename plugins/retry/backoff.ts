/** How waits grow. Milliseconds. */
export interface BackoffRule {
  readonly base: number
  readonly max: number
  readonly jitter: 'full' | 'none'
}

/** Milliseconds to wait after the `failures`-th failure at a target, from 1. */
export function backoff(rule: BackoffRule, failures: number): number {
  const longest = Math.min(rule.max, rule.base * 2 ** Math.min(failures - 1, 30))
  return rule.jitter === 'full' ? Math.round(Math.random() * longest) : longest
}
