import { Diagnostics } from './diagnostics.ts'
import { readDocument, type ConfigDocument } from './document.ts'
import { isPlain, put, type Plain } from './shape.ts'
import { SHELL } from './shell.ts'
import type { GatewayConfig, ServerConfig } from './types.ts'
import { createValidator } from './validate.ts'
import type { Variables } from './variables.ts'

/** What wins over the file, as process variables do. */
export interface Overrides {
  readonly listen?: string | undefined
  readonly admin?: string | false | undefined
  readonly data?: string | undefined
}

/** Options of {@link loadConfig}. */
export interface LoadOptions {
  readonly env: Variables
  readonly overrides?: Overrides
}

/** A config whose shell is checked. With a failed report it lacks whatever was wrong, so that the rest can still be checked. */
export interface LoadedConfig {
  readonly config: GatewayConfig
  readonly document: ConfigDocument
  readonly report: Diagnostics
}

/** Names of instances stand before a `/` in targets, and in metrics and file names. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** Milliseconds of notice where `drain` is one duration. */
const DEFAULT_NOTICE = 5000

/**
 * Reads a config file and checks everything but the options of plugins and providers. What is
 * wrong is in the report, for the caller to add to and to throw.
 *
 * @throws {ConfigError} when there is nothing to look at: a file is missing, too large or not YAML
 */
export function loadConfig(file: string, options: LoadOptions): LoadedConfig {
  const document = readDocument(file, { env: options.env })
  const report = new Diagnostics(document)
  const value = createValidator().compileSchema(SHELL)(withUnconfigured(document), { document, path: [], report })
  checkNames(document, report)
  return { config: shape(value as Plain, document, options.overrides ?? {}), document, report }
}

/** Providers that are not configured are checked for their spelling like all others. */
function withUnconfigured(document: ConfigDocument): unknown {
  const root = document.value
  if (!isPlain(root) || !isPlain(root.providers)) return root
  const providers = { ...root.providers }
  for (const { name, value } of document.unconfigured) put(providers, name, value)
  return { ...root, providers }
}

function checkNames(document: ConfigDocument, report: Diagnostics): void {
  const root = document.value as Plain
  for (const section of ['plugins', 'providers']) {
    const instances = root[section]
    if (!isPlain(instances)) continue
    for (const name of Object.keys(instances)) {
      if (NAME.test(name)) continue
      report.add({
        code: 'HG_CONFIG_INVALID',
        path: [section, name],
        on: 'key',
        message: `"${name}" cannot be a name`,
        hint: 'a name is letters, digits, ".", "-" and "_", at most 64, a letter first'
      })
    }
  }
}

function shape(value: Plain, document: ConfigDocument, overrides: Overrides): GatewayConfig {
  const { include: _include, server, plugins, providers, ...rest } = value
  const configured = named(providers)
  for (const { name } of document.unconfigured) delete configured[name]
  return {
    ...rest,
    server: serverOf(server as Plain, overrides),
    plugins: named(plugins),
    providers: configured
  } as unknown as GatewayConfig
}

/** Without a prototype, so that no name finds anything that the file does not define. */
function named(instances: unknown): Plain {
  return Object.assign(Object.create(null) as Plain, instances)
}

function serverOf(server: Plain, overrides: Overrides): ServerConfig {
  const drain = typeof server.drain === 'number' ? { notice: DEFAULT_NOTICE, streams: server.drain } : server.drain
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
  return { ...server, drain, ...given } as unknown as ServerConfig
}
