import type { Problem } from '@headgate/api'
import type { Config, EntryConfig, RuleConfig } from './config.ts'
import { Pattern } from './pattern.ts'
import { entriesOf, splitTarget } from './rule.ts'
import { RuleBook } from './rule-book.ts'

/** What the schema cannot say: the form of targets, stars that nothing fills, aliases in a circle. */
export function validate(config: Config): readonly Problem[] {
  const problems: Problem[] = []
  for (const [name, rule] of Object.entries(config.models)) problems.push(...checkRule(name, rule))
  return problems.length > 0 ? problems : findCircles(config)
}

function checkRule(name: string, rule: RuleConfig): Problem[] {
  const path = `/models/${step(name)}`
  if (name === '') return [{ path, message: 'a model name is empty' }]
  const stars = new Pattern(name).stars
  if (typeof rule === 'object' && 'alias' in rule) {
    return rule.alias.includes('*')
      ? [
          {
            path: `${path}/alias`,
            message: `"${rule.alias}" is a pattern`,
            hint: 'an alias means one model; to map many names write a target such as provider/*'
          }
        ]
      : []
  }
  const ordered = typeof rule === 'object' && 'strategy' in rule && rule.strategy === 'ordered'
  const single = typeof rule === 'string'
  const base = Array.isArray(rule) ? path : `${path}/targets`
  return entriesOf(rule).flatMap((entry, index) => checkEntry(entry, single ? path : `${base}/${index}`, stars, ordered))
}

function checkEntry(entry: EntryConfig, path: string, stars: number, ordered: boolean): Problem[] {
  const text = typeof entry === 'string' ? entry : entry.target
  const at = typeof entry === 'string' ? path : `${path}/target`
  const target = splitTarget(text)
  if (target === undefined) return [{ path: at, message: `"${text}" is not a target`, hint: 'write provider/model' }]
  if (target.provider.includes('*'))
    return [{ path: at, message: `the provider of "${text}" is a pattern`, hint: 'name one provider; * may stand in the model' }]
  const wanted = new Pattern(target.model).stars
  if (stars > 0 && wanted > stars) return [{ path: at, message: `"${text}" has more * than the name, which has ${stars}` }]
  if (ordered && typeof entry !== 'string' && entry.weight !== undefined)
    return [{ path: `${path}/weight`, message: 'a weight means nothing under the strategy "ordered"', hint: 'write strategy: weighted' }]
  return []
}

function findCircles(config: Config): Problem[] {
  const book = new RuleBook(config.models)
  const problems: Problem[] = []
  for (const start of book.rules) {
    const names = [start.pattern.text]
    let rule = start
    while (rule.alias !== undefined && names.length <= book.rules.length + 1) {
      names.push(rule.alias)
      const next = book.find(rule.alias)?.rule
      if (next === undefined) break
      rule = next
      if (rule !== start) continue
      problems.push({ path: `/models/${step(start.pattern.text)}/alias`, message: `aliases in a circle: ${names.join(' → ')}` })
      break
    }
  }
  return problems
}

/** A key as a step of a JSON pointer. */
function step(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
