import { readFileSync } from 'node:fs'
import { EXIT } from './exit.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print } from './output.ts'

/** The version of the package. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}

/** `headgate version`. */
export async function version(args: readonly string[]): Promise<number> {
  const { values } = parse(args, { json: CONFIG_OPTIONS.json })
  const data = { headgate: packageVersion(), node: process.versions.node, platform: `${process.platform}-${process.arch}` }
  print(values.json === true ? JSON.stringify(data) : `headgate ${data.headgate} (node ${data.node}, ${data.platform})`)
  return EXIT.ok
}
