import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { createRequire, findPackageJSON } from 'node:module'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ErrorCode } from '@headgate/api'
import { suggest } from '../config/suggest.ts'

/** Where the code of a `use:` lies. */
export interface Resolved {
  readonly file: string
  /** The package it belongs to, null for local files. */
  readonly manifest: Manifest | null
  readonly origin: 'file' | 'npm' | 'builtin'
}

/** What a package says of itself without being run. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly apiVersion: number | undefined
}

/** A `use:` that leads nowhere, or where it must not lead. */
export class ResolveError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, hint?: string) {
    super(message)
    this.name = 'ResolveError'
    this.code = code
    this.hint = hint
  }
}

const INDEX: readonly string[] = ['index.ts', 'index.mts', 'index.js', 'index.mjs']

/**
 * Finds the module of a `use:`: a file or folder when it begins with `.` or `/`, a built-in by its
 * short name, otherwise an npm package as seen from the config file. `builtin:` and `npm:` force one.
 *
 * @throws {ResolveError}
 */
export function resolveUse(use: string, configDir: string): Resolved {
  if (use.startsWith('.') || isAbsolute(use)) return localFile(use, configDir)
  if (use.startsWith('npm:')) return npmPackage([use.slice(4)], configDir)
  if (use.startsWith('builtin:')) return builtin(use.slice(8)) ?? missing(use, builtinNames(use.slice(8)), configDir)
  if (use.includes('/') || use.startsWith('@')) return npmPackage([use], configDir)
  return builtin(use) ?? npmPackage([use, ...builtinNames(use), `headgate-plugin-${use}`], configDir)
}

/** Package names under which a short name may be found. */
export function builtinNames(name: string): string[] {
  return name.startsWith('provider-') ? [`@headgate/${name}`] : [`@headgate/plugin-${name}`]
}

function builtin(name: string): Resolved | undefined {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined
  for (const candidate of builtinNames(name)) {
    const found = fromPackage(candidate, import.meta.url, 'builtin')
    if (found !== undefined) return found
  }
  return undefined
}

function npmPackage(names: readonly string[], configDir: string): Resolved {
  const base = pathToFileURL(join(configDir, 'headgate.yaml')).href
  for (const name of names) {
    const found = fromPackage(name, base, 'npm')
    if (found !== undefined) return found
  }
  return missing(names[0]!, names, configDir)
}

function missing(use: string, names: readonly string[], configDir: string): never {
  const name = names[0]!
    .split('/')
    .slice(0, names[0]!.startsWith('@') ? 2 : 1)
    .join('/')
  const near = suggest(use, shippedNames())
  if (near !== undefined)
    throw new ResolveError('HG_PLUGIN_NOT_FOUND', `there is no plugin "${use}"; searched from ${configDir}`, `did you mean "${near}"?`)
  throw new ResolveError('HG_PLUGIN_NOT_FOUND', `"${use}" is not installed; searched from ${configDir}`, `npm install ${name}`)
}

/** Short names of the plugins that come with the gateway. */
function shippedNames(): string[] {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    dependencies: { [name: string]: string }
  }
  return Object.keys(dependencies).flatMap(
    name =>
      /^@headgate\/(?:plugin-(.+)|(provider-.+))$/
        .exec(name)
        ?.slice(1)
        .filter(part => part !== undefined) ?? []
  )
}

function fromPackage(specifier: string, base: string, origin: 'npm' | 'builtin'): Resolved | undefined {
  let json: string | undefined
  try {
    json = findPackageJSON(specifier, base)
  } catch {
    // Node throws for names that it cannot find; that is an answer, not an error.
    return undefined
  }
  if (json === undefined) return undefined
  const manifest = manifestIn(json, specifier) as {
    name: string
    version: string
    headgate?: { apiVersion?: number }
    exports?: unknown
    main?: string
  }
  const file = entryOf(specifier, base, manifest, dirname(json))
  return {
    file,
    manifest: { name: manifest.name, version: manifest.version ?? '0.0.0', apiVersion: manifest.headgate?.apiVersion },
    origin
  }
}

