import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { suggest } from '../config/suggest.ts'
import { UsageError } from './exit.ts'

/** Options that every command which reads a config takes. */
export const CONFIG_OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' }
} as const

/** Parses a command line strictly. @throws {UsageError} naming the nearest option */
export function parse<O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: O,
  positionals = false
): ReturnType<typeof parseArgs<{ args: string[]; options: O; allowPositionals: boolean; strict: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: positionals, strict: true })
  } catch (error) {
    const unknown = /'(-{1,2}[^']+)'/.exec((error as Error).message)?.[1]
    const near = unknown === undefined ? undefined : suggest(unknown.replace(/^-+/, ''), Object.keys(options))
    throw new UsageError(
      unknown === undefined
        ? (error as Error).message
        : `unknown or incomplete option ${unknown}${near === undefined ? '' : `, did you mean --${near}?`}`
    )
  }
}
