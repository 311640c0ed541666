import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** Writes a text and a line end to standard output. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Writes a text and a line end to standard error. */
export function printError(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** True when a stream is a terminal that wants colours (https://no-color.org). */
export function wantsColor(stream: NodeJS.WriteStream | WriteStream): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'
}

/** Text in a style, on terminals only. */
export function styled(style: Parameters<typeof styleText>[0], text: string, color: boolean): string {
  return color ? styleText(style, text, { validateStream: false }) : text
}

/** Rows as columns of equal width; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length)
    })
  return rows
    .map(row =>
      row
        .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!)))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}
