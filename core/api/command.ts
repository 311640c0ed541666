import type { May } from './hooks.ts'

/** An option of a command: `--name VALUE`, or a switch. */
export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly description: string
  /** May be given several times; the values arrive as a list. */
  readonly multiple?: boolean
}

/** What a command is given besides its config. */
export interface CommandEnv<C> {
  readonly config: C
  readonly name: string
  readonly dataDir: string
  readonly configDir: string
  readonly now: () => number
  readonly options: { readonly [name: string]: string | boolean | readonly string[] | undefined }
  readonly args: readonly string[]
}

/** What a command found: rows for a table, and the same as data for `--json`. */
export interface CommandResult {
  readonly data: unknown
  readonly lines: readonly string[]
}

/** A command that a plugin adds to `headgate`; its name is one or two words, such as `keys create`. */
export interface Command<C> {
  readonly summary: string
  /** Positional arguments in the help, such as `<id>`. */
  readonly usage?: string
  readonly options?: { readonly [name: string]: CommandOption }
  /** @throws {Error} with a sentence for the user; the command then exits 1 */
  run(env: CommandEnv<C>): May<CommandResult>
}
