import type { Log } from '../index.ts'

/** One line of the gateway's own log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly facts: { readonly [name: string]: unknown }
  readonly message: string
}

/** A log that keeps its lines, with facts bound to each. */
export function captureLog(lines: LogLine[] = [], bound: object = {}): { log: Log; lines: LogLine[] } {
  const write =
    (level: LogLine['level']) =>
    (facts: object, message = ''): void => {
      lines.push({ level, facts: { ...bound, ...facts }, message })
    }
  return { log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, lines }
}
