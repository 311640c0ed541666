import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../e2e/command-line.ts'

/** A fenced block of a document. */
export interface Snippet {
  /** File and line, for messages. */
  readonly at: string
  readonly language: string
  readonly code: string
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm

/** The fenced blocks of a document of the repository, in order. */
export function snippetsOf(file: string): Snippet[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return Array.from(text.matchAll(FENCE), match => ({
    at: `${file}:${text.slice(0, match.index).split('\n').length}`,
    language: match[1] ?? '',
    code: match[2] ?? ''
  }))
}

/** The name in the `definePlugin` of a snippet; undefined where there is none. */
export function pluginName({ code }: Snippet): string | undefined {
  return /definePlugin\(\{\s*name: '([^']+)'/.exec(code)?.[1]
}

/** The commands of a shell snippet: lines that go on with a backslash are one, a prompt is taken off. */
export function commandsOf({ code }: Snippet): string[] {
  return code
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map(line => line.replace(/^\$ /, '').trim())
    .filter(line => line !== '' && !line.startsWith('#'))
}
