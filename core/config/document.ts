import { dirname, resolve } from 'node:path'
import { arrange, ConfigError, type Finding, type Positions } from './diagnostics.ts'
import { ConfigFiles } from './files.ts'
import { LIMITS } from './limits.ts'
import { placeOf, type Spot } from './source.ts'
import { nodeAt, spotAt, toPlain, type ConfigNode, type MapNode } from './tree.ts'
import type { ConfigPath, On, Place, Unconfigured } from './types.ts'
import { VariableFiller, type Variables } from './variables.ts'

/** A config as its files have it, with the variables filled in. Knows the place of everything. */
export class ConfigDocument implements Positions {
  /** The main file, as an absolute path. */
  readonly file: string
  /** Every file read, the main one first. */
  readonly files: readonly string[]
  /** Plain data, without the providers that are not configured. */
  readonly value: unknown
  /** What was wrong while reading, such as variables that are not set. */
  readonly problems: readonly Finding[]
  /** Optional providers that were left out of {@link ConfigDocument.value}. */
  readonly unconfigured: readonly Unconfigured[]
  readonly #root: MapNode
  readonly #filler: VariableFiller

  constructor(file: string, root: MapNode, read: ConfigFiles, filler: VariableFiller) {
    this.file = file
    this.files = read.files
    this.problems = [...read.problems, ...filler.problems]
    this.#root = root
    this.#filler = filler
    this.unconfigured = [...filler.unconfigured].map(([name, missing]) => unconfigured(root, name, missing))
    this.value = toPlain(root, path => path.length === 2 && path[0] === 'providers' && filler.unconfigured.has(String(path[1])))
  }

  /** Where a path stands. One that does not exist stands for the key of its nearest existing owner. */
  locate(path: ConfigPath, on: On): Place {
    return placeOf(spotAt(this.#root, path, on))
  }

  /** As {@link ConfigDocument.locate}, for diagnostics that are printed later. */
  spot(path: ConfigPath, on: On): Spot {
    return spotAt(this.#root, path, on)
  }

  /** True when the file has something at this path. */
  has(path: ConfigPath): boolean {
    return nodeAt(this.#root, path) !== undefined
  }

  /** True for a scalar that holds a `${…}`: it may be coerced, and its value is never printed. */
  isInterpolated(path: ConfigPath): boolean {
    return this.#scalar(path)?.filled !== undefined
  }

  /** True for a scalar whose variable is not set: its value is of no use. */
  missing(path: ConfigPath): boolean {
    return (this.#scalar(path)?.filled?.missing.length ?? 0) > 0
  }

  /** From now on the scalar at this path prints as stars in source lines. */
  hide(path: ConfigPath): void {
    const node = this.#scalar(path)
    if (node !== undefined && node.filled === undefined) node.spot.source.hide(node.spot.start, node.spot.end)
  }

  /** The text without any value that came from a variable or a file. */
  scrub(text: string): string {
    return this.#filler.scrub(text)
  }

  #scalar(path: ConfigPath): (ConfigNode & { kind: 'scalar' }) | undefined {
    const node = nodeAt(this.#root, path)
    return node?.kind === 'scalar' ? node : undefined
  }
}

function unconfigured(root: MapNode, name: string, missing: ReadonlySet<string>): Unconfigured {
  const use = nodeAt(root, ['providers', name, 'use'])
  const node = nodeAt(root, ['providers', name])
  return {
    name,
    use: use?.kind === 'scalar' && typeof use.value === 'string' ? use.value : '',
    missing: [...missing],
    value: node && toPlain(node)
  }
}

/** Options of {@link readDocument}. */
export interface ReadOptions {
  /** Where `${NAME}` is looked up. */
  readonly env: Variables
}

/**
 * Reads a config file with everything it includes, and fills the variables in. What is wrong
 * without making the whole unreadable is in `problems`.
 *
 * @throws {ConfigError} when a file is missing, too large or not valid YAML, with all that is wrong
 */
export function readDocument(file: string, options: ReadOptions): ConfigDocument {
  const main = resolve(file)
  const filler = new VariableFiller(options.env, dirname(main))
  const read = new ConfigFiles(filler)
  const root = read.load(main)
  if (root !== undefined && root.size > LIMITS.nodes)
    read.fatal.push({ code: 'HG_CONFIG_TOO_LARGE', message: `the config files have more than ${LIMITS.nodes} values together`, spot: main })
  if (root !== undefined && read.fatal.length === 0) filler.fillConfig(root)
  if (root === undefined || read.fatal.length > 0) throw new ConfigError(arrange(read.fatal))
  return new ConfigDocument(main, root, read, filler)
}
