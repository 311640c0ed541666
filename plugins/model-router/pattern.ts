/** A model name in which `*` is any run of characters. Matching is linear. */
export class Pattern {
  readonly text: string
  readonly #parts: readonly string[]

  constructor(text: string) {
    this.text = text
    this.#parts = text.split('*')
  }

  /** Number of stars; 0 is an exact name. */
  get stars(): number {
    return this.#parts.length - 1
  }

  /** Characters that must stand in a name, by which the more specific of two patterns is found. */
  get literals(): number {
    return this.text.length - this.stars
  }

  /** What each star matched, shortest first; undefined when the name does not match. */
  match(name: string): string[] | undefined {
    const parts = this.#parts
    if (parts.length === 1) return name === this.text ? [] : undefined
    const first = parts[0]!
    const last = parts[parts.length - 1]!
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return undefined
    const end = name.length - last.length
    const found: string[] = []
    let at = first.length
    for (let i = 1; i < parts.length - 1; i++) {
      const next = name.indexOf(parts[i]!, at)
      if (next < 0 || next + parts[i]!.length > end) return undefined
      found.push(name.slice(at, next))
      at = next + parts[i]!.length
    }
    found.push(name.slice(at, end))
    return found
  }
}

/** True when `name` matches one of `patterns`; undefined patterns are all names. */
export function allows(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some(text => new Pattern(text).match(name) !== undefined)
}
