import { dirname } from 'node:path'
import type { Plugin, Provider } from '@headgate/api'
import { loadConfig, type Overrides } from '../config/load.ts'
import type { ConfigDocument } from '../config/document.ts'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { GatewayConfig } from '../config/types.ts'
import { createValidator } from '../config/validate.ts'
import type { Route, RouteQuery, Snapshot } from '../run/pipeline.ts'
import type { Dispatcher } from '../upstream/types.ts'
import { compileRoute } from './compile.ts'
import { checkCoverage } from './coverage.ts'
import { prepareAll } from './entries.ts'
import { Generation } from './generation.ts'
import { hooksOf, type Entry, type PluginEntry } from './instance.ts'
import { checkOrder, checkStreaming, linkSteps, type LinkedStep } from './pipeline-checks.ts'
import { openProviders } from './providers.ts'
import { checkRoutes, compileMatch } from './routes.ts'
import { setupAll, type SetupEnv } from './setup.ts'

/** What a generation is built from. */
export interface BuildEnv extends Omit<SetupEnv, 'report' | 'configDir' | 'dataDir'> {
  readonly file: string
  readonly variables: { readonly [name: string]: string | undefined }
  readonly overrides: Overrides
  readonly given: { readonly [use: string]: Plugin | Provider }
  readonly dispatcher: Dispatcher
  readonly nextId: (name: string) => number
  readonly dataDirOf: (config: GatewayConfig) => string
}

/** A generation with what was found on the way, for reports. */
export interface Built {
  readonly generation: Generation
  readonly document: ConfigDocument
  readonly pipelines: ReadonlyMap<string, readonly LinkedStep[]>
}

/**
 * Builds a generation as far as it goes without I/O of plugins: everything but `start`.
 *
 * @throws {ConfigError} with all that is wrong, after what was set up is closed again
 */
export async function build(env: BuildEnv, number: number): Promise<Built> {
  const { config, document, report } = loadConfig(env.file, { env: env.variables, overrides: env.overrides })
  const configDir = dirname(document.file)
  const prepared = await prepareAll({ config, document, report, validator: createValidator(), configDir, given: env.given })
  const entries = await setupAll(prepared, { ...env, report, configDir, dataDir: env.dataDirOf(config) })
  const plugins = new Map(entries.filter((entry): entry is PluginEntry => entry.kind === 'plugin').map(entry => [entry.name, entry]))
  for (const entry of plugins.values()) checkStreaming(entry, report)
  const pipelines = config.routes.map((_route, at) => linkSteps(config, at, plugins, report))
  pipelines.forEach((steps, at) => {
    checkOrder(steps, report)
    checkAuthenticated(config, at, steps, report)
    checkCoverage(config.routes[at]!, steps, plugin => config.plugins[plugin]?.required === true, report)
  })
  checkRoutes(config.routes, report)
  checkUsed(config, plugins, report)
  const compiled: Route[] = config.routes.map((route, at) => compileRoute(route, pipelines[at]!, { document, report, nextId: env.nextId }))
  const { providers, close } = openProviders(config, entries, env.dispatcher, report)
  if (report.failed) await new Generation(config, NO_SNAPSHOT, [], entries, close).close()
  report.throwIfAny()
  const matchers = config.routes.map(route => compileMatch(route.match))
  const match = (query: RouteQuery): Route | undefined => compiled[matchers.findIndex(matches => matches(query))]
  const snapshot: Snapshot = { generation: number, match, providers, providerViews: viewsOf(entries) }
  return {
    generation: new Generation(config, snapshot, document.unconfigured, entries, close),
    document,
    pipelines: new Map(config.routes.map((route, at) => [route.name, pipelines[at]!]))
  }
}

const NO_SNAPSHOT: Snapshot = { generation: 0, match: () => undefined, providers: new Map(), providerViews: [] }

function viewsOf(entries: readonly Entry[]): Snapshot['providerViews'] {
  const views = entries
    .filter(entry => entry.kind === 'provider')
    .map(entry => Object.freeze({ name: entry.name, models: Object.freeze([...(entry.instance.models ?? [])]) }))
  return Object.freeze(views)
}

/** A route without an authenticate step would serve anybody: that has to be said on purpose. */
function checkAuthenticated(config: GatewayConfig, at: number, steps: readonly LinkedStep[], report: Diagnostics): void {
  if (steps.some(({ entry }) => entry.instance.authenticate !== undefined) || report.touches(['routes', at, 'pipeline'])) return
  const unknown = config.routes[at]!.pipeline.length !== steps.length
  if (unknown) return
  report.add({
    code: 'HG_CONFIG_ROUTE',
    path: ['routes', at, 'pipeline'],
    on: 'key',
    message: `route "${config.routes[at]!.name}" has no step that authenticates`,
    hint: 'add auth-api-key, or auth-none to serve everybody on purpose'
  })
}

/** An instance that nothing uses would silently do nothing. */
function checkUsed(config: GatewayConfig, plugins: ReadonlyMap<string, PluginEntry>, report: Diagnostics): void {
  const used = new Set(config.routes.flatMap(route => route.pipeline.map(item => (typeof item === 'string' ? item : item.plugin))))
  // A misspelt name in a pipeline is reported already, and the instance it meant would seem unused.
  for (const name of used) if (!(name in config.plugins)) return
  for (const [name, entry] of plugins) {
    if (used.has(name)) continue
    if (hooksOf(entry.instance).length === 0 && (entry.definition.provides ?? []).length > 0) continue
    if ((entry.definition.provides ?? []).some(ref => isRequired(ref.name, plugins))) continue
    report.add({
      code: 'HG_CONFIG_UNUSED',
      path: ['plugins', name],
      on: 'key',
      message: `no pipeline uses "${name}"`,
      hint: 'add it to a pipeline or remove it'
    })
  }
}

function isRequired(service: string, plugins: ReadonlyMap<string, PluginEntry>): boolean {
  for (const entry of plugins.values()) if (Object.values(entry.definition.requires ?? {}).some(ref => ref.name === service)) return true
  return false
}
