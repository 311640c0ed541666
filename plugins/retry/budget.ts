import { SlidingCount } from './sliding-count.ts'

/** How many repetitions a provider may see. */
export interface BudgetLimits {
  /** Repetitions for each first attempt. */
  readonly ratio: number
  /** Milliseconds. */
  readonly window: number
  readonly min: number
}

interface Counts {
  readonly attempts: SlidingCount
  readonly repeats: SlidingCount
}

/** The repetitions that each provider has left. One entry a configured provider. */
export class Budget {
  readonly #limits: BudgetLimits
  readonly #byProvider = new Map<string, Counts>()

  constructor(limits: BudgetLimits) {
    this.#limits = limits
  }

  /** Counts an attempt, first or repeated. */
  attempted(provider: string, now: number): void {
    this.#of(provider).attempts.add(now)
  }

  /** Takes one repetition out of the budget; false when there is none left. */
  take(provider: string, now: number): boolean {
    const { attempts, repeats } = this.#of(provider)
    const spent = repeats.count(now)
    const requests = Math.max(0, attempts.count(now) - spent)
    if (spent >= Math.max(this.#limits.min, Math.floor(requests * this.#limits.ratio))) return false
    repeats.add(now)
    return true
  }

  #of(provider: string): Counts {
    let counts = this.#byProvider.get(provider)
    if (counts === undefined) {
      counts = { attempts: new SlidingCount(this.#limits.window), repeats: new SlidingCount(this.#limits.window) }
      this.#byProvider.set(provider, counts)
    }
    return counts
  }
}
