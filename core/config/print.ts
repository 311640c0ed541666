import { dirname, relative } from 'node:path'
import { MASK, type Schema } from '@headgate/api'
import { Document } from 'yaml'
import type { ConfigDocument } from './document.ts'
import { isSecretAt } from './explain.ts'
import type { Overrides } from './load.ts'
import { isPlain, put, type Plain } from './shape.ts'
import { SHELL } from './shell.ts'
import { isSecretName } from './source.ts'
import type { ConfigPath } from './types.ts'
import { createValidator, type Validator } from './validate.ts'

/** Options of {@link printConfig}. */
export interface PrintOptions {
  /** What wins over the file, as with `loadConfig`. */
  readonly overrides?: Overrides
  /** Schema of an instance's options, to fill in its defaults and to know its secrets. */
  readonly configSchema?: (section: 'plugins' | 'providers', name: string) => Schema | undefined
}

/**
 * The effective config as YAML: includes merged, variables filled in, defaults written out. What
 * came from a variable, what a schema calls secret, and what is named like a secret is `***`.
 */
export function printConfig(document: ConfigDocument, options: PrintOptions = {}): string {
  const validator = createValidator()
  const root = validator.complete(SHELL, document.value, document, []) as Plain
  const secrets: ConfigPath[] = []
  for (const section of ['plugins', 'providers'] as const) completeConfigs(section, root, secrets, { document, validator, options })
  const masked = mask(root, [], document, secrets) as Plain
  delete masked.include
  if (isPlain(masked.server)) Object.assign(masked.server, defined(options.overrides ?? {}))
  const yaml = new Document(masked, { aliasDuplicateObjects: false })
  yaml.commentBefore = header(document)
  return yaml.toString({ lineWidth: 0, flowCollectionPadding: true })
}

interface Completion {
  readonly document: ConfigDocument
  readonly validator: Validator
  readonly options: PrintOptions
}

function completeConfigs(
  section: 'plugins' | 'providers',
  root: Plain,
  secrets: ConfigPath[],
  { document, validator, options }: Completion
): void {
  const instances = root[section]
  if (!isPlain(instances)) return
  for (const [name, instance] of Object.entries(instances)) {
    const schema = options.configSchema?.(section, name)
    if (schema === undefined || !isPlain(instance)) continue
    const path = [section, name, 'config']
    const config = validator.complete(schema, instance.config, document, path)
    put(instance, 'config', config)
    collectSecrets(schema, config, [], path, secrets)
  }
}

function collectSecrets(schema: Schema, value: unknown, path: ConfigPath, base: ConfigPath, secrets: ConfigPath[]): void {
  if (isSecretAt(schema, path)) secrets.push([...base, ...path])
  const entries = Array.isArray(value) ? [...value.entries()] : isPlain(value) ? Object.entries(value) : []
  for (const [part, below] of entries) collectSecrets(schema, below, [...path, part], base, secrets)
}

function mask(value: unknown, path: ConfigPath, document: ConfigDocument, secrets: readonly ConfigPath[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => mask(item, [...path, index], document, secrets))
  if (isPlain(value)) {
    const out: Plain = {}
    for (const [name, item] of Object.entries(value)) put(out, name, mask(item, [...path, name], document, secrets))
    return out
  }
  if (document.isInterpolated(path)) return MASK
  if (typeof value !== 'boolean' && secrets.some(secret => isSame(secret, path))) return MASK
  const name = path.findLast(part => typeof part === 'string')
  return typeof value === 'string' && isSecretName(String(name)) ? MASK : value
}

function isSame(a: ConfigPath, b: ConfigPath): boolean {
  return a.length === b.length && a.every((part, index) => String(part) === String(b[index]))
}

function defined(overrides: Overrides): object {
  return Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
}

function header(document: ConfigDocument): string {
  const dir = dirname(document.file)
  const lines = document.files.map(file => ` from ${relative(dir, file)}`)
  for (const { name, missing } of document.unconfigured) lines.push(` provider ${name} is not configured: set ${missing.join(', ')}`)
  return lines.join('\n')
}
