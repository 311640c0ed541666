import { networkOf } from './network.ts'

/** Addresses remembered at most; the one that failed longest ago is forgotten first. */
const MAX_NETWORKS = 10_000

interface Count {
  failures: number
  readonly until: number
}

/** Counts bad keys by network address in fixed windows, in bounded memory. */
export class Throttle {
  readonly #counts = new Map<string, Count>()
  readonly #failures: number
  readonly #windowMs: number

  constructor(failures: number, windowMs: number) {
    this.#failures = failures
    this.#windowMs = windowMs
  }

  /** Milliseconds that an address still has to wait; 0 when it may try. */
  waitMs(ip: string, now: number): number {
    if (this.#counts.size === 0) return 0
    const count = this.#counts.get(networkOf(ip))
    if (count === undefined || count.failures < this.#failures) return 0
    return Math.max(0, count.until - now)
  }

  /** Counts a bad key. */
  failed(ip: string, now: number): void {
    if (this.#failures === 0) return
    const network = networkOf(ip)
    const old = this.#counts.get(network)
    const count = old !== undefined && old.until > now ? old : { failures: 0, until: now + this.#windowMs }
    count.failures++
    this.#counts.delete(network)
    this.#counts.set(network, count)
    if (this.#counts.size <= MAX_NETWORKS) return
    for (const oldest of this.#counts.keys()) {
      this.#counts.delete(oldest)
      return
    }
  }
}
