import type { ErrorCode } from '@headgate/api'

/** A step of a pipeline as the YAML has it: a name, or a name with conditions and policies. */
export interface StepConfig {
  readonly plugin: string
  readonly when?: unknown
  readonly on_error?: 'deny' | 'allow'
  /** Milliseconds. */
  readonly timeout?: number
  readonly overlap?: boolean
  readonly required?: boolean
}

/** A plugin instance as the YAML has it. `config` is validated later, against the plugin's own schema. */
export interface PluginConfig {
  readonly use: string
  readonly config?: unknown
  readonly on_error?: 'deny' | 'allow'
  readonly timeout?: number
  readonly required?: boolean
}

/** Milliseconds of each upstream limit; absent is inherited: provider, then route, then built-in. */
export interface TimeoutConfig {
  readonly connect?: number
  readonly first_token?: number
  readonly idle?: number
  readonly total?: number
}

/** A provider instance as the YAML has it. */
export interface ProviderConfig {
  readonly use: string
  readonly config?: unknown
  /** Not an error when a variable in `config` is missing: the provider is listed as not configured. */
  readonly optional?: boolean
  /** Lets names resolve to private addresses. Metadata addresses stay refused. */
  readonly allow_private?: boolean
  readonly pool?: { readonly connections?: number; readonly keep_alive?: number }
  readonly timeout?: Omit<TimeoutConfig, 'total'>
  /** Bytes of one answer. */
  readonly max_response?: number
}

/** What selects a pipeline before the body is read. */
export interface MatchConfig {
  readonly path: string | readonly string[]
  readonly method?: string | readonly string[]
  readonly host?: string | readonly string[]
  readonly header?: { readonly [name: string]: string | readonly string[] }
}

/** A route as the YAML has it. */
export interface RouteConfig {
  readonly name: string
  readonly match: MatchConfig
  readonly pipeline: readonly (string | StepConfig)[]
  readonly retry?: { readonly max_attempts?: number }
  /** Milliseconds in all, or each limit by name. */
  readonly timeout?: number | TimeoutConfig
  readonly strict?: boolean
  readonly uncovered?: 'allow' | 'deny'
}

/** The listeners and the limits of the process. Durations in milliseconds, sizes in bytes. */
export interface ServerConfig {
  readonly listen: string
  readonly admin: string | false
  readonly data: string
  readonly body_limit: number
  readonly trust_proxy: boolean | string | readonly string[]
  readonly reuse_port: boolean
  readonly heartbeat: number
  readonly max_connections: number
  readonly timeout: { readonly headers: number; readonly request: number; readonly write_stall: number; readonly keep_alive: number }
  readonly drain: { readonly notice: number; readonly streams: number }
}

/** The whole file after parsing, includes, interpolation and validation of everything but plugin configs. */
export interface GatewayConfig {
  readonly version: 1
  readonly server: ServerConfig
  readonly plugins: { readonly [name: string]: PluginConfig }
  readonly providers: { readonly [name: string]: ProviderConfig }
  readonly routes: readonly RouteConfig[]
  readonly plugins_allow?: readonly string[]
  readonly allow_experimental?: boolean
}

/** A place in the config: keys and indexes from the root, such as `['routes', 0, 'pipeline', 2]`. */
export type ConfigPath = readonly (string | number)[]

/** Where something stands in a config file. Lines and columns from 1; both 0 where the file as a whole is meant. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly col: number
  /** Characters to underline. */
  readonly length: number
  /** The source line. Interpolated values never stand in it, only their `${…}`; written-out secrets are starred. */
  readonly source: string
}

/** One mistake in a config, with everything needed to print and to fix it. */
export interface Diagnostic extends Place {
  readonly code: ErrorCode
  /** Sentence without a full stop, beginning with the instance it is about where there is one. */
  readonly message: string
  readonly hint?: string
}

/** Whether a place is that of the key of an option or of its value. */
export type On = 'key' | 'value'

/** A provider marked `optional` whose variables are not set: left out of the config, and shown to the operator. */
export interface Unconfigured {
  readonly name: string
  readonly use: string
  /** Names of the variables, or `file:…`. */
  readonly missing: readonly string[]
  /** The provider as the file has it, with empty strings where a variable is missing: good for checking its spelling, nothing else. */
  readonly value: unknown
}
