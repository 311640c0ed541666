import type { ErrorCode } from '@headgate/api'
import { placeOf, type Spot } from './source.ts'
import { formatDiagnostics } from './format.ts'
import type { ConfigPath, Diagnostic, On, Place } from './types.ts'

/** Mistakes kept of one config; a file that is wrong throughout does not need more to say so. */
const MAX_KEPT = 1000

/** A mistake at a spot, before places are worked out. A spot that is a file name means the file as a whole. */
export interface Finding {
  readonly code: ErrorCode
  readonly message: string
  readonly spot: Spot | string
  readonly hint?: string
}

/** A mistake at a path of the config. */
export interface Report {
  readonly code: ErrorCode
  readonly path: ConfigPath
  /** Sentence without a full stop. */
  readonly message: string
  /** What to underline: the key, or (by default) the value. */
  readonly on?: On
  readonly hint?: string | undefined
  /** Instance that the message is about; put before it. */
  readonly label?: string | undefined
}

/** What the collector needs of a document. */
export interface Positions {
  readonly problems: readonly Finding[]
  spot(path: ConfigPath, on: On): Spot | string
  scrub(text: string): string
}

/** A config that cannot be used. `message` is the whole report as a person reads it. */
export class ConfigError extends Error {
  /** Sorted by file, line and column, without doubles. */
  readonly diagnostics: readonly Diagnostic[]
  readonly code: ErrorCode

  constructor(diagnostics: readonly Diagnostic[]) {
    super(formatDiagnostics(diagnostics, { color: false }))
    this.name = 'ConfigError'
    this.diagnostics = diagnostics
    this.code = diagnostics[0]?.code ?? 'HG_CONFIG_INVALID'
  }
}

function toDiagnostic(finding: Finding): Diagnostic {
  const place: Place =
    typeof finding.spot === 'string' ? { file: finding.spot, line: 0, col: 0, length: 0, source: '' } : placeOf(finding.spot)
  const { code, message, hint } = finding
  return hint === undefined ? { code, message, ...place } : { code, message, ...place, hint }
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.col - b.col
}

/** Findings as diagnostics, sorted by file, line and column, without doubles. */
export function arrange(findings: Iterable<Finding>): Diagnostic[] {
  const seen = new Set<string>()
  const list: Diagnostic[] = []
  for (const finding of findings) {
    const diagnostic = toDiagnostic(finding)
    const key = JSON.stringify([diagnostic.file, diagnostic.line, diagnostic.col, diagnostic.message])
    if (seen.has(key)) continue
    seen.add(key)
    list.push(diagnostic)
  }
  return list.sort(byPlace)
}

function isWithin(path: ConfigPath, root: ConfigPath): boolean {
  if (path.length < root.length) return false
  return root.every((part, index) => String(path[index]) === String(part))
}

/** Collects the mistakes of one config, so that all of them are told at once. Begins with those found while reading it. */
export class Diagnostics {
  readonly #document: Positions
  readonly #findings: Finding[]
  readonly #paths: ConfigPath[] = []

  constructor(document: Positions) {
    this.#document = document
    this.#findings = [...document.problems]
  }

  /** Notes a mistake at a path. A path that does not exist stands for its nearest existing owner. */
  add(report: Report): void {
    this.#paths.push(report.path)
    if (this.#findings.length >= MAX_KEPT) return
    const message = report.label === undefined ? report.message : `${report.label}: ${report.message}`
    const spot = this.#document.spot(report.path, report.on ?? 'value')
    const finding = { code: report.code, message: this.#document.scrub(message), spot }
    this.#findings.push(report.hint === undefined ? finding : { ...finding, hint: this.#document.scrub(report.hint) })
  }

  /** True as soon as there is one mistake. */
  get failed(): boolean {
    return this.#findings.length > 0
  }

  /** True when a mistake was added at this path or below it, so that what follows from it need not be told as well. */
  touches(path: ConfigPath): boolean {
    return this.#paths.some(known => isWithin(known, path))
  }

  /** Everything so far, sorted by file, line and column. */
  get list(): Diagnostic[] {
    return arrange(this.#findings)
  }

  /** @throws {ConfigError} when there is a mistake */
  throwIfAny(): void {
    if (this.failed) throw new ConfigError(this.list)
  }
}
