import type { Plugin, Provider } from '@headgate/api'
import type { ConfigDocument } from '../config/document.ts'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { ConfigPath, GatewayConfig } from '../config/types.ts'
import type { Validator } from '../config/validate.ts'
import { compileGlob } from '../config/glob.ts'
import { API_VERSIONS, type Found } from './definition.ts'
import { importPlugin } from './import.ts'
import { ResolveError, resolveUse, type Resolved } from './resolve.ts'

/** A definition with its checked config, before `setup`. */
export interface Prepared {
  readonly kind: 'plugin' | 'provider'
  readonly name: string
  readonly use: string
  readonly found: Found
  readonly config: unknown
}

/** What finding and checking instances needs. */
export interface PrepareEnv {
  readonly config: GatewayConfig
  readonly document: ConfigDocument
  readonly report: Diagnostics
  readonly validator: Validator
  readonly configDir: string
  /** Definitions given by the program that embeds the gateway, by the name used in `use:`. */
  readonly given: { readonly [use: string]: Plugin | Provider }
}

/** Finds, imports and checks every plugin and provider of a config. What is wrong is in the report; what is right is returned. */
export async function prepareAll(env: PrepareEnv): Promise<Prepared[]> {
  const cache = new Map<string, Promise<Found>>()
  const jobs: Promise<Prepared | undefined>[] = []
  for (const [name, plugin] of Object.entries(env.config.plugins)) jobs.push(prepare(env, cache, 'plugin', name, plugin.use, plugin.config))
  for (const [name, provider] of Object.entries(env.config.providers))
    jobs.push(prepare(env, cache, 'provider', name, provider.use, provider.config))
  const prepared = await Promise.all(jobs)
  return prepared.filter(entry => entry !== undefined)
}

async function prepare(
  env: PrepareEnv,
  cache: Map<string, Promise<Found>>,
  kind: 'plugin' | 'provider',
  name: string,
  use: string,
  config: unknown
): Promise<Prepared | undefined> {
  if (typeof use !== 'string') return undefined
  const path: ConfigPath = [kind === 'plugin' ? 'plugins' : 'providers', name]
  let found: Found
  try {
    let finding = cache.get(use)
    if (finding === undefined) {
      finding = find(env, use)
      cache.set(use, finding)
    }
    found = await finding
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error
    env.report.add({
      code: error.code,
      path: [...path, 'use'],
      message: `${name}: ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint })
    })
    return undefined
  }
  return checkDefinition(env, found, kind, name, path) ? checkConfig(env, found, { kind, name, use, found, config }, path) : undefined
}

async function find(env: PrepareEnv, use: string): Promise<Found> {
  const given = env.given[use]
  if (given !== undefined) return { definition: given, file: '(given)', version: null, ms: 0 }
  const resolved = resolveUse(use, env.configDir)
  if (!isAllowed(env.config, use, resolved)) throw new ResolveError('HG_PLUGIN_FORBIDDEN', `"${use}" is not in plugins_allow`)
  const { manifest } = resolved
  // A plugin for another version may not even import; its manifest says so without running it.
  if (manifest?.apiVersion !== undefined && !API_VERSIONS.includes(manifest.apiVersion))
    throw new ResolveError('HG_PLUGIN_API_VERSION', otherVersion(manifest.name, manifest.apiVersion), OTHER_VERSION_HINT)
  return importPlugin(use, resolved)
}

const OTHER_VERSION_HINT = 'install a version of the plugin for this gateway'

function otherVersion(name: string, version: unknown): string {
  return `plugin "${name}" is written for API version ${String(version)}, this gateway speaks ${API_VERSIONS.join(', ')}`
}

/** By what it was found to be, not by what it is called: `builtin:*` is no leave for a file. */
function isAllowed(config: GatewayConfig, use: string, { origin, manifest }: Resolved): boolean {
  const allow = config.plugins_allow
  if (allow === undefined) return true
  const bare = use.replace(/^(npm|builtin):/, '')
  const names = origin === 'file' ? [use] : [bare, `${origin}:${bare}`, ...(manifest === null ? [] : [manifest.name])]
  return allow.some(pattern => names.some(compileGlob(pattern)))
}

function checkDefinition(env: PrepareEnv, found: Found, kind: 'plugin' | 'provider', name: string, path: ConfigPath): boolean {
  const { definition } = found
  const wrong = (
    code: 'HG_PLUGIN_API_VERSION' | 'HG_CONFIG_REFERENCE' | 'HG_CONFIG_INVALID' | 'HG_PLUGIN_IMPORT',
    message: string,
    hint?: string
  ): false => {
    env.report.add({ code, path: [...path, 'use'], message: `${name}: ${message}`, ...(hint === undefined ? {} : { hint }) })
    return false
  }
  if (!API_VERSIONS.includes(definition.apiVersion))
    return wrong('HG_PLUGIN_API_VERSION', otherVersion(definition.name, definition.apiVersion), OTHER_VERSION_HINT)
  if (definition.kind !== kind)
    return wrong('HG_CONFIG_REFERENCE', `"${definition.name}" is a ${definition.kind} and belongs under ${definition.kind}s`)
  if (definition.stability === 'experimental' && env.config.allow_experimental !== true)
    return wrong('HG_CONFIG_INVALID', `plugin "${definition.name}" is experimental`, 'set allow_experimental: true to use it')
  const problems = env.validator.checkSchema(definition.configSchema)
  if (problems.length > 0) return wrong('HG_PLUGIN_IMPORT', `the configSchema of "${definition.name}" is not usable: ${problems[0]!}`)
  return true
}

function checkConfig(env: PrepareEnv, found: Found, raw: Prepared, path: ConfigPath): Prepared | undefined {
  const { definition } = found
  const at: ConfigPath = [...path, 'config']
  const before = env.report.list.length
  const config = env.validator.compileSchema(definition.configSchema)(raw.config, {
    document: env.document,
    path: at,
    report: env.report,
    label: raw.name
  })
  if (env.report.touches(at) || env.report.list.length > before) return { ...raw, config }
  for (const problem of definition.validate?.(config as never) ?? []) {
    const inner = problem.path
      .split('/')
      .filter(part => part !== '')
      .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    env.report.add({
      code: 'HG_CONFIG_INVALID',
      path: [...at, ...inner],
      message: `${raw.name}: ${problem.message}`,
      ...(problem.hint === undefined ? {} : { hint: problem.hint })
    })
  }
  return { ...raw, config }
}
