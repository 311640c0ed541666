import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the recorded exchanges lie: beside the repository, never in it. */
export const RECORDINGS: string = fileURLToPath(new URL('../../../shared/fixtures', import.meta.url))

/** A call of a tool as a recording's facts have it. */
export interface ExpectedCall {
  readonly id: string | null
  readonly name: string | null
  readonly arguments: unknown
  readonly arguments_raw?: string
}

/** What is known of an answer from its recording alone. */
export interface Facts {
  readonly outcome: 'ok' | 'error' | 'stream_error' | 'error_in_body'
  readonly status: number
  readonly text?: string
  readonly reasoning?: string
  readonly refusal?: string
  readonly tool_calls?: readonly ExpectedCall[]
  readonly choices?: readonly { readonly index: number; readonly text: string; readonly finish_reason: string | null }[]
  readonly stop?: { readonly openai: string | null; readonly openai_any_of?: readonly string[] }
  readonly usage?: { readonly [name: string]: number } | null
  readonly done_marker?: boolean
  readonly n?: number
  readonly ids_first?: readonly string[]
  readonly first?: readonly number[]
  readonly error?: {
    readonly kind: string
    readonly retry_after_ms?: number | null
    readonly provider?: {
      readonly type?: string | null
      readonly code?: unknown
      readonly param?: string | null
      readonly message?: string | null
    }
  }
}

/** One recorded exchange. */
export interface Recording {
  /** Such as `openai/chat-text`. */
  readonly name: string
  readonly dir: string
  readonly api: string
  readonly streaming: boolean
  readonly method: string
  /** The recorded request body; null where the source had none. */
  readonly request: { readonly model?: string; readonly [field: string]: unknown } | null
  /** The recorded answer, byte for byte. */
  readonly body: Buffer
  readonly facts: Facts
}

/** Every recording of these providers and surfaces, or null where the recordings are not there. */
export function recordings(providers: readonly string[], apis: readonly string[]): Recording[] | null {
  if (!existsSync(RECORDINGS)) return null
  const found: Recording[] = []
  for (const provider of providers) {
    const folder = join(RECORDINGS, provider)
    if (!existsSync(folder)) continue
    for (const name of readdirSync(folder).sort()) {
      const recording = read(join(folder, name), `${provider}/${name}`)
      if (recording !== null && apis.includes(recording.api)) found.push(recording)
    }
  }
  return found
}

function read(dir: string, name: string): Recording | null {
  if (!existsSync(join(dir, 'meta.json'))) return null
  const meta = json(dir, 'meta.json') as { api: string; streaming: boolean; response_file: string }
  const sent = json(dir, 'provider_request.json') as { method: string; body: Recording['request'] }
  return {
    name,
    dir,
    api: meta.api,
    streaming: meta.streaming,
    method: sent.method,
    request: sent.body,
    body: readFileSync(join(dir, meta.response_file)),
    facts: json(dir, 'expect.json') as Facts
  }
}

function json(dir: string, file: string): unknown {
  return JSON.parse(readFileSync(join(dir, file), 'utf8'))
}
