// What may import what. Dependencies point one way (api <- the parts <- load <- http <- index <- cli),
// plugins know only the contract, one folder talks to the network, and nothing imports in a circle.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** One import: the text between the quotes, what it takes, whether types only, and its line from 1. */
interface Import {
  readonly name: string
  readonly taken: string
  readonly typeOnly: boolean
  readonly line: number
}

/** The package a file belongs to: its folder and the npm names it may import. */
interface Owner {
  readonly folder: string
  readonly names: ReadonlySet<string>
}

const LEVELS: Readonly<Record<string, number>> = { api: 0, load: 2, http: 3, index: 4, cli: 5, bin: 6 }
const NETWORK = new Set(['node:http', 'node:https', 'node:http2', 'undici'])
const TALKS = /^(?!\s*type\b|\s*STATUS_CODES\b|\s*METHODS\b|\s*$)/
const MAY_TALK = /^core\/(upstream|http|api\/test)\//
const IMPORT = /^\s*(?:import|export)\s+(type\s)?(?:([^'"]*?)\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

const root = new URL('..', import.meta.url).pathname
const files = globSync('{core,plugins}/**/*.{ts,js}', { cwd: root, exclude: path => /node_modules|templates|fixtures/.test(path) })
const imports = new Map(files.map(file => [file, importsOf(file)]))
const problems = [...imports].flatMap(([file, list]) => [...boundaries(file, list), ...statements(file)]).concat(cycles())

for (const problem of problems) process.stderr.write(problem + '\n')
process.exitCode = problems.length > 0 ? 1 : 0

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  return Array.from(text.matchAll(IMPORT), match => ({
    name: match[3] ?? match[4] ?? '',
    taken: match[2] ?? '',
    typeOnly: match[1] !== undefined,
    line: text.slice(0, match.index).split('\n').length + (match[0].match(/^\n*/)?.[0].length ?? 0)
  }))
}

function boundaries(file: string, list: readonly Import[]): string[] {
  const owner = ownerOf(file)
  const test = isTest(file)
  return list.flatMap(item => {
    const { name, line } = item
    const reason = name.startsWith('.') ? relative(file, name, owner, test) : absolute(file, item, owner, test)
    return reason === undefined ? [] : [`${file}:${line} imports ${name}: ${reason}`]
  })
}

function relative(file: string, name: string, owner: Owner, test: boolean): string | undefined {
  const target = normalize(join(dirname(file), name))
  if (!target.startsWith(owner.folder)) return `it is outside ${owner.folder}`
  if (owner.folder === 'core/' && target.startsWith('core/api/')) return 'the contract is imported as @headgate/api'
  if (owner.folder === 'core/' && !test && level(target) > level(file)) return 'dependencies point the other way'
  return undefined
}

function absolute(file: string, item: Import, owner: Owner, test: boolean): string | undefined {
  const { name } = item
  if (test) return undefined
  if (NETWORK.has(name) && !MAY_TALK.test(file) && talks(item)) return 'only core/upstream talks to the network'
  if (name === 'undici' && !file.startsWith('core/upstream/')) return 'only core/upstream uses undici'
  if (name.startsWith('node:')) return undefined
  if (file.startsWith('core/bin/')) return undefined
  if (name === '@headgate/api/test') return 'the test kit is for tests'
  if (name.startsWith('@headgate/') && name !== '@headgate/api') return 'plugins are found by the loader, never imported'
  if (file.startsWith('core/api/test/') && name === 'headgate') return undefined
  const bare = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')
  return owner.names.has(bare) ? undefined : `${owner.folder}package.json does not name it`
}

/** Types and the tables of status texts and methods open no connection. */
function talks({ typeOnly, taken }: Import): boolean {
  if (typeOnly) return false
  const names = taken.match(/^\s*\{([^}]*)\}\s*$/)
  return names === null || (names[1] ?? '').split(',').some(name => TALKS.test(name))
}

/** Lines that no tool of ours can see otherwise. */
function statements(file: string): string[] {
  if (isTest(file) || !file.endsWith('.ts')) return []
  return readFileSync(join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, at) => {
      if (/^(export )?(let|var) /.test(line)) return [`${file}:${at + 1} module-level ${line.trim()}: state belongs to an instance`]
      if (/(?<![.\w#'"`])fetch ?\((?!.*\{$)/.test(line) && !MAY_TALK.test(file) && !/^\s*(\*|\/\/)/.test(line)) {
        return [`${file}:${at + 1} calls fetch: only core/upstream talks to the network`]
      }
      return []
    })
}

/** Circles of imports that exist when the program runs; types may refer to each other. */
function cycles(): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const from = path.indexOf(file)
    if (from !== -1) found.push(`import cycle: ${[...path.slice(from), file].join(' -> ')}`)
    if (from !== -1 || done.has(file)) return
    for (const { name, typeOnly } of imports.get(file) ?? []) {
      if (name.startsWith('.') && !typeOnly) visit(normalize(join(dirname(file), name)), [...path, file])
    }
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}

function ownerOf(file: string): Owner {
  const folder = file.startsWith('core/api/')
    ? 'core/api/'
    : file.startsWith('core/')
      ? 'core/'
      : file.split('/').slice(0, 2).join('/') + '/'
  const path = join(root, folder, 'package.json')
  const manifest = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string>>) : {}
  return {
    folder,
    names: new Set(Object.keys({ ...manifest['dependencies'], ...manifest['peerDependencies'] }).filter(name => name !== 'headgate'))
  }
}

function level(file: string): number {
  const part = file.split('/')[1]?.replace(/\.[tj]s$/, '') ?? ''
  return LEVELS[part] ?? 1
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || /^plugins\/[^/]+\/test\//.test(file) || /^core\/(?!api\/)[^/]+\/test\//.test(file)
}
