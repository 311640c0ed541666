import { dirname, resolve } from 'node:path'
import { mkdirSync } from 'node:fs'
import type { Command } from '@headgate/api'
import { suggest } from '../config/suggest.ts'
import type { Gateway } from '../load/gateway.ts'
import type { PluginEntry } from '../load/instance.ts'
import { COMMANDS } from './commands.ts'
import { EXIT, UsageError } from './exit.ts'
import { environmentFor, loadForReading } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { print, table } from './output.ts'

interface Offered {
  readonly name: string
  readonly command: Command<unknown>
  readonly entry: PluginEntry
}

/** Runs a command that a plugin of the config adds, such as `keys create`. @throws {UsageError} when there is none */
export async function runPluginCommand(argv: readonly string[]): Promise<number> {
  const words = argv.filter(word => !word.startsWith('-'))
  const environment = await environmentFor(configOption(argv))
  const gateway = await loadForReading(environment)
  try {
    const offered = commandsOf(gateway)
    const chosen = offered.filter(({ name }) => name === words[0] || name === words.slice(0, 2).join(' '))
    if (chosen.length === 0) return argv.includes('--help') || argv.includes('-h') ? groupHelp(words, offered) : unknown(words, offered)
    if (chosen.length > 1)
      throw new UsageError(
        `"${chosen[0]!.name}" is offered by ${chosen.map(({ entry }) => entry.name).join(' and ')}; this config has it twice`
      )
    return await run(chosen[0]!, argv, gateway, dirname(resolve(environment.config)))
  } finally {
    await gateway.close()
  }
}

function commandsOf(gateway: Gateway): Offered[] {
  const offered: Offered[] = []
  for (const entry of gateway.generation.entries) {
    if (entry.kind !== 'plugin') continue
    for (const [name, command] of Object.entries(entry.definition.commands ?? {})) offered.push({ name, command, entry })
  }
  return offered
}

async function run({ name, command, entry }: Offered, argv: readonly string[], gateway: Gateway, configDir: string): Promise<number> {
  const own: { [option: string]: { type: 'string' | 'boolean'; multiple?: boolean } } = {}
  for (const [option, { type, multiple }] of Object.entries(command.options ?? {}))
    own[option] = { type, ...(multiple === true && { multiple }) }
  const { values, positionals } = parse(argv, { ...own, ...CONFIG_OPTIONS }, true)
  if (values.help === true) {
    print(helpOf(name, command))
    return EXIT.ok
  }
  const { config: _config, json, help: _help, ...options } = values as { [name: string]: string | boolean | readonly string[] | undefined }
  mkdirSync(gateway.dataDir, { recursive: true, mode: 0o700 })
  const result = await command.run({
    config: entry.config,
    name: entry.name,
    dataDir: gateway.dataDir,
    configDir,
    now: Date.now,
    options,
    args: positionals.slice(name.split(' ').length)
  })
  print(json === true ? JSON.stringify(result.data, null, 2) : result.lines.join('\n'))
  return EXIT.ok
}

function helpOf(name: string, command: Command<unknown>): string {
  const rows = Object.entries(command.options ?? {}).map(([option, { type, description }]) => [
    `  --${option}${type === 'string' ? ' VALUE' : ''}`,
    description
  ])
  return [
    `headgate ${name}${command.usage === undefined ? '' : ` ${command.usage}`}: ${command.summary}`,
    '',
    table([...rows, ['  -c, --config FILE', 'the YAML file'], ['  --json', 'print data instead of text']])
  ].join('\n')
}

/** The help of a word that begins several commands, such as `keys`. */
function groupHelp(words: readonly string[], offered: readonly Offered[]): number {
  const group = offered.filter(({ name }) => name.startsWith(`${words[0]} `))
  if (group.length === 0) return unknown(words, offered)
  print(
    table([
      [`headgate ${words[0]}`, `commands of ${group[0]!.entry.name}`],
      ...group.map(({ name, command }) => [`  ${name} ${command.usage ?? ''}`.trimEnd(), command.summary])
    ])
  )
  return EXIT.ok
}

function unknown(words: readonly string[], offered: readonly Offered[]): never {
  const group = offered.filter(({ name }) => name.startsWith(`${words[0]} `))
  if (group.length > 0) throw new UsageError(`${words[0]} takes one of: ${group.map(({ name }) => name.split(' ')[1]).join(', ')}`)
  const near = suggest(words[0] ?? '', [...Object.keys(COMMANDS), ...offered.map(({ name }) => name.split(' ')[0]!)])
  throw new UsageError(`no command "${words[0] ?? ''}"${near === undefined ? '; headgate help lists them' : `, did you mean "${near}"?`}`)
}

function configOption(argv: readonly string[]): string | undefined {
  const at = argv.findIndex(word => word === '-c' || word === '--config')
  if (at >= 0) return argv[at + 1]
  return argv.find(word => word.startsWith('--config='))?.slice('--config='.length)
}
