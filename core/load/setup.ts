import { performance } from 'node:perf_hooks'
import type { Deps, Env, Instance, Log, Plugin, Provider, ProviderInstance, Resolved, Secret } from '@headgate/api'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { Prepared } from './entries.ts'
import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Blamed } from '../run/pipeline.ts'
import { sandboxOf, wrongMember, type Entry, type PluginEntry, type ProviderEntry, type Sandbox } from './instance.ts'
import { serviceOrder } from './services.ts'
import { within } from './within.ts'

/** What instances are set up with. */
export interface SetupEnv {
  readonly report: Diagnostics
  readonly child: (facts: object) => Log
  readonly dataDir: string
  readonly configDir: string
  readonly now: () => number
  readonly bootstrapKey: Secret | undefined
  /** In whose context plugins run, so that what they leave floating can be traced to them. */
  readonly blame: AsyncLocalStorage<Blamed>
  readonly announce: (lines: readonly string[]) => void
  /** Services that the core provides itself. */
  readonly services: ReadonlyMap<string, unknown>
}

const SETUP_MS = 30_000

/** What is reported already; not `undefined`, which a setup may return by mistake. */
const FAILED = Symbol('failed')

/** Sets up every instance, those that provide services first. What fails is in the report. */
export async function setupAll(prepared: readonly Prepared[], env: SetupEnv): Promise<Entry[]> {
  const users = prepared
    .filter(entry => entry.kind === 'plugin')
    .map(entry => ({ name: entry.name, definition: entry.found.definition as Plugin, entry }))
  const order = serviceOrder(users, new Set(env.services.keys()), env.report)
  const services = new Map(env.services)
  const entries: Entry[] = []
  for (const { entry } of order) {
    const made = await setupPlugin(entry, services, env)
    if (made !== undefined) entries.push(made)
  }
  for (const entry of prepared) {
    if (entry.kind !== 'provider') continue
    const made = await setupProvider(entry, env)
    if (made !== undefined) entries.push(made)
  }
  return entries
}

async function setupPlugin(prepared: Prepared, services: Map<string, unknown>, env: SetupEnv): Promise<PluginEntry | undefined> {
  const definition = prepared.found.definition as Plugin
  const resolved: { [name: string]: unknown } = {}
  for (const [name, ref] of Object.entries(definition.requires ?? {})) resolved[name] = services.get(ref.name)
  const since = performance.now()
  const sandbox = sandboxOf(prepared.name, env.blame)
  const instance = await guarded<Instance>(prepared, env, sandbox, () =>
    definition.setup({
      ...common(prepared, env),
      services: resolved as Resolved<Deps>,
      bootstrapKey: definition.secrets?.includes('bootstrap_key') === true ? env.bootstrapKey : undefined
    })
  )
  if (instance === FAILED) return undefined
  const wrong = wrongMember(instance)
  if (wrong !== null) {
    env.report.add({
      code: 'HG_PLUGIN_HOOK',
      path: ['plugins', prepared.name],
      on: 'key',
      message: `${prepared.name}: plugin "${definition.name}" ${wrong.startsWith('unknown') ? `has an ${wrong}` : wrong}`
    })
    return undefined
  }
  for (const { ref, impl } of instance.services ?? []) services.set(ref.name, impl)
  return { ...prepared, kind: 'plugin', definition, sandbox, instance, setupMs: performance.now() - since, startMs: 0 }
}

async function setupProvider(prepared: Prepared, env: SetupEnv): Promise<ProviderEntry | undefined> {
  const definition = prepared.found.definition as Provider
  const since = performance.now()
  const sandbox = sandboxOf(prepared.name, env.blame)
  const instance = await guarded<ProviderInstance>(prepared, env, sandbox, () =>
    definition.setup({ ...common(prepared, env), services: {}, bootstrapKey: undefined })
  )
  if (instance === FAILED) return undefined
  if (
    typeof instance !== 'object' ||
    instance === null ||
    typeof instance.operations !== 'object' ||
    instance.operations === null ||
    (instance.origin === undefined && instance.answer === undefined)
  ) {
    env.report.add({
      code: 'HG_PLUGIN_HOOK',
      path: ['providers', prepared.name],
      on: 'key',
      message: `${prepared.name}: provider "${definition.name}" must return operations and either an origin or an answer function`
    })
    return undefined
  }
  return { ...prepared, kind: 'provider', definition, sandbox, instance, setupMs: performance.now() - since, startMs: 0 }
}

function common(prepared: Prepared, env: SetupEnv): Omit<Env<unknown, Deps>, 'services' | 'bootstrapKey'> {
  return {
    config: prepared.config,
    name: prepared.name,
    log: env.child({ plugin: prepared.name }),
    dataDir: env.dataDir,
    configDir: env.configDir,
    now: env.now,
    announce: env.announce
  }
}

async function guarded<T>(prepared: Prepared, env: SetupEnv, { scope }: Sandbox, work: () => T | Promise<T>): Promise<T | typeof FAILED> {
  try {
    return await within((async () => scope.runInAsyncScope(work))(), SETUP_MS, 'it took longer than 30 s')
  } catch (error) {
    const section = prepared.kind === 'plugin' ? 'plugins' : 'providers'
    env.report.add({
      code: 'HG_PLUGIN_SETUP',
      path: [section, prepared.name],
      on: 'key',
      message: `${prepared.name}: setup failed: ${error instanceof Error ? error.message : String(error)}`
    })
    return FAILED
  }
}
