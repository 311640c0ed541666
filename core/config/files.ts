import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { composeTree } from './compose.ts'
import type { Finding } from './diagnostics.ts'
import { includedFiles } from './include.ts'
import { LIMITS } from './limits.ts'
import { mergeConfigs } from './merge.ts'
import { parseYaml } from './parse.ts'
import { readBounded } from './read-bounded.ts'
import { SourceFile, type Spot } from './source.ts'
import { mapNode, type ConfigNode, type MapNode, type ScalarNode } from './tree.ts'
import type { VariableFiller } from './variables.ts'

const TOO_LARGE = `the file is larger than ${LIMITS.fileBytes / 1024 ** 2} MiB`

/** Reads a config file and what it includes into one tree. */
export class ConfigFiles {
  /** What makes the whole config unusable. */
  readonly fatal: Finding[] = []
  /** What is wrong but leaves a config to look at. */
  readonly problems: Finding[] = []
  /** Every file that was read, the main one first. */
  readonly files: string[] = []
  readonly #filler: VariableFiller
  readonly #seen = new Set<string>()
  #bytes = 0

  constructor(filler: VariableFiller) {
    this.#filler = filler
  }

  /** The tree of a file; `from` is where it is included. Without a tree there is a fatal problem. */
  load(file: string, from?: Spot, chain: readonly string[] = []): MapNode | undefined {
    const source = this.#read(file, from)
    if (source === undefined) return undefined
    const parsed = parseYaml(source)
    if ('problems' in parsed) return this.#fail(parsed.problems)
    const { root, problems } = composeTree(source, parsed.document)
    if (problems.length > 0) return this.#fail(problems)
    const map = asMap(root)
    if (map === undefined)
      return this.#fail([
        {
          code: 'HG_CONFIG_INVALID',
          message: `a config is a map of options, not a ${root.kind === 'list' ? 'list' : 'single value'}`,
          spot: root.spot
        }
      ])
    return this.#withIncludes(map, [...chain, realPath(file)])
  }

  #read(file: string, from: Spot | undefined): SourceFile | undefined {
    const reading = readBounded(file, LIMITS.fileBytes)
    if ('text' in reading) {
      this.#bytes += reading.text.length
      this.files.push(file)
      if (this.#bytes <= LIMITS.totalBytes) return new SourceFile(file, reading.text)
      this.fatal.push({
        code: 'HG_CONFIG_TOO_LARGE',
        message: `the config files are larger than ${LIMITS.totalBytes / 1024 ** 2} MiB together`,
        spot: from ?? file
      })
    } else if (reading.problem === 'too large') this.fatal.push({ code: 'HG_CONFIG_TOO_LARGE', message: TOO_LARGE, spot: file })
    else if (reading.problem === 'not UTF-8')
      this.fatal.push({ code: 'HG_CONFIG_SYNTAX', message: 'the file is not UTF-8 text', spot: file })
    else this.fatal.push({ code: 'HG_CONFIG_NOT_FOUND', message: NOT_READ[reading.problem], spot: file })
    return undefined
  }

  #fail(problems: readonly Finding[]): undefined {
    this.fatal.push(...problems)
  }

  #withIncludes(root: MapNode, chain: readonly string[]): MapNode {
    const entry = root.entries.get('include')
    if (entry === undefined) return root
    let included: MapNode | undefined
    for (const node of entriesIn(entry.node)) {
      for (const file of this.#named(node)) {
        const tree = this.#include(file, node.spot, chain)
        if (tree === undefined) continue
        included = included === undefined ? tree : mergeConfigs(included, tree, this.problems)
      }
    }
    return included === undefined ? root : mergeConfigs(root, included, this.problems)
  }

  #named(node: ScalarNode): readonly string[] {
    this.#filler.fill(node)
    const pattern = node.filled?.value ?? node.value
    if (typeof pattern !== 'string' || pattern === '' || (node.filled?.missing.length ?? 0) > 0) return []
    const files = includedFiles(pattern, node.spot.source.file)
    if (files === undefined) this.#wrong(node.spot, 'the included file does not exist')
    return files ?? []
  }

  #include(file: string, spot: Spot, chain: readonly string[]): MapNode | undefined {
    const real = realPath(file)
    if (chain.includes(real)) return this.#wrong(spot, 'this include comes back to a file that includes it')
    if (chain.length > LIMITS.includeDepth) return this.#wrong(spot, `more than ${LIMITS.includeDepth} includes within each other`)
    if (this.#seen.has(real)) return undefined
    this.#seen.add(real)
    if (this.#seen.size >= LIMITS.files) return this.#wrong(spot, `more than ${LIMITS.files} config files`)
    return this.load(file, spot, chain)
  }

  #wrong(spot: Spot, message: string): undefined {
    this.fatal.push({ code: 'HG_CONFIG_INCLUDE', message, spot })
  }
}

const NOT_READ = Object.freeze({
  missing: 'the file does not exist',
  'not a file': 'this is no regular file',
  unreadable: 'the file cannot be read'
})

/** One name for a file, whatever links lead to it. A file that has just vanished keeps the name it had. */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}

function asMap(root: ConfigNode): MapNode | undefined {
  if (root.kind === 'map') return root
  return root.kind === 'scalar' && root.value === null ? mapNode(root.spot, new Map()) : undefined
}

function entriesIn(node: ConfigNode): ScalarNode[] {
  if (node.kind === 'scalar') return [node]
  return node.kind === 'list' ? node.items.filter(item => item.kind === 'scalar') : []
}
