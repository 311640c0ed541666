import type { Hooks, May } from './hooks.ts'
import type { Provided, ServiceRef, StateKey } from './keys.ts'
import type { Log } from './log.ts'
import type { Operation } from './operation.ts'
import type { ProviderInstance } from './provider.ts'
import type { Infer, Schema } from './schema.ts'
import type { Secret } from './secret.ts'
import type { Command } from './command.ts'

const PLUGIN = Symbol.for('@headgate/plugin')

/** Services by the name under which the plugin asked for them. */
export interface Deps {
  readonly [name: string]: ServiceRef<unknown>
}

/** The implementations behind {@link Deps}. */
export type Resolved<D> = { readonly [K in keyof D]: D[K] extends ServiceRef<infer T> ? T : never }

/** What `setup` is given. */
export interface Env<C, D> {
  readonly config: C
  readonly services: Resolved<D>
  /** Name of the instance in the YAML. */
  readonly name: string
  readonly log: Log
  /** Folder for files of this gateway; exists once `start` runs. */
  readonly dataDir: string
  /** Folder of the config file: relative paths in a config are relative to it. */
  readonly configDir: string
  /** Wall clock in milliseconds; the kit replaces it. */
  readonly now: () => number
  /** `HEADGATE_BOOTSTRAP_KEY`, for plugins that declare `secrets: ['bootstrap_key']`. */
  readonly bootstrapKey: Secret | undefined
  /** Prints lines on the boot console, once, apart from the log. For things only a person should see. */
  readonly announce: (lines: readonly string[]) => void
}

/** A running plugin: its hooks, and what the host calls around them. */
export interface Instance extends Hooks {
  /** Implementations of what `provides` names. */
  readonly services?: readonly Provided[]
  /** True when its `log` hook reads the bodies of requests and answers; without it they are not kept. */
  readonly bodies?: boolean
  /** I/O starts here. */
  start?(): May<void>
  /** MUST be safe to call twice and without `start`. */
  close?(deadline: AbortSignal): May<void>
  /** Rejects when the instance cannot do its work. */
  health?(): May<void>
}

/** Refuses members that are no hook, so that a misspelt hook is a compile error. */
export type Only<I> = { readonly [K in Exclude<keyof I, keyof Instance>]: never }

/** Something a schema cannot say. `path` points into the config, such as `/models/fast`. */
export interface Problem {
  readonly path: string
  readonly message: string
  readonly hint?: string
}

interface Common<S extends Schema> {
  /** npm-style name; the YAML `use` of built-ins. */
  readonly name: string
  readonly apiVersion: 1
  readonly configSchema: S
  readonly stability?: 'experimental' | 'beta' | 'stable'
  validate?(config: Infer<S>): readonly Problem[]
}

/** A plugin before {@link definePlugin} has marked it. */
export interface PluginDef<S extends Schema, D extends Deps, I> extends Common<S> {
  readonly requires?: D
  readonly provides?: readonly ServiceRef<unknown>[]
  /** State that an earlier step must write. */
  readonly reads?: readonly StateKey<unknown>[]
  readonly writes?: readonly StateKey<unknown>[]
  /** What a plugin with `response` does to streams; `transform` where there is a `stream` hook. */
  readonly streaming?: 'transform' | 'buffer' | 'skip'
  /** Operations it covers; by default every operation with text. */
  readonly operations?: readonly Operation[]
  /** Hosts it talks to by itself, for review. */
  readonly egress?: readonly string[]
  /** Secrets it needs to see. */
  readonly secrets?: readonly ('client_credential' | 'bootstrap_key')[]
  /** Words that `after` and `before` of other plugins match, besides the plugin's own name. */
  readonly tags?: readonly string[]
  readonly after?: readonly string[]
  readonly before?: readonly string[]
  /** At most one such step in a pipeline. */
  readonly once?: boolean
  /** Must be the last step. */
  readonly last?: boolean
  /** Commands that this plugin adds to the command line, by name. */
  readonly commands?: { readonly [name: string]: Command<Infer<S>> }
  /** Makes an instance. No I/O here: `headgate check` runs it without a network. */
  setup(env: Env<Infer<S>, D>): May<Instance & I & Only<I>>
}

/** A provider before {@link defineProvider} has marked it. */
export interface ProviderDef<S extends Schema> extends Common<S> {
  readonly secrets?: readonly []
  setup(env: Env<Infer<S>, Record<never, never>>): May<ProviderInstance>
}

/** A plugin as the loader takes it. */
export interface Plugin extends Omit<PluginDef<Schema, Deps, Instance>, 'setup' | 'validate' | 'commands'> {
  readonly kind: 'plugin'
  validate?(config: unknown): readonly Problem[]
  readonly commands?: { readonly [name: string]: Command<unknown> }
  setup(env: Env<unknown, Deps>): May<Instance>
}

/** A provider as the loader takes it. */
export interface Provider extends Omit<ProviderDef<Schema>, 'setup' | 'validate'> {
  readonly kind: 'provider'
  validate?(config: unknown): readonly Problem[]
  setup(env: Env<unknown, Record<never, never>>): May<ProviderInstance>
}

/** Marks a plugin definition and freezes it. The config type of `setup` follows from `configSchema`. */
export function definePlugin<const S extends Schema, const D extends Deps = Record<never, never>, I extends object = Instance>(
  def: PluginDef<S, D, I>
): Plugin {
  return Object.freeze({ ...def, kind: 'plugin', [PLUGIN]: true }) as unknown as Plugin
}

/** Marks a provider definition and freezes it. */
export function defineProvider<const S extends Schema>(def: ProviderDef<S>): Provider {
  return Object.freeze({ ...def, kind: 'provider', [PLUGIN]: true }) as unknown as Provider
}

/** True for a definition made by any installed copy of this package. */
export function isDefinition(value: unknown): value is Plugin | Provider {
  return typeof value === 'object' && value !== null && (value as { [PLUGIN]?: unknown })[PLUGIN] === true
}
