import type { Diagnostics } from './diagnostics.ts'
import type { ConfigDocument } from './document.ts'
import { PRINCIPAL_FIELDS, SINGLE_FACTS, type Fact, type Facts, type FactType } from './facts.ts'
import { compileGlob } from './glob.ts'
import { always, constant, every, negate, never, some, type Predicate } from './predicate.ts'
import { isPlain } from './shape.ts'
import { didYouMean } from './suggest.ts'
import type { ConfigPath } from './types.ts'
import { kindOf } from './wording.ts'

/** What compiling a condition needs. */
export interface WhenOptions {
  readonly document: ConfigDocument
  /** Path of the condition in the config. */
  readonly path: ConfigPath
  readonly report: Diagnostics
  /** Facts known at the step's earliest hook, families (`header`, `principal`) by their first word. */
  readonly known: readonly string[]
  /** That hook, for the message. */
  readonly hook?: string
  readonly label?: string
  /** Facts that are the same for every request, such as the name of the route; conditions on them are decided now. */
  readonly constants?: { readonly [fact: string]: Fact }
}

type Test = (value: NonNullable<Fact>) => boolean

const GROUPS = ['not', 'any', 'all']
const BOUNDS: { readonly [name: string]: (limit: number) => (value: number) => boolean } = Object.freeze({
  gt: (limit: number) => (value: number) => value > limit,
  gte: (limit: number) => (value: number) => value >= limit,
  lt: (limit: number) => (value: number) => value < limit,
  lte: (limit: number) => (value: number) => value <= limit
})

class WhenCompiler {
  failed = false
  readonly #options: WhenOptions

  constructor(options: WhenOptions) {
    this.#options = options
  }

  condition(when: unknown, path: ConfigPath): Predicate {
    if (!isPlain(when))
      return this.#problem(path, 'value', `expected map, got ${kindOf(when)}`, 'a condition is a map of facts, such as { model: "gpt-*" }')
    const parts: Predicate[] = []
    for (const [name, value] of Object.entries(when)) parts.push(this.#part(name, value, [...path, name]))
    return every(parts)
  }

  #part(name: string, value: unknown, path: ConfigPath): Predicate {
    if (name === 'not') return negate(this.condition(value, path))
    if (name === 'any') return some(this.#list(value, path))
    if (name === 'all') return every(this.#list(value, path))
    const type = this.#typeOf(name, path)
    if (type === undefined) return never
    const test = this.#test(name, type, value, path)
    return test === undefined ? never : this.#bind(name, test)
  }

  #list(value: unknown, path: ConfigPath): Predicate[] {
    if (!Array.isArray(value)) return [this.#problem(path, 'value', `expected list, got ${kindOf(value)}`, 'write [ { … }, { … } ]')]
    if (value.length === 0) return [this.#problem(path, 'value', 'needs at least 1 condition')]
    return value.map((item, index) => this.condition(item, [...path, index]))
  }

  /** What a fact is, or undefined (and told) where it is none or not known yet. */
  #typeOf(name: string, path: ConfigPath): FactType | undefined {
    const family = familyOf(name)
    if (family === undefined) {
      this.#problem(path, 'key', `unknown fact "${name}"`, hintFor(name))
      return undefined
    }
    if (!this.#options.known.includes(family)) {
      this.#problem(path, 'key', `${name} is not known when ${this.#options.hook ?? 'this step'} runs`)
      return undefined
    }
    return Object.hasOwn(SINGLE_FACTS, name) ? SINGLE_FACTS[name] : 'text'
  }

  #test(name: string, type: FactType, value: unknown, path: ConfigPath): Test | undefined {
    if (type === 'number') return this.#numberTest(value, path)
    if (type === 'boolean') return this.#booleanTest(value, path)
    const texts = Array.isArray(value) ? value : [value]
    if (texts.length === 0) return this.#wrong(path, 'needs at least 1 value')
    const upper = name === 'method'
    const globs: ((text: string) => boolean)[] = []
    for (const [index, text] of texts.entries()) {
      const at = Array.isArray(value) ? [...path, index] : path
      if (typeof text === 'string') globs.push(compileGlob(upper ? text.toUpperCase() : text))
      else this.#wrong(at, `expected string, got ${kindOf(text)}`, typeof text === 'object' ? undefined : `write "${String(text)}"?`)
    }
    return globs.length === texts.length ? textTest(globs) : undefined
  }

  #booleanTest(value: unknown, path: ConfigPath): Test | undefined {
    const wanted = this.#coerced(value, path)
    if (typeof wanted !== 'boolean') return this.#wrong(path, `expected true or false, got ${this.#shown(value, path)}`)
    return fact => fact === wanted
  }

