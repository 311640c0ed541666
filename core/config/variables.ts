import { resolve } from 'node:path'
import type { Finding } from './diagnostics.ts'
import { hasVariable, interpolate, type Found } from './interpolate.ts'
import { LIMITS } from './limits.ts'
import { readBounded } from './read-bounded.ts'
import type { Spot } from './source.ts'
import type { ConfigNode, Filled, MapNode, ScalarNode } from './tree.ts'

/** Variables by name, as a process has them. */
export interface Variables {
  readonly [name: string]: string | undefined
}

/** Shorter values are too common to be looked for in messages. */
const MIN_SCRUBBED = 6

/** Fills the scalars of one config in, and remembers what came from outside. */
export class VariableFiller {
  readonly problems: Finding[] = []
  /** Names that are missing in optional providers, by provider. */
  readonly unconfigured = new Map<string, Set<string>>()
  readonly #env: Variables
  readonly #dir: string
  readonly #files = new Map<string, Found>()
  readonly #values = new Set<string>()
  readonly #reasons = new Map<string, string>()
  #made = 0

  /** `dir` is the folder that `${file:…}` is relative to. */
  constructor(env: Variables, dir: string) {
    this.#env = env
    this.#dir = dir
  }

  /** Fills one scalar, once. Null for a scalar without a variable. */
  scalar(node: ScalarNode): Filled | null {
    if (node.filled !== undefined) return node.filled
    if (typeof node.value !== 'string' || !hasVariable(node.value)) return null
    const result = interpolate(node.value, name => this.#lookup(name))
    for (const message of result.problems) this.#problem(node.spot, message, 'write $${ for a ${ that is meant as text')
    for (const { name, reason } of result.missing) this.#reasons.set(name, reason)
    this.#made += result.value.length
    const excess = this.#made > LIMITS.interpolated
    if (excess)
      this.problems.push({ code: 'HG_CONFIG_TOO_LARGE', message: 'the variables fill the config beyond its size limit', spot: node.spot })
    node.filled = { value: excess ? '' : result.value, missing: result.missing.map(entry => entry.name) }
    return node.filled
  }

  /** Fills everything below a node; what is missing is an error unless it is in an optional provider. */
  fill(node: ConfigNode, provider?: string): void {
    if (node.kind === 'map') {
      for (const entry of node.entries.values()) this.fill(entry.node, provider)
    } else if (node.kind === 'list') {
      for (const item of node.items) this.fill(item, provider)
    } else {
      const filled = this.scalar(node)
      for (const name of filled?.missing ?? []) this.#missing(node.spot, name, provider)
    }
  }

  /** Fills a whole config. */
  fillConfig(root: MapNode): void {
    for (const [section, { node }] of root.entries) {
      if (section !== 'providers' || node.kind !== 'map') this.fill(node)
      else for (const [name, entry] of node.entries) this.fill(entry.node, isOptional(entry.node) ? name : undefined)
    }
  }

  /** The text without any value that came from a variable or a file. */
  scrub(text: string): string {
    let clean = text
    for (const value of this.#values) clean = clean.replaceAll(value, '***')
    return clean
  }

  #missing(spot: Spot, name: string, provider: string | undefined): void {
    if (provider === undefined) {
      const hint = name.startsWith('file:') ? undefined : 'set it in the environment or in .env'
      this.#problem(this.#within(spot, name), `${name} ${this.#reasons.get(name) ?? 'is not set'}`, hint)
      return
    }
    const names = this.unconfigured.get(provider) ?? new Set()
    this.unconfigured.set(provider, names.add(name))
  }

  /** The `${NAME…}` within the scalar, so that the caret stands below the variable itself. */
  #within(spot: Spot, name: string): Spot {
    const start = spot.source.text.indexOf(`\${${name}`, spot.start)
    if (start === -1 || start >= spot.end) return spot
    const end = spot.source.text.indexOf('}', start)
    return spot.source.spot(start, end === -1 ? spot.end : end + 1)
  }

  #lookup(name: string): Found {
    const found = name.startsWith('file:') ? this.#file(name.slice(5).trim()) : this.#variable(name)
    if ('value' in found && found.value.length >= MIN_SCRUBBED) this.#values.add(found.value)
    return found
  }

  #variable(name: string): Found {
    const value = Object.hasOwn(this.#env, name) ? this.#env[name] : undefined
    if (value === undefined) return { absent: 'is not set' }
    return value === '' ? { absent: 'is empty' } : { value }
  }

  #file(path: string): Found {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const reading = readBounded(resolve(this.#dir, path), LIMITS.secretBytes)
    const found = 'text' in reading ? trimmed(reading.text) : unread(reading.problem)
    this.#files.set(path, found)
    return found
  }

  #problem(spot: Spot, message: string, hint: string | undefined): void {
    const finding: Finding = { code: 'HG_CONFIG_VARIABLE', message, spot }
    this.problems.push(hint === undefined ? finding : { ...finding, hint })
  }
}

function trimmed(text: string): Found {
  const value = text.replace(/(?:\r?\n)+$/, '')
  return value === '' ? { absent: 'is empty' } : { value }
}

function unread(problem: string): Found {
  if (problem === 'missing') return { absent: 'does not exist' }
  if (problem === 'too large') return { problem: `is larger than ${LIMITS.secretBytes / 1024} KiB` }
  if (problem === 'unreadable') return { problem: 'cannot be read' }
  return { problem: `is ${problem === 'not UTF-8' ? 'not UTF-8 text' : problem}` }
}

function isOptional(node: ConfigNode): boolean {
  const flag = node.kind === 'map' ? node.entries.get('optional')?.node : undefined
  return flag?.kind === 'scalar' && flag.value === true
}
