/** Labels of a counter, in a fixed order. */
export type Labels = { readonly [name: string]: string }

const MAX_SERIES = 10_000

/** Counts by name and labels, in the text form of Prometheus. Bounded: past 10,000 series a new one counts as `other`. */
export class Counters {
  readonly #values = new Map<string, number>()

  /** Adds `by` to a counter. Label values are cut to 64 characters. */
  add(name: string, labels: Labels = {}, by = 1): void {
    const key = seriesKey(name, labels)
    const old = this.#values.get(key)
    if (old === undefined && this.#values.size >= MAX_SERIES) return this.add(name, { other: 'true' }, by)
    this.#values.set(key, (old ?? 0) + by)
  }

  /** The value of one series, 0 when it was never counted. */
  get(name: string, labels: Labels = {}): number {
    return this.#values.get(seriesKey(name, labels)) ?? 0
  }

  /** All series, one a line, sorted. */
  text(): string {
    const lines = [...this.#values].map(([key, value]) => `${key} ${value}`).sort()
    return lines.length === 0 ? '' : lines.join('\n') + '\n'
  }
}

function seriesKey(name: string, labels: Labels): string {
  let text = ''
  for (const label in labels) {
    const value = labels[label]!.slice(0, 64).replace(/[\\"\n]/g, ' ')
    text += `${text === '' ? '' : ','}${label}="${value}"`
  }
  return text === '' ? name : `${name}{${text}}`
}