  #numberTest(value: unknown, path: ConfigPath): Test | undefined {
    const exact = this.#coerced(value, path)
    if (typeof exact === 'number') return fact => fact === exact
    if (!isPlain(value)) return this.#wrong(path, `expected number or map, got ${this.#shown(value, path)}`, 'write { gt: 8000 }')
    const tests: ((fact: number) => boolean)[] = []
    for (const [name, limit] of Object.entries(value)) {
      const bound = Object.hasOwn(BOUNDS, name) ? BOUNDS[name] : undefined
      const number = this.#coerced(limit, [...path, name])
      if (bound === undefined) this.#problem([...path, name], 'key', `unknown comparison "${name}"`, 'comparisons: gt, gte, lt, lte')
      else if (typeof number !== 'number') this.#wrong([...path, name], `expected number, got ${this.#shown(limit, [...path, name])}`)
      else tests.push(bound(number))
    }
    if (Object.keys(value).length === 0) return this.#wrong(path, 'needs at least one of gt, gte, lt, lte')
    return fact => typeof fact === 'number' && tests.every(test => test(fact))
  }

  #bind(name: string, test: Test): Predicate {
    const fact = name.startsWith('header.') ? name.toLowerCase() : name
    const constants = this.#options.constants ?? {}
    if (Object.hasOwn(constants, fact)) return constant(holds(constants[fact], test))
    return facts => holds(facts.fact(fact), test)
  }

  #coerced(value: unknown, path: ConfigPath): unknown {
    if (typeof value !== 'string' || !this.#options.document.isInterpolated(path)) return value
    if (value === 'true' || value === 'false') return value === 'true'
    return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value
  }

  #shown(value: unknown, path: ConfigPath): string {
    return this.#options.document.isInterpolated(path) ? '***' : kindOf(value)
  }

  #wrong(path: ConfigPath, message: string, hint?: string): undefined {
    this.#problem(path, 'value', message, hint)
  }

  #problem(path: ConfigPath, on: 'key' | 'value', message: string, hint?: string): Predicate {
    this.failed = true
    const { report, label, document } = this.#options
    if (!document.missing(path)) report.add({ code: 'HG_CONFIG_WHEN', path, on, message, hint, label })
    return never
  }
}

function textTest(globs: readonly ((text: string) => boolean)[]): Test {
  return fact => (Array.isArray(fact) ? fact.some(item => matchesAny(globs, item)) : matchesAny(globs, String(fact)))
}

function matchesAny(globs: readonly ((text: string) => boolean)[], text: string): boolean {
  for (let i = 0; i < globs.length; i++) {
    if (globs[i]?.(text) === true) return true
  }
  return false
}

function holds(fact: Fact, test: Test): boolean {
  return fact !== undefined && test(fact)
}

/** First word of a fact that may be named, or undefined for a name that is none. */
function familyOf(name: string): string | undefined {
  if (Object.hasOwn(SINGLE_FACTS, name)) return name
  if (/^header\.[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return 'header'
  if (/^principal\.metadata\../.test(name)) return 'principal'
  return name.startsWith('principal.') && PRINCIPAL_FIELDS.includes(name.slice(10)) ? 'principal' : undefined
}

function hintFor(name: string): string | undefined {
  const names = [...Object.keys(SINGLE_FACTS), ...PRINCIPAL_FIELDS.map(field => `principal.${field}`), ...GROUPS]
  if (PRINCIPAL_FIELDS.includes(name)) return `did you mean "principal.${name}"?`
  return didYouMean(name, names) ?? (/^x-/i.test(name) ? `did you mean "header.${name.toLowerCase()}"?` : undefined)
}

/**
 * Compiles a condition to one predicate. Parts that are known now are decided now, so the result
 * may be `always` or `never` of `predicate.ts`. Null when it is wrong; the report then says why.
 */
export function compileWhen(when: unknown, options: WhenOptions): Predicate | null {
  const compiler = new WhenCompiler(options)
  const predicate = compiler.condition(when, options.path)
  return compiler.failed ? null : predicate
}

export { always, never, type Facts, type Predicate }