function manifestIn(json: string, use: string): unknown {
  try {
    return JSON.parse(readFileSync(json, 'utf8'))
  } catch (error) {
    throw new ResolveError('HG_PLUGIN_IMPORT', `the package.json of "${use}" cannot be read: ${(error as Error).message.split('\n')[0]}`)
  }
}

function entryOf(specifier: string, base: string, manifest: { exports?: unknown }, folder: string): string {
  try {
    return createRequire(base).resolve(specifier)
  } catch (error) {
    const entry = importEntry(manifest.exports, specifier)
    if (entry !== undefined) return join(folder, entry)
    throw new ResolveError(
      'HG_PLUGIN_IMPORT',
      `the package of "${specifier}" has no entry point: ${(error as Error).message.split('\n')[0]}`
    )
  }
}

/** The `import` entry of packages that offer nothing to `require`. */
function importEntry(exported: unknown, specifier: string): string | undefined {
  const parts = specifier.split('/')
  const rest = parts.slice(specifier.startsWith('@') ? 2 : 1).join('/')
  const key = rest === '' ? '.' : `./${rest}`
  const at =
    typeof exported === 'object' && exported !== null && key in exported
      ? (exported as { [key: string]: unknown })[key]
      : rest === ''
        ? exported
        : undefined
  if (typeof at === 'string') return at
  const { import: esm, node, default: fallback } = (at ?? {}) as { import?: unknown; node?: unknown; default?: unknown }
  for (const value of [node, esm, fallback]) {
    if (typeof value === 'string') return value
    const nested = (value as { default?: unknown } | undefined)?.default
    if (typeof nested === 'string') return nested
  }
  return undefined
}

function localFile(use: string, configDir: string): Resolved {
  const wanted = resolve(configDir, use)
  const root = rootOf(configDir)
  if (!isWithin(wanted, root))
    throw new ResolveError(
      'HG_PLUGIN_FORBIDDEN',
      `"${use}" lies outside ${root}`,
      'keep local plugins next to the config, or install them as packages'
    )
  if (!existsSync(wanted)) throw new ResolveError('HG_PLUGIN_NOT_FOUND', `there is no file or folder "${use}" next to the config`)
  const file = statSync(wanted).isDirectory() ? indexOf(wanted, use) : wanted
  if (!existsSync(file))
    throw new ResolveError('HG_PLUGIN_NOT_FOUND', `the entry of the folder "${use}" does not exist`, relative(configDir, file))
  const real = realpathSync(file)
  if (!isWithin(real, realpathSync(root))) throw new ResolveError('HG_PLUGIN_FORBIDDEN', `"${use}" is a link to a place outside ${root}`)
  if (process.platform !== 'win32' && (statSync(real).mode & 0o002) !== 0)
    throw new ResolveError(
      'HG_PLUGIN_FORBIDDEN',
      `"${use}" can be written by every user of this machine`,
      `chmod o-w ${relative(process.cwd(), real)}`
    )
  return { file: real, manifest: null, origin: 'file' }
}

function indexOf(folder: string, use: string): string {
  const json = join(folder, 'package.json')
  if (existsSync(json)) {
    const entry = importEntry((manifestIn(json, use) as { exports?: unknown }).exports, '.')
    if (entry !== undefined) return join(folder, entry)
  }
  for (const name of INDEX) if (existsSync(join(folder, name))) return join(folder, name)
  throw new ResolveError('HG_PLUGIN_NOT_FOUND', `the folder "${use}" has no ${INDEX.join(', ')}`)
}

/** Local plugins live below the folder of the config, or below the working directory where the config lies in it. `/` is no such directory: it would allow everything. */
function rootOf(configDir: string): string {
  const cwd = process.cwd()
  return dirname(cwd) !== cwd && isWithin(configDir, cwd) ? cwd : configDir
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}
