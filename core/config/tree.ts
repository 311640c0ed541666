import type { ConfigPath } from './types.ts'
import type { Spot } from './source.ts'

/** What interpolation made of a scalar. */
export interface Filled {
  readonly value: string
  /** Variables and files that are not there; the value is then of no use. */
  readonly missing: readonly string[]
}

/** A string, number, boolean or null, and where it stands. */
export interface ScalarNode {
  readonly kind: 'scalar'
  readonly spot: Spot
  /** As written, before interpolation. */
  readonly value: unknown
  readonly size: 1
  readonly height: 0
  /** Set by interpolation where the text holds a `${…}`. */
  filled?: Filled
}

/** A key and its value. */
export interface Entry {
  readonly key: Spot
  readonly node: ConfigNode
}

/** A map. `size` counts everything in it, `height` the levels below it. */
export interface MapNode {
  readonly kind: 'map'
  readonly spot: Spot
  readonly entries: ReadonlyMap<string, Entry>
  readonly size: number
  readonly height: number
}

/** A list. */
export interface ListNode {
  readonly kind: 'list'
  readonly spot: Spot
  readonly items: readonly ConfigNode[]
  readonly size: number
  readonly height: number
}

/** A config after parsing: plain shapes, each of which knows its place. Aliases share nodes. */
export type ConfigNode = ScalarNode | MapNode | ListNode

/** A scalar as written. */
export function scalarNode(spot: Spot, value: unknown): ScalarNode {
  return { kind: 'scalar', spot, value, size: 1, height: 0 }
}

/** A map, measured. */
export function mapNode(spot: Spot, entries: ReadonlyMap<string, Entry>): MapNode {
  let size = 1
  let height = 0
  for (const { node } of entries.values()) {
    size += node.size
    height = Math.max(height, node.height + 1)
  }
  return { kind: 'map', spot, entries, size, height }
}

/** A list, measured. */
export function listNode(spot: Spot, items: readonly ConfigNode[]): ListNode {
  let size = 1
  let height = 0
  for (const node of items) {
    size += node.size
    height = Math.max(height, node.height + 1)
  }
  return { kind: 'list', spot, items, size, height }
}

function childOf(node: ConfigNode, part: string | number): { key: Spot | undefined; node: ConfigNode } | undefined {
  if (node.kind === 'map') return node.entries.get(String(part))
  const item = node.kind === 'list' ? node.items[Number(part)] : undefined
  return item && { key: undefined, node: item }
}

/** The node at a path, or undefined. */
export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root
  for (const part of path) {
    node = node && childOf(node, part)?.node
  }
  return node
}

/** What to underline for a path: its key or its value, or the key of the nearest owner that exists. */
export function spotAt(root: ConfigNode, path: ConfigPath, on: 'key' | 'value'): Spot {
  let node = root
  let key: Spot | undefined
  let owner: Spot | undefined
  for (const part of path) {
    const child = childOf(node, part)
    if (child === undefined) return key ?? owner ?? node.spot
    owner = key ?? owner
    node = child.node
    key = child.key
  }
  if (on === 'key') return key ?? node.spot
  return node.spot.end > node.spot.start || key === undefined ? node.spot : key
}

/** A node as plain data. `skip` leaves out whole entries, by path. */
export function toPlain(node: ConfigNode, skip?: (path: ConfigPath) => boolean, path: ConfigPath = []): unknown {
  if (node.kind === 'scalar') return node.filled === undefined ? node.value : node.filled.value
  if (node.kind === 'list') return node.items.map((item, index) => toPlain(item, skip, [...path, index]))
  const plain: Record<string, unknown> = {}
  for (const [name, entry] of node.entries) {
    const below = [...path, name]
    if (skip?.(below) !== true) plain[name] = toPlain(entry.node, skip, below)
  }
  return plain
}
