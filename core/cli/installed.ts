import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin, Provider } from '@headgate/api'
import { importPlugin } from '../load/import.ts'
import { resolveUse } from '../load/resolve.ts'

/** A plugin package found in some `node_modules`, with the name that `use:` takes. */
export interface Installed {
  readonly use: string
  readonly package: string
  readonly version: string
  readonly definition: Plugin | Provider
}

interface PackageJson {
  name?: string
  version?: string
  headgate?: { plugins?: { [path: string]: string } }
}

/** Every plugin package that can be seen from the config's folder and from the gateway itself. Packages are known by their `headgate` field. */
export async function installedPlugins(configDir: string): Promise<Installed[]> {
  const found = new Map<string, Installed>()
  for (const folder of [...modulesAbove(configDir), ...modulesAbove(dirname(fileURLToPath(import.meta.url)))]) {
    for (const manifest of packagesIn(folder)) {
      for (const path of Object.keys(manifest.headgate?.plugins ?? {})) {
        const specifier = manifest.name! + path.slice(1)
        const use = shortName(specifier)
        if (found.has(use)) continue
        const { definition } = await importPlugin(use, resolveUse(use, configDir))
        found.set(use, { use, package: manifest.name!, version: manifest.version ?? '', definition })
      }
    }
  }
  return [...found.values()].sort((one, two) => (one.use < two.use ? -1 : 1))
}

function modulesAbove(start: string): string[] {
  const folders: string[] = []
  for (let at = resolve(start); ; at = dirname(at)) {
    const folder = join(at, 'node_modules')
    if (existsSync(folder)) folders.push(folder)
    if (dirname(at) === at) return folders
  }
}

function* packagesIn(folder: string): Iterable<PackageJson> {
  for (const name of readdirSync(folder)) {
    if (name.startsWith('.')) continue
    const names = name.startsWith('@') ? readdirSync(join(folder, name)).map(inner => `${name}/${inner}`) : [name]
    for (const full of names) {
      const manifest = manifestOf(join(folder, full, 'package.json'))
      if (manifest?.headgate?.plugins !== undefined && manifest.name !== undefined) yield manifest
    }
  }
}

function manifestOf(file: string): PackageJson | undefined {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  // Most packages of a tree are none of ours, and parsing all of them would take longer than starting.
  return text.includes('"headgate"') ? (JSON.parse(text) as PackageJson) : undefined
}

function shortName(specifier: string): string {
  const own = /^@headgate\/(?:plugin-([a-z0-9-]+)|(provider-[a-z0-9-]+))$/.exec(specifier)
  return own?.[1] ?? own?.[2] ?? specifier
}
