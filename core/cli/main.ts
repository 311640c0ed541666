import { ConfigError } from '../config/diagnostics.ts'
import { formatDiagnostics } from '../config/format.ts'
import { suggest } from '../config/suggest.ts'
import { COMMANDS } from './commands.ts'
import { help, helpOf } from './help.ts'
import { EXIT, UsageError } from './exit.ts'
import { print, printError, wantsColor } from './output.ts'
import { runPluginCommand } from './plugin-command.ts'

/** Runs the command line. Returns the exit code, or undefined while the process is to go on. */
export async function main(argv: readonly string[]): Promise<number | undefined> {
  const [name, ...rest] = argv
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') return await help(rest)
    if (name === '--version' || name === '-v') return await COMMANDS.version!.run([])
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) return await pluginCommand(name, argv)
    if (rest.includes('--help') || rest.includes('-h')) {
      print(helpOf(name, command))
      return EXIT.ok
    }
    return await command.run(rest)
  } catch (error) {
    return report(error, argv.includes('--json'))
  }
}

/** Without a config that can be read nobody knows the commands of its plugins, but a misspelt command is still one. */
async function pluginCommand(name: string, argv: readonly string[]): Promise<number> {
  try {
    return await runPluginCommand(argv)
  } catch (error) {
    const near = error instanceof ConfigError ? suggest(name, Object.keys(COMMANDS)) : undefined
    throw near === undefined ? error : new UsageError(`no command "${name}", did you mean "${near}"?`)
  }
}

function report(error: unknown, json: boolean): number {
  if (error instanceof ConfigError) {
    if (json) print(JSON.stringify({ ok: false, errors: error.diagnostics }, null, 2))
    else printError(formatDiagnostics(error.diagnostics, { color: wantsColor(process.stderr) }))
    if (!json && error.diagnostics.some(({ code, line }) => code === 'HG_CONFIG_NOT_FOUND' && line === 0))
      printError('Name a config with --config FILE or HEADGATE_CONFIG, or write headgate.yaml here.')
    return EXIT.config
  }
  const { message, code } = error as { message?: string; code?: string }
  const text = message ?? String(error)
  if (json) print(JSON.stringify({ ok: false, errors: [{ code: code ?? 'HG_COMMAND', message: text }] }, null, 2))
  else printError(`headgate: ${text}`)
  if (error instanceof UsageError) return EXIT.usage
  return code?.startsWith('HG_') === true ? EXIT.config : EXIT.failed
}
