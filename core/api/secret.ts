const BRAND = Symbol.for('@headgate/secret')
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** What a secret prints as, wherever it is printed. */
export const MASK = '***'

/**
 * A value that cannot be printed by accident: `String()`, `JSON.stringify`, template strings and
 * `util.inspect` all give `***`. The value itself is reached only through {@link Secret.use}, so
 * every place that reads one can be found by name.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
    Object.freeze(this)
  }

  /** Marker that holds across several installed copies of this package. */
  get [BRAND](): true {
    return true
  }

  /** Length in UTF-16 code units; 0 is an empty secret. */
  get length(): number {
    return this.#value.length
  }

  /** Hands the value to `fn` and returns what it returns. MUST NOT be used to store or to log it. */
  use<T>(fn: (value: string) => T): T {
    return fn(this.#value)
  }

  /** A new secret with a text before the value, for headers such as `Bearer …`. */
  prefixed(prefix: string): Secret {
    return new Secret(prefix + this.#value)
  }

  toString(): string {
    return MASK
  }
  toJSON(): string {
    return MASK
  }
  [INSPECT](): string {
    return MASK
  }
}

/** True for a {@link Secret} made by any installed copy of this package. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}
