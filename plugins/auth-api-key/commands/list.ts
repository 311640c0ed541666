import type { Command } from '@headgate/api'
import type { Config } from '../config.ts'
import { KeyFile, keyFilePath } from '../key-file.ts'
import { viewOf, type KeyView } from './view.ts'

const HEAD = ['ID', 'NAME', 'KEY', 'STATE', 'CREATED', 'EXPIRES', 'MODELS']

/** `headgate keys list`: all keys, none of them readable. */
export const list: Command<Config> = {
  summary: 'list the API keys, without the keys themselves',
  async run({ config, now, ...places }) {
    const keys = (await new KeyFile(keyFilePath(config.file, places)).read()).map(record => viewOf(record, now()))
    return { data: keys, lines: keys.length === 0 ? ['no keys'] : table([HEAD, ...keys.map(rowOf)]) }
  }
}

function rowOf(key: KeyView): string[] {
  return [
    key.id,
    key.name,
    `${key.prefix}…`,
    key.state,
    day(key.created),
    key.expires === undefined ? '-' : day(key.expires),
    key.models?.join(',') ?? '*'
  ]
}

function day(time: string): string {
  return time.slice(0, 10)
}

function table(rows: readonly string[][]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  )
}
