import type { Config } from './config.ts'
import { makeRule, type Rule } from './rule.ts'

/** All rules, found by requested name. */
export class RuleBook {
  /** In the order of the config. */
  readonly rules: readonly Rule[]
  readonly #exact = new Map<string, Rule>()
  readonly #patterns: Rule[] = []

  constructor(models: Config['models']) {
    this.rules = Object.entries(models).map(([name, config]) => makeRule(name, config))
    for (const rule of this.rules) {
      if (rule.pattern.stars === 0) this.#exact.set(rule.pattern.text, rule)
      else this.#patterns.push(rule)
    }
    this.#patterns.sort((a, b) => b.pattern.literals - a.pattern.literals || a.pattern.stars - b.pattern.stars)
  }

  /** The rule for a name and what its stars matched: the exact one, else the most specific pattern. */
  find(name: string): { readonly rule: Rule; readonly matched: readonly string[] } | undefined {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return { rule: exact, matched: [] }
    for (const rule of this.#patterns) {
      const matched = rule.pattern.match(name)
      if (matched !== undefined) return { rule, matched }
    }
    return undefined
  }
}
