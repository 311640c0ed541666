const SLICES = 12

/** Counts events of the last window, in slices of a twelfth of it: constant memory, off by at most one slice. */
export class SlidingCount {
  readonly #slices = new Array<number>(SLICES).fill(0)
  readonly #sliceMs: number
  #slice = 0
  #total = 0

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / SLICES
  }

  /** Counts one event at `now`. */
  add(now: number): void {
    this.#moveTo(now)
    const index = this.#slice % SLICES
    this.#slices[index] = this.#slices[index]! + 1
    this.#total++
  }

  /** Events of the window that ends at `now`. */
  count(now: number): number {
    this.#moveTo(now)
    return this.#total
  }

  #moveTo(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#slice) return
    const from = Math.max(this.#slice + 1, slice - SLICES + 1)
    for (let i = from; i <= slice; i++) {
      this.#total -= this.#slices[i % SLICES]!
      this.#slices[i % SLICES] = 0
    }
    this.#slice = slice
  }
}
