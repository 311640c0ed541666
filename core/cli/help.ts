import { suggest } from '../config/suggest.ts'
import { COMMANDS, type CliCommand } from './commands.ts'
import { EXIT, UsageError } from './exit.ts'
import { print, table } from './output.ts'

/** `headgate help [command]`. */
export async function help(args: readonly string[]): Promise<number> {
  const name = args[0]
  if (name === undefined) {
    print(overview())
    return EXIT.ok
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    const near = suggest(name, Object.keys(COMMANDS))
    if (near !== undefined) throw new UsageError(`no command "${name}", did you mean "${near}"?`)
    return await (await import('./plugin-command.ts')).runPluginCommand([...args, '--help'])
  }
  print(helpOf(name, command))
  return EXIT.ok
}

/** The help of one command. */
export function helpOf(name: string, command: CliCommand): string {
  return [`headgate ${name}: ${command.summary}`, '', ...command.details].join('\n')
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => [`  ${name}`, summary])
  rows.push(['  keys create|list|revoke', 'manage API keys (added by the auth-api-key plugin of the config)'])
  return [
    'headgate: a gateway for LLM traffic, made of plugins',
    '',
    'Usage: headgate <command> [options]',
    '',
    table(rows),
    '',
    'headgate help <command> tells more. Variables: HEADGATE_CONFIG, HEADGATE_LISTEN, HEADGATE_ADMIN,',
    'HEADGATE_DATA, HEADGATE_BOOTSTRAP_KEY, LOG_LEVEL; they win over the YAML, and .env is read.',
    '',
    'Examples:',
    '  headgate start                                serve with the default config',
    '  headgate check --explain -c gateway.yaml      what runs when, and what happens when it fails',
    '  headgate keys create --name ci --expires 90d  a new API key, shown once'
  ].join('\n')
}
