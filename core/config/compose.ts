import { isAlias, isMap, isScalar, isSeq, type Alias, type Document, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Finding } from './diagnostics.ts'
import { LIMITS } from './limits.ts'
import type { SourceFile, Spot } from './source.ts'
import { listNode, mapNode, scalarNode, type ConfigNode, type Entry } from './tree.ts'

interface Ranged {
  readonly range?: readonly [number, number, number] | null | undefined
}

const TAGS = new Set([
  '!',
  'tag:yaml.org,2002:str',
  'tag:yaml.org,2002:int',
  'tag:yaml.org,2002:float',
  'tag:yaml.org,2002:bool',
  'tag:yaml.org,2002:null',
  'tag:yaml.org,2002:map',
  'tag:yaml.org,2002:seq'
])

/**
 * Makes config nodes of one parsed document: keys are strings and unique, aliases are resolved to
 * the node they name and counted with everything in it, so that a bomb shows before it goes off.
 */
class TreeBuilder {
  readonly problems: Finding[] = []
  readonly #source: SourceFile
  readonly #anchors = new Map<string, ConfigNode>()
  readonly #open = new Set<string>()

  constructor(source: SourceFile) {
    this.#source = source
  }

  node(value: unknown, at: number): ConfigNode {
    const spot = this.#spot(value as Ranged, at)
    if (isAlias(value)) return this.#alias(value, spot)
    const { anchor, tag } = (value ?? {}) as { anchor?: string; tag?: string }
    if (tag !== undefined && !TAGS.has(tag)) this.#problem('HG_CONFIG_SYNTAX', `the tag ${tag} has no meaning in a config`, spot)
    if (anchor !== undefined) this.#open.add(anchor)
    const node = this.#bounded(this.#content(value, spot), spot)
    if (anchor !== undefined) {
      this.#open.delete(anchor)
      this.#anchors.set(anchor, node)
    }
    return node
  }

  #content(value: unknown, spot: Spot): ConfigNode {
    if (isMap(value)) return this.#map(value, spot)
    if (isSeq(value))
      return listNode(
        spot,
        (value as YAMLSeq).items.map(item => this.node(item, spot.start))
      )
    return scalarNode(spot, isScalar(value) ? value.value : null)
  }

  #map(map: YAMLMap, spot: Spot): ConfigNode {
    const entries = new Map<string, Entry>()
    for (const { key, value } of map.items) {
      const keySpot = this.#spot(key as Ranged, spot.start)
      const node = this.node(value, keySpot.end)
      const name = this.#name(key, keySpot)
      if (name === undefined) continue
      const first = entries.get(name)
      if (first === undefined) entries.set(name, { key: keySpot, node })
      else
        this.#problem(
          'HG_CONFIG_SYNTAX',
          `"${name}" stands here twice, first on line ${this.#source.place(first.key.start, first.key.end).line}`,
          keySpot
        )
    }
    return mapNode(spot, entries)
  }

  #name(key: unknown, spot: Spot): string | undefined {
    if (!isScalar(key) || key.value === null) {
      this.#problem('HG_CONFIG_SYNTAX', 'a key must be a plain text', spot)
      return undefined
    }
    const name = typeof key.value === 'string' ? key.value : ((key as Scalar).source ?? String(key.value))
    if (name === '__proto__') this.#problem('HG_CONFIG_SYNTAX', '"__proto__" cannot be a key', spot)
    else if (name === '<<')
      this.#problem('HG_CONFIG_SYNTAX', 'merge keys are not part of YAML 1.2', spot, 'write the options out, or alias the whole value')
    else if (name.includes('${')) this.#problem('HG_CONFIG_SYNTAX', 'variables are filled into values, not into keys', spot)
    else return name
    return undefined
  }

  #alias(alias: Alias, spot: Spot): ConfigNode {
    const name = alias.source
    const node = this.#anchors.get(name)
    if (this.#open.has(name)) this.#problem('HG_CONFIG_SYNTAX', `*${name} stands inside what it repeats`, spot)
    else if (node === undefined) this.#problem('HG_CONFIG_SYNTAX', `*${name} repeats nothing: no &${name} stands before it`, spot)
    return node ?? scalarNode(spot, null)
  }

  #bounded(node: ConfigNode, spot: Spot): ConfigNode {
    const tooDeep = node.height > LIMITS.depth
    if (!tooDeep && node.size <= LIMITS.nodes) return node
    const message = tooDeep
      ? `more than ${LIMITS.depth} levels of maps and lists within each other`
      : `more than ${LIMITS.nodes} values, aliases counted with all that they repeat`
    this.#problem('HG_CONFIG_TOO_LARGE', message, spot)
    return scalarNode(spot, null)
  }

  #spot(ranged: Ranged | null | undefined, at: number): Spot {
    const range = ranged?.range
    return range == null ? this.#source.spot(at, at) : this.#source.spot(range[0], range[1])
  }

  #problem(code: 'HG_CONFIG_SYNTAX' | 'HG_CONFIG_TOO_LARGE', message: string, spot: Spot, hint?: string): void {
    if (this.problems.length >= LIMITS.syntaxErrors) return
    this.problems.push(hint === undefined ? { code, message, spot } : { code, message, spot, hint })
  }
}

/** The tree of a parsed document, and what a config may not have though YAML allows it. */
export function composeTree(source: SourceFile, document: Document.Parsed): { root: ConfigNode; problems: readonly Finding[] } {
  const builder = new TreeBuilder(source)
  const root = builder.node(document.contents, 0)
  return { root, problems: builder.problems }
}
