import { dirname, resolve } from 'node:path'
import { fileSchema } from '../config/file-schema.ts'
import { EXIT } from './exit.ts'
import { installedPlugins } from './installed.ts'
import { environmentFor } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print } from './output.ts'

/** `headgate schema`: the JSON Schema of the file for editors. */
export async function schema(args: readonly string[]): Promise<number> {
  const { values } = parse(args, CONFIG_OPTIONS)
  const environment = await environmentFor(values.config)
  const installed = await installedPlugins(dirname(resolve(environment.config)))
  print(
    JSON.stringify(
      fileSchema(installed.map(({ use, definition }) => ({ name: use, kind: definition.kind, configSchema: definition.configSchema }))),
      null,
      2
    )
  )
  return EXIT.ok
}
