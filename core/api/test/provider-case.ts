import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Operation, RequestBody } from '../index.ts'
import { reply, type Reply } from './reply.ts'
import { splitBytes, type Split } from './split.ts'
import { streamed } from './sse.ts'

/** What a provider answered once, or would. */
export interface RecordedAnswer {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
  /** By default `text/event-stream` where the request asks for a stream, else `application/json`. */
  readonly type?: string
  /** The exact text, or a value that is sent as JSON. */
  readonly body: string | object
}

/** One request to a provider: what the client asks, what is sent, what comes back, what the client gets. */
export interface ProviderCase {
  readonly name: string
  /** By default `chat`. */
  readonly operation?: Operation
  /** The client's body. */
  readonly request: RequestBody
  /** What the provider must be sent; what is absent is not looked at. Headers may be more than these. */
  readonly sent?: { readonly path?: string; readonly headers?: { readonly [name: string]: string }; readonly body?: unknown }
  /** What the provider answers; absent for providers that answer in the process. */
  readonly upstream?: RecordedAnswer
  /** What the client gets: the body, or the events of the stream. */
  readonly response?: unknown
  /** All answer text of choice 0. */
  readonly text?: string
  /** False where the provider sends no usage. */
  readonly usage?: boolean
  /** What of the provider it covers, for the table: `tools`, `images`, `reasoning`, … */
  readonly features?: readonly string[]
}

const EXTENSIONS: { readonly [extension: string]: string } = {
  json: 'application/json',
  sse: 'text/event-stream',
  ndjson: 'application/x-ndjson'
}

/**
 * Reads cases from the folders in `dir`, each with `request.json` (the client's body),
 * `upstream.json`, `upstream.sse` or `upstream.ndjson` (the recorded answer), and if wanted
 * `sent.json` (path, headers, body), `response.json` or `response.sse` (what the client gets) and
 * `meta.json` (`operation`, `status`, `headers`, `content_type`, `text`, `usage`, `features`).
 *
 * @throws {Error} when a folder is not a case
 */
export function readProviderCases(dir: string): ProviderCase[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => readOne(join(dir, entry.name), entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function readOne(dir: string, name: string): ProviderCase {
  const meta = (jsonIn(dir, 'meta.json') ?? {}) as Partial<ProviderCase> & {
    status?: number
    headers?: { [name: string]: string }
    content_type?: string
  }
  const request = jsonIn(dir, 'request.json') as RequestBody | undefined
  if (request === undefined) throw new Error(`${dir}: a case needs request.json`)
  const sent = jsonIn(dir, 'sent.json') as ProviderCase['sent']
  const response = existsSync(join(dir, 'response.sse'))
    ? eventsOf(readFileSync(join(dir, 'response.sse'), 'utf8'))
    : jsonIn(dir, 'response.json')
  const extension = Object.keys(EXTENSIONS).find(one => existsSync(join(dir, `upstream.${one}`)))
  const { operation, text, usage, features, status, headers, content_type: type } = meta
  const upstream =
    extension === undefined
      ? undefined
      : {
          ...(status !== undefined && { status }),
          ...(headers !== undefined && { headers }),
          type: type ?? EXTENSIONS[extension]!,
          body: readFileSync(join(dir, `upstream.${extension}`), 'utf8')
        }
  return {
    name,
    request,
    ...(operation !== undefined && { operation }),
    ...(sent !== undefined && { sent }),
    ...(upstream !== undefined && { upstream }),
    ...(response !== undefined && { response }),
    ...(text !== undefined && { text }),
    ...(usage !== undefined && { usage }),
    ...(features !== undefined && { features })
  }
}

function jsonIn(dir: string, file: string): unknown {
  return existsSync(join(dir, file)) ? JSON.parse(readFileSync(join(dir, file), 'utf8')) : undefined
}

/** The data of a stream's events, `[DONE]` apart. */
function eventsOf(text: string): unknown[] {
  return text
    .split(/\r?\n\r?\n/)
    .map(frame => /^data: ?(.*)$/m.exec(frame)?.[1])
    .filter(data => data !== undefined && data !== '[DONE]')
    .map(data => JSON.parse(data!) as unknown)
}

/** The text that a provider answers with. */
export function answerText({ upstream }: ProviderCase): string {
  const body = upstream?.body ?? ''
  return typeof body === 'string' ? body : JSON.stringify(body)
}

/** The answer as the upstream sends it, its text replaced where one is given. */
export function answerOf(one: ProviderCase, split: Split, text: string = answerText(one)): Reply {
  const { status = 200, headers = {}, type } = one.upstream!
  const pieces = splitBytes(Buffer.from(text), split)
  if (isStream(one)) return streamed(pieces, type ?? 'text/event-stream', { status, headers })
  return reply({ status, headers: { 'content-type': type ?? 'application/json', ...headers }, body: pieces })
}

/** True when the provider answers with events. */
export function isStream({ upstream, request }: ProviderCase): boolean {
  return upstream === undefined || upstream.type === undefined
    ? request.stream === true && (upstream?.status ?? 200) < 400
    : /event-stream|ndjson/.test(upstream.type)
}
