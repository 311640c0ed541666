import { dirname, resolve } from 'node:path'
import { EXIT } from './exit.ts'
import { installedPlugins } from './installed.ts'
import { environmentFor } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print, table } from './output.ts'

/** `headgate plugins`: what `use:` can name here. */
export async function plugins(args: readonly string[]): Promise<number> {
  const { values } = parse(args, CONFIG_OPTIONS)
  const environment = await environmentFor(values.config)
  const installed = await installedPlugins(dirname(resolve(environment.config)))
  const data = installed.map(({ use, package: name, version, definition }) => ({
    use,
    kind: definition.kind,
    package: name,
    version,
    api_version: definition.apiVersion,
    stability: definition.stability ?? 'stable',
    options: Object.keys(definition.configSchema.properties ?? {})
  }))
  if (values.json === true) print(JSON.stringify(data, null, 2))
  else
    print(
      table([
        ['use', 'kind', 'package', 'version', 'stability', 'options'],
        ...data.map(row => [row.use, row.kind, row.package, row.version, row.stability, row.options.join(' ')])
      ])
    )
  return EXIT.ok
}
