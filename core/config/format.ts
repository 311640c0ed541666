import { relative } from 'node:path'
import { styleText } from 'node:util'
import type { Diagnostic } from './types.ts'

/** How diagnostics are printed. */
export interface FormatOptions {
  readonly color: boolean
  /** Folder that file names are relative to; the working directory by default. */
  readonly cwd?: string
}

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

/** Longest part of a source line that is shown. */
const MAX_WIDTH = 160

/** Control characters, which a config could use to rewrite the terminal. Tabs stay. */
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function visible(text: string): string {
  return text.replace(CONTROL, '\ufffd')
}

function nameOf(file: string, cwd: string): string {
  const near = relative(cwd, file)
  return visible(near === '' || near.startsWith('..') ? file : near)
}

/** The part of a long line around the caret, and where the caret stands in it (from 0). */
function crop(source: string, col: number): { text: string; offset: number } {
  if (source.length <= MAX_WIDTH) return { text: source, offset: col - 1 }
  const start = Math.max(0, Math.min(col - 1 - MAX_WIDTH / 2, source.length - MAX_WIDTH))
  const end = start + MAX_WIDTH
  const text = (start > 0 ? '…' : '') + source.slice(start, end) + (end < source.length ? '…' : '')
  return { text, offset: col - 1 - start + (start > 0 ? 1 : 0) }
}

function frameOf(diagnostic: Diagnostic, paint: Paint): string {
  const { line, hint } = diagnostic
  const number = String(line).padStart(5)
  const { text, offset } = crop(diagnostic.source, diagnostic.col)
  const head = `${paint('dim', `${number} |`)} ${visible(text)}`
  if (offset > text.length) return hint === undefined ? head : `${head}\n      ${paint('cyan', visible(hint))}`
  const padding = text.slice(0, offset).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(diagnostic.length, text.length - offset)))
  const tail = hint === undefined ? '' : ` ${paint('cyan', visible(hint))}`
  return `${head}\n${paint('dim', '      |')} ${padding}${paint('red', carets)}${tail}`
}

function formatOne(diagnostic: Diagnostic, cwd: string, paint: Paint): string {
  const { line, col, hint } = diagnostic
  const file = nameOf(diagnostic.file, cwd)
  const message = visible(diagnostic.message)
  if (line === 0) {
    const head = `${paint('bold', `${file}:`)} ${message}`
    return hint === undefined ? head : `${head}\n      ${paint('cyan', visible(hint))}`
  }
  return `${paint('bold', `${file}:${line}:${col}`)} ${message}\n${frameOf(diagnostic, paint)}`
}

/** The diagnostics as a person reads them: place and sentence, the source line, carets under the mistake with the hint. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: FormatOptions): string {
  const cwd = options.cwd ?? process.cwd()
  const paint: Paint = options.color ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text
  return diagnostics.map(diagnostic => formatOne(diagnostic, cwd, paint)).join('\n\n')
}
