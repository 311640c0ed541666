import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { reply, type Reply } from './reply.ts'
import { splitBytes, type Split } from './split.ts'
import { streamed } from './sse.ts'

/** How a recording is sent. */
export interface ReplayOptions {
  /** How the body is cut; by default `whole`. */
  readonly split?: Split
  /** Milliseconds between two pieces. */
  readonly delayMs?: number
}

/** What `meta.json` of a case says about the answer; further members are allowed. */
export interface CaseMeta {
  readonly status: number
  /** What the recording does not say follows from the name of the file. */
  readonly content_type: string
  readonly streaming: boolean
  readonly response_headers: { readonly [name: string]: string }
  /** Name of the file with the body, byte for byte. */
  readonly response_file: string
}

/** Headers that belong to the recorded connection. */
const OWNED: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive'
])

const TYPES: { readonly [extension: string]: string } = {
  '.sse': 'text/event-stream',
  '.ndjson': 'application/x-ndjson',
  '.bin': 'application/vnd.amazon.eventstream',
  '.html': 'text/html'
}

/**
 * The recorded answer of a case folder: a `meta.json` with `status`, `content_type`, `streaming`,
 * `response_headers` and `response_file`, and beside it the file with the body. What was streamed
 * is sent in chunks, everything else with its length.
 *
 * @example replay('fixtures/anthropic/messages-stream', { split: 'every-byte' })
 * @throws {Error} when the folder is not a case
 */
export function replay(dir: string, options: ReplayOptions = {}): Reply {
  const meta = readCase(dir)
  const body = readFileSync(join(dir, meta.response_file))
  const pieces = splitBytes(body, options.split ?? 'whole')
  const headers: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(meta.response_headers)) {
    if (!OWNED.has(name)) headers[name] = value
  }
  if (meta.streaming) return streamed(pieces, meta.content_type, { ...options, status: meta.status, headers })
  const answer = reply({ status: meta.status, headers: { 'content-type': meta.content_type, ...headers }, body: pieces })
  return { ...answer, delayMs: options.delayMs ?? 0 }
}

/** Reads and checks the `meta.json` of a case folder. @throws {Error} when it is missing or incomplete */
export function readCase(dir: string): CaseMeta {
  const meta = JSON.parse(readFileSync(join(dir, 'meta.json'), 'utf8')) as { readonly [K in keyof CaseMeta]?: CaseMeta[K] | null }
  const { status, response_file: file } = meta
  if (typeof status !== 'number' || typeof file !== 'string') throw new Error(`${dir}: meta.json needs status and response_file`)
  return {
    status,
    content_type: meta.content_type ?? TYPES[extname(file)] ?? 'application/json',
    streaming: meta.streaming === true,
    response_headers: meta.response_headers ?? {},
    response_file: file
  }
}
