import type { ProviderView, Target } from '@headgate/api'
import { fillModel, splitTarget, type Entry, type Rule } from './rule.ts'
import type { RuleBook } from './rule-book.ts'

/** What resolving a name needs. */
export interface Resolver {
  readonly book: RuleBook
  /** Whether names outside the rules are served. */
  readonly direct: boolean
}

/**
 * The targets of a requested name, best first; empty where nothing serves it. Rules win over the
 * names of providers, so that a catch-all rule cannot be evaded by naming a provider.
 */
export function planFor(requested: string, { book, direct }: Resolver, providers: readonly ProviderView[]): readonly Target[] {
  let name = requested
  // Each alias leads to another rule, so a chain is never longer than the book.
  for (let step = 0; step <= book.rules.length; step++) {
    const found = book.find(name)
    if (found === undefined) return direct ? byProvider(name, providers) : []
    if (found.rule.alias === undefined) return targetsOf(found.rule, found.matched, name, providers)
    name = found.rule.alias
  }
  return []
}

/** The target of `provider/model`, or of a bare name that exactly one provider advertises. */
function byProvider(name: string, providers: readonly ProviderView[]): readonly Target[] {
  const target = splitTarget(name)
  if (target !== undefined && isConfigured(target.provider, providers)) return [target]
  const owner = soleOwner(name, providers)
  return owner === undefined ? [] : [{ provider: owner, model: name }]
}

/** The provider that alone advertises a model. */
export function soleOwner(model: string, providers: readonly ProviderView[]): string | undefined {
  let owner: string | undefined
  for (const provider of providers) {
    if (!provider.models.includes(model)) continue
    if (owner !== undefined) return undefined
    owner = provider.name
  }
  return owner
}

function targetsOf(rule: Rule, matched: readonly string[], name: string, providers: readonly ProviderView[]): readonly Target[] {
  const usable = rule.entries.filter(entry => isConfigured(entry.provider, providers))
  const ordered = rule.weighted ? drawn(usable) : usable
  return ordered.map(({ provider, model }) => ({ provider, model: fillModel(model, matched, name) }))
}

/** One entry drawn by weight, then the others, heaviest first. */
function drawn(entries: readonly Entry[]): readonly Entry[] {
  const falling = [...entries].sort((a, b) => b.weight - a.weight)
  let left = Math.random() * falling.reduce((sum, entry) => sum + entry.weight, 0)
  for (const [index, entry] of falling.entries()) {
    left -= entry.weight
    if (left < 0) return [entry, ...falling.slice(0, index), ...falling.slice(index + 1)]
  }
  return falling
}

function isConfigured(name: string, providers: readonly ProviderView[]): boolean {
  for (const provider of providers) if (provider.name === name) return true
  return false
}
