import type { Target } from '@headgate/api'
import type { EntryConfig, RuleConfig } from './config.ts'
import { Pattern } from './pattern.ts'

/** A target as configured, before the stars in its model are filled in. */
export interface Entry {
  readonly provider: string
  readonly model: string
  readonly weight: number
}

/** One name of `models`, ready to be matched. */
export interface Rule {
  readonly pattern: Pattern
  readonly alias: string | undefined
  readonly weighted: boolean
  readonly entries: readonly Entry[]
}

/** The entries of a rule, in whatever form they were written; none for an alias. */
export function entriesOf(rule: RuleConfig): readonly EntryConfig[] {
  if (typeof rule === 'string') return [rule]
  if (Array.isArray(rule)) return rule as readonly EntryConfig[]
  return 'targets' in rule ? rule.targets : []
}

/** Provider and model of `provider/model`; the model may hold slashes. Undefined where it is not of that form. */
export function splitTarget(text: string): Target | undefined {
  const slash = text.indexOf('/')
  if (slash < 1 || slash === text.length - 1) return undefined
  return { provider: text.slice(0, slash), model: text.slice(slash + 1) }
}

/** Makes a rule of its config. @throws {Error} for a target that validation would have refused */
export function makeRule(name: string, config: RuleConfig): Rule {
  const entries = entriesOf(config)
  const strategy = typeof config === 'object' && 'strategy' in config ? config.strategy : undefined
  return {
    pattern: new Pattern(name),
    alias: typeof config === 'object' && 'alias' in config ? config.alias : undefined,
    weighted:
      strategy === undefined ? entries.some(entry => typeof entry !== 'string' && entry.weight !== undefined) : strategy === 'weighted',
    entries: entries.map(makeEntry)
  }
}

/** The model of an entry, its stars filled with what the stars of the name matched. */
export function fillModel(model: string, matched: readonly string[], requested: string): string {
  let star = 0
  return model.replace(/\*/g, () => (matched.length === 0 ? requested : (matched[star++] ?? '')))
}

function makeEntry(entry: EntryConfig): Entry {
  const text = typeof entry === 'string' ? entry : entry.target
  const target = splitTarget(text)
  if (target === undefined) throw new Error(`"${text}" is not provider/model`)
  return { ...target, weight: typeof entry === 'string' ? 1 : (entry.weight ?? 1) }
}
