import { isDefinition, type Plugin, type Provider } from '@headgate/api'

/** A plugin or provider as it was found. */
export interface Found {
  readonly definition: Plugin | Provider
  /** Where the code lies, for messages. */
  readonly file: string
  /** Version of its package, null for local files and given values. */
  readonly version: string | null
  /** Milliseconds that importing it took. */
  readonly ms: number
}

/** The versions of the plugin API that this runtime speaks. */
export const API_VERSIONS: readonly number[] = Object.freeze([1])

/** What is wrong with the default export of a plugin module, or null. */
export function wrongExport(value: unknown): string | null {
  if (value === undefined) return 'it has no default export; write `export default definePlugin({ … })`'
  if (isDefinition(value)) return wrongDefinition(value)
  if (isDefinition((value as { default?: unknown } | null)?.default))
    return 'its default export holds another default: it was compiled from ESM to CommonJS; publish it as ESM'
  if (typeof value === 'function') return 'its default export is a function; export what definePlugin returns, not a factory'
  return 'its default export is not made by definePlugin or defineProvider'
}

function wrongDefinition(definition: Plugin | Provider): string | null {
  if (typeof definition.name !== 'string' || definition.name === '') return 'its definition has no name'
  if (typeof definition.setup !== 'function') return 'its definition has no setup function'
  if (typeof definition.configSchema !== 'object' || definition.configSchema === null)
    return "its definition has no configSchema; use { type: 'object', additionalProperties: false } where there is nothing to set"
  return null
}
