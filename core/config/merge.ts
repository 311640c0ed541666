import { dirname, relative } from 'node:path'
import type { Finding } from './diagnostics.ts'
import { placeOf, type Spot } from './source.ts'
import { listNode, mapNode, type ConfigNode, type Entry, type MapNode } from './tree.ts'

/** Sections in which every name belongs to one file, with what a name in them is. */
const NAMED = new Map([
  ['plugins', 'plugin'],
  ['providers', 'provider']
])

/**
 * A config with what it includes below it. The including file wins; instances may be defined once
 * only, and the including file's routes come first, because the first match wins.
 */
export function mergeConfigs(over: MapNode, under: MapNode, problems: Finding[]): MapNode {
  const entries = new Map(over.entries)
  for (const [section, entry] of under.entries) {
    const own = entries.get(section)
    if (own === undefined) entries.set(section, entry)
    else if (section !== 'include') entries.set(section, { key: own.key, node: mergeSection(section, own.node, entry.node, problems) })
  }
  return mapNode(over.spot, entries)
}

function mergeSection(section: string, over: ConfigNode, under: ConfigNode, problems: Finding[]): ConfigNode {
  if (isEmpty(under)) return over
  if (isEmpty(over)) return under
  if (section === 'routes' && over.kind === 'list' && under.kind === 'list') return listNode(over.spot, [...over.items, ...under.items])
  const noun = NAMED.get(section)
  if (noun !== undefined && over.kind === 'map' && under.kind === 'map') return mergeNamed(noun, over, under, problems)
  if (over.kind !== under.kind && (noun !== undefined || section === 'routes' || section === 'server')) {
    problems.push({
      code: 'HG_CONFIG_INVALID',
      message: `"${section}" is a ${over.kind} in one file and a ${under.kind} in the other`,
      spot: under.spot
    })
    return over
  }
  return section === 'server' ? mergeDeep(over, under) : over
}

function isEmpty(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null
}

function mergeNamed(noun: string, over: MapNode, under: MapNode, problems: Finding[]): MapNode {
  const entries = new Map(over.entries)
  for (const [name, entry] of under.entries) {
    const own = entries.get(name)
    if (own === undefined) entries.set(name, entry)
    else problems.push(clash(noun, name, own, entry))
  }
  return mapNode(over.spot, entries)
}

function clash(noun: string, name: string, own: Entry, other: Entry): Finding {
  return {
    code: 'HG_CONFIG_INCLUDE',
    message: `${noun} "${name}" is defined in ${whereabouts(other.key, own.key)} as well`,
    spot: own.key,
    hint: 'a name belongs to one file'
  }
}

function whereabouts(spot: Spot, from: Spot): string {
  const { file, line, col } = placeOf(spot)
  return `${relative(dirname(from.source.file), file)}:${line}:${col}`
}

function mergeDeep(over: ConfigNode, under: ConfigNode): ConfigNode {
  if (over.kind !== 'map' || under.kind !== 'map') return over
  const entries = new Map(over.entries)
  for (const [name, entry] of under.entries) {
    const own = entries.get(name)
    entries.set(name, own === undefined ? entry : { key: own.key, node: mergeDeep(own.node, entry.node) })
  }
  return mapNode(over.spot, entries)
}
