/** Looks a variable (`NAME`) or a file (`file:path`) up. */
export type Lookup = (name: string) => Found

/** A value, or why there is none: it is not there (`absent`), or it cannot be used (`problem`). */
export type Found = { readonly value: string } | { readonly absent: string } | { readonly problem: string }

/** What became of a text. */
export interface Interpolation {
  readonly value: string
  /** What is not there and has no default, each with its reason such as `is not set`. */
  readonly missing: readonly { readonly name: string; readonly reason: string }[]
  /** What is written wrongly or cannot be used. */
  readonly problems: readonly string[]
}

/** Defaults within defaults. */
const MAX_NESTING = 8

const BODY = /^(file:[^\n]*?|[A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/** True for a text that interpolation would change. */
export function hasVariable(text: string): boolean {
  return text.includes('${')
}

/** Index of the `}` that closes the `${` whose body begins at `start`, or -1. */
function closing(text: string, start: number): number {
  let open = 1
  for (let i = start; i < text.length; i++) {
    if (text.startsWith('$${', i)) i += 2
    else if (text.startsWith('${', i)) {
      open += 1
      i += 1
    } else if (text[i] === '}' && --open === 0) return i
  }
  return -1
}

class Interpolator {
  readonly missing: { name: string; reason: string }[] = []
  readonly problems: string[] = []
  readonly #lookup: Lookup

  constructor(lookup: Lookup) {
    this.#lookup = lookup
  }

  expand(text: string, nesting: number): string {
    let out = ''
    let from = 0
    for (;;) {
      const dollar = text.indexOf('${', from)
      if (dollar === -1) return out + text.slice(from)
      if (dollar > from && text[dollar - 1] === '$') {
        out += `${text.slice(from, dollar - 1)}\${`
        from = dollar + 2
        continue
      }
      const end = closing(text, dollar + 2)
      if (end === -1) {
        this.problems.push('"${" is never closed')
        return out
      }
      out += text.slice(from, dollar) + this.#value(text.slice(dollar + 2, end), nesting)
      from = end + 1
    }
  }

  #value(body: string, nesting: number): string {
    const match = BODY.exec(body)
    const name = match?.[1]
    if (name === undefined || name === 'file:') return this.#problem(`"\${${body.slice(0, 60)}}" is neither a variable nor a file`)
    const fallback = match?.[2]
    const found = this.#lookup(name)
    if ('value' in found) return found.value
    if ('problem' in found) return this.#problem(`${name} ${found.problem}`)
    if (fallback === undefined) {
      this.missing.push({ name, reason: found.absent })
      return ''
    }
    if (nesting >= MAX_NESTING) return this.#problem(`more than ${MAX_NESTING} defaults within each other`)
    return this.expand(fallback, nesting + 1)
  }

  #problem(message: string): string {
    this.problems.push(message)
    return ''
  }
}

/** Fills `${NAME}`, `${NAME:-default}` and `${file:path}` in; `$${` stands for a written `${`. */
export function interpolate(text: string, lookup: Lookup): Interpolation {
  const run = new Interpolator(lookup)
  const value = run.expand(text, 0)
  return { value, missing: run.missing, problems: run.problems }
}
