import { LineCounter } from 'yaml'
import type { Place } from './types.ts'

/** Longest piece of a source line that goes into a diagnostic. */
const MAX_LINE = 1000

/** A key that by its name holds a secret, and its value if that is written out rather than interpolated. */
const WRITTEN_SECRET =
  /((?:^|[\s{,])["']?(?:[\w-]*[_-])?(?:api_?key|secret|token|password|passphrase|key)["']?:\s+)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,{}[\]#&*!|>"'][^,}#]*)/gi

/** Names that end like a secret's but are none, so that their lines stay readable. */
const PLAIN_NAME = /(?:^|[\s{,])["']?(?:key|public[_-]key)["']?:\s+$/i

/** True for the name of an option that holds a secret, such as `api_key`. */
export function isSecretName(name: string): boolean {
  return /(?:^|[_-])(?:api_?key|secret|token|password|passphrase)$|[_-]key$/i.test(name) && !/^public[_-]key$/i.test(name)
}

function maskWritten(line: string): string {
  return line.replace(WRITTEN_SECRET, (all, key: string, value: string) => {
    if (PLAIN_NAME.test(key) || value.includes('${')) return all
    const text = value.trimEnd()
    return key + '*'.repeat(text.length) + value.slice(text.length)
  })
}

/** A piece of a source file. */
export interface Spot {
  readonly source: SourceFile
  readonly start: number
  readonly end: number
}

/** The text of a config file, and where its lines are. Spots become places only when they are printed, after all secrets are known. */
export class SourceFile {
  readonly file: string
  readonly text: string
  readonly lines = new LineCounter()
  readonly #hidden: [number, number][] = []

  constructor(file: string, text: string) {
    this.file = file
    this.text = text
    this.lines.addNewLine(0)
  }

  /** From now on the text in between prints as stars. */
  hide(start: number, end: number): void {
    this.#hidden.push([start, end])
  }

  /** The text in between, to be placed later. */
  spot(start: number, end: number): Spot {
    return { source: this, start, end }
  }

  /** Line, column and the masked source line of the text in between; what goes beyond one line is cut. */
  place(start: number, end: number): Place {
    const { line, col } = this.lines.linePos(Math.min(start, this.text.length))
    const lineStart = start - col + 1
    const newline = this.text.indexOf('\n', start)
    const lineEnd = newline === -1 ? this.text.length : newline
    const length = Math.max(1, Math.min(end, lineEnd) - start)
    return { file: this.file, line, col, length, source: this.#masked(lineStart, lineEnd) }
  }

  #masked(start: number, end: number): string {
    let line = this.text.slice(start, Math.min(end, start + MAX_LINE))
    for (const [from, to] of this.#hidden) {
      const left = Math.max(from, start) - start
      const right = Math.min(to, start + line.length) - start
      if (left < right) line = line.slice(0, left) + '*'.repeat(right - left) + line.slice(right)
    }
    return maskWritten(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
}

/** The place of a spot, as diagnostics carry it. */
export function placeOf(spot: Spot): Place {
  return spot.source.place(spot.start, spot.end)
}
