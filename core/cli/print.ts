import { loadConfig } from '../config/load.ts'
import { printConfig } from '../config/print.ts'
import { EXIT } from './exit.ts'
import { environmentFor, loadForReading } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print } from './output.ts'
import { parse as parseYaml } from 'yaml'

/** `headgate print`: the config with every default, and every secret masked. */
export async function printEffective(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, CONFIG_OPTIONS, true)
  const environment = await environmentFor(values.config ?? positionals[0])
  const gateway = await loadForReading(environment)
  try {
    const { document } = loadConfig(environment.config, { env: environment.variables, overrides: environment.overrides })
    const text = printConfig(document, {
      overrides: environment.overrides,
      configSchema: (section, name) =>
        gateway.generation.entries.find(entry => entry.name === name && `${entry.kind}s` === section)?.definition.configSchema
    })
    print(values.json === true ? JSON.stringify(parseYaml(text), null, 2) : text)
    return EXIT.ok
  } finally {
    await gateway.close()
  }
}
