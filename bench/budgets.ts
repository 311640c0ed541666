import { quantile } from './jobs.ts'
import type { Round } from './round.ts'

/** What a target may cost at most; the same table is in README.md. */
interface Budget {
  readonly figure: string
  readonly limit: number
  /** Compared with the bare pass-through of the same round; else an absolute figure of this machine. */
  readonly ratio: boolean
  readonly of: (round: Round) => number | undefined
}

/** One figure of a target against its limit. */
export interface Verdict {
  readonly target: string
  readonly figure: string
  readonly value: number
  readonly limit: number
  readonly holds: boolean
}

/** Rounds by target, in the order they were made. */
export type Rounds = Readonly<Record<string, readonly Round[]>>

const PER_TARGET: Readonly<Record<string, number>> = { empty: 1.6, full: 2.2 }

const BUDGETS: readonly Budget[] = [
  { figure: 'cpu per request', limit: 0, ratio: true, of: round => round.json.cpu },
  { figure: 'cpu per chunk', limit: 1.3, ratio: true, of: round => round.streams.cpuPerChunk },
  { figure: 'cpu per request of 200 KB', limit: 1.5, ratio: true, of: round => round.big.cpu },
  { figure: 'added ms at 500/s, p50', limit: 0.6, ratio: false, of: round => round.rate?.addedP50 },
  { figure: 'added ms at 500/s, p99', limit: 2, ratio: false, of: round => round.rate?.addedP99 },
  { figure: 'added ms to first token, p50', limit: 2, ratio: false, of: round => round.streams.addedFirstToken },
  { figure: 'added ms of a chunk, p50', limit: 0.6, ratio: false, of: round => round.streams.addedDelay },
  { figure: 'MB idle', limit: 100, ratio: false, of: round => round.idle },
  { figure: 'MB after load', limit: 180, ratio: false, of: round => round.loaded },
  { figure: 'MB with 1,000 streams', limit: 300, ratio: false, of: round => round.held },
  { figure: 'ms to first 200', limit: 800, ratio: false, of: round => round.ready }
]

/**
 * Ratios that have been reached so far, where the budget has not: medians of five short starts on a
 * shared machine of two cores. They may only fall; an entry goes when its budget holds.
 */
const REACHED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  empty: { 'cpu per request': 4, 'cpu per chunk': 2.2, 'cpu per request of 200 KB': 2.1 },
  full: { 'cpu per request': 4.8, 'cpu per chunk': 2.2, 'cpu per request of 200 KB': 2.1 }
}

/** Starts of one code differ by so much on a shared machine. */
const HOLD_MARGIN = 1.5

/** How strictly to look: every budget; ratios and content with 30 % to spare; or that nothing got worse than was reached. */
export type Strictness = 'budgets' | 'gate' | 'hold'

/**
 * Holds the median of each figure against its limit. Gate and hold look at ratios and at content
 * only: absolute figures of a shared machine say more about the machine.
 */
export function judge(rounds: Rounds, strictness: Strictness): Verdict[] {
  const verdicts: Verdict[] = []
  for (const [target, own] of Object.entries(rounds)) {
    const bad = own.reduce((sum, round) => sum + round.bad, 0)
    verdicts.push({ target, figure: 'wrong, lost or doubled', value: bad, limit: 0, holds: bad === 0 })
    if (target === 'baseline') continue
    for (const budget of BUDGETS) {
      if (strictness !== 'budgets' && !budget.ratio) continue
      const value = figureOf(budget, own, rounds['baseline'] ?? [])
      const limit = limitOf(target, budget, strictness)
      if (value !== undefined) verdicts.push({ target, figure: budget.figure, value, limit, holds: value <= limit })
    }
  }
  return verdicts
}

function limitOf(target: string, budget: Budget, strictness: Strictness): number {
  const limit = budget.limit || (PER_TARGET[target] ?? 0)
  const reached = REACHED[target]?.[budget.figure]
  if (strictness === 'hold' && reached !== undefined) return reached * HOLD_MARGIN
  return strictness === 'budgets' ? limit : limit * 1.3
}

/** The median over the rounds; a ratio is formed inside each round, where both ran under the same conditions. */
function figureOf(budget: Budget, own: readonly Round[], baseline: readonly Round[]): number | undefined {
  const values: number[] = []
  for (const [at, round] of own.entries()) {
    const value = budget.of(round)
    const floor = baseline[at] === undefined ? undefined : budget.of(baseline[at])
    if (value !== undefined && !budget.ratio) values.push(value)
    if (value !== undefined && budget.ratio && floor !== undefined) values.push(value / floor)
  }
  return values.length === 0 ? undefined : quantile(values)
}
