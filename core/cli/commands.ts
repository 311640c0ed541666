/** A command of the command line. */
export interface CliCommand {
  readonly summary: string
  /** Options and arguments, one a line, for the help. */
  readonly details: readonly string[]
  /** Returns the exit code, or undefined while the process is to go on. */
  run(args: readonly string[]): Promise<number | undefined>
}

const CONFIG = '  -c, --config FILE   the YAML file (default: $HEADGATE_CONFIG, config/headgate.yaml or headgate.yaml)'
const JSON_OUT = '  --json              print data instead of text'

/** The built-in commands. Each module is loaded only when its command runs. */
export const COMMANDS: { readonly [name: string]: CliCommand } = Object.freeze({
  start: {
    summary: 'serve requests',
    details: [CONFIG, '  --quiet             no boot tree', 'Stops gracefully on SIGTERM and SIGINT; a second signal stops at once.'],
    run: async args => (await import('./start.ts')).start(args)
  },
  check: {
    summary: 'check a config without starting it',
    details: [
      CONFIG,
      '  --explain           print routes, order, failure policies and timeouts',
      JSON_OUT,
      'Exits 0 when the config is valid, 78 when it is not.'
    ],
    run: async args => (await import('./check.ts')).check(args)
  },
  print: {
    summary: 'print the effective config, secrets masked',
    details: [CONFIG, JSON_OUT],
    run: async args => (await import('./print.ts')).printEffective(args)
  },
  plugins: {
    summary: 'list the plugins that can be used here',
    details: [CONFIG, JSON_OUT],
    run: async args => (await import('./plugins.ts')).plugins(args)
  },
  schema: {
    summary: 'print the JSON Schema of the config file, with the options of every installed plugin',
    details: [CONFIG, 'Editors use it to complete and check: headgate schema > headgate.schema.json'],
    run: async args => (await import('./schema.ts')).schema(args)
  },
  version: {
    summary: 'print the version',
    details: [JSON_OUT],
    run: async args => (await import('./version.ts')).version(args)
  }
})
