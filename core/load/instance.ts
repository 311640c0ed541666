import { AsyncResource, type AsyncLocalStorage } from 'node:async_hooks'
import { KIND_OF, type Hooks, type HookName, type Instance, type Plugin, type Provider, type ProviderInstance } from '@headgate/api'
import { suggest } from '../config/suggest.ts'
import type { Blamed, StepHealth } from '../run/pipeline.ts'
import type { Found } from './definition.ts'

/** Where the code of an instance runs: what it leaves floating there is charged to it. */
export interface Sandbox {
  readonly scope: AsyncResource
  readonly health: StepHealth
}

/** A place for an instance to run in. */
export function sandboxOf(name: string, blame: AsyncLocalStorage<Blamed>): Sandbox {
  const health: StepHealth = { failures: 0, hook: null, openUntil: 0, unhandled: 0, quarantined: false }
  return { health, scope: blame.run({ plugin: name, health }, () => new AsyncResource(`headgate:${name}`)) }
}

/** A plugin of the config on its way from definition to running instance. */
export interface PluginEntry {
  readonly kind: 'plugin'
  readonly name: string
  readonly use: string
  readonly definition: Plugin
  readonly found: Found
  readonly config: unknown
  readonly sandbox: Sandbox
  instance: Instance
  setupMs: number
  startMs: number
}

/** A provider of the config on its way from definition to running instance. */
export interface ProviderEntry {
  readonly kind: 'provider'
  readonly name: string
  readonly use: string
  readonly definition: Provider
  readonly found: Found
  readonly config: unknown
  readonly sandbox: Sandbox
  instance: ProviderInstance
  setupMs: number
  startMs: number
}

/** Either. */
export type Entry = PluginEntry | ProviderEntry

const HOOKS = Object.keys(KIND_OF) as HookName[]
const OTHER: ReadonlySet<string> = new Set(['services', 'start', 'close', 'health', 'bodies'])

/** The hooks of an instance, in lifecycle order. */
export function hooksOf(instance: Hooks): HookName[] {
  return HOOKS.filter(hook => typeof instance[hook] === 'function')
}

/** What an instance has that is no hook, or null; a misspelt hook would silently never run. */
export function wrongMember(instance: unknown): string | null {
  if (typeof instance !== 'object' || instance === null) return 'setup returned no object of hooks'
  for (const name of Object.keys(instance)) {
    const value = (instance as { [name: string]: unknown })[name]
    if (HOOKS.includes(name as HookName)) {
      if (typeof value !== 'function' && value !== undefined) return `hook "${name}" is no function`
      continue
    }
    if (OTHER.has(name)) continue
    const near = suggest(name, [...HOOKS, ...OTHER])
    return `unknown hook "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`
  }
  return null
}
