import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { wrongExport, type Found } from './definition.ts'
import { ResolveError, type Resolved } from './resolve.ts'
import { within } from './within.ts'

const IMPORT_MS = 10_000

/**
 * Imports a plugin module and checks its default export.
 *
 * @throws {ResolveError} when it throws, does not finish in ten seconds or exports something else
 */
export async function importPlugin(use: string, resolved: Resolved): Promise<Found> {
  const since = performance.now()
  let module: { default?: unknown }
  try {
    module = await within(
      import(pathToFileURL(resolved.file).href) as Promise<{ default?: unknown }>,
      IMPORT_MS,
      'importing it took longer than 10 s'
    )
  } catch (error) {
    throw new ResolveError('HG_PLUGIN_IMPORT', `"${use}" cannot be imported: ${firstLine(error)}`, resolved.file)
  }
  const wrong = wrongExport(module.default)
  if (wrong !== null) throw new ResolveError('HG_PLUGIN_IMPORT', `"${use}" is no plugin: ${wrong}`, resolved.file)
  return {
    definition: module.default as Found['definition'],
    file: resolved.file,
    version: resolved.manifest?.version ?? null,
    ms: performance.now() - since
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0]!.slice(0, 300)
}
