import { reply, type Reply } from './reply.ts'
import { splitBytes, type Split } from './split.ts'

/** One server-sent event: its data (text, or a value that is sent as JSON), or data with a name. */
export type SseFrame = string | SseEvent | { readonly [key: string]: unknown }

/** An event with a name, as Anthropic's and the Responses API have them. */
export interface SseEvent {
  readonly event: string
  readonly data: unknown
}

/** What a stream looks like on the wire. */
export interface StreamOptions {
  /** How the bytes are cut; by default one write an event for frames, and one write in all for text. */
  readonly split?: Split
  /** Milliseconds between two pieces. */
  readonly delayMs?: number
  /** Ends with `data: [DONE]`; by default true for frames without names and false for everything else. */
  readonly done?: boolean
  readonly status?: number
  readonly headers?: { readonly [name: string]: string }
}

/**
 * A streamed answer, from frames or from the exact text of a stream.
 *
 * @example sse([{ choices: [{ delta: { content: 'hi' } }] }])
 * @example sse([{ event: 'message_stop', data: { type: 'message_stop' } }], { split: 'every-byte' })
 * @example sse('data: {"a":1}\r\n\r\n: comment\n\n', { split: [3, 9] })
 */
export function sse(frames: string | readonly SseFrame[], options: StreamOptions = {}): Reply {
  const texts = typeof frames === 'string' ? [frames] : frames.map(frameText)
  const done = options.done ?? (typeof frames !== 'string' && !frames.some(isEvent))
  if (done) texts.push('data: [DONE]\n\n')
  const pieces = texts.map(text => Buffer.from(text))
  return streamed(options.split === undefined ? pieces : splitBytes(Buffer.concat(pieces), options.split), 'text/event-stream', options)
}

/** A chunked answer of these pieces. */
export function streamed(pieces: readonly Buffer[], contentType: string, options: StreamOptions = {}): Reply {
  const headers = { 'content-type': contentType, ...options.headers }
  const answer = reply({ status: options.status ?? 200, headers, body: pieces, framing: 'chunked' })
  return { ...answer, delayMs: options.delayMs ?? 0 }
}

function isEvent(frame: SseFrame): frame is SseEvent {
  return typeof frame === 'object' && typeof frame['event'] === 'string' && 'data' in frame
}

function frameText(frame: SseFrame): string {
  if (typeof frame === 'string') return `data: ${frame}\n\n`
  if (!isEvent(frame)) return `data: ${JSON.stringify(frame)}\n\n`
  const data = typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data)
  return `event: ${frame.event}\ndata: ${data}\n\n`
}
