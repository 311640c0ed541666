import { gzipSync } from 'node:zlib'

/** What happens to the connection after the last byte: it is kept, closed cleanly, dropped, reset (RST), left silent, or kept until a further request comes and then reset. */
export type Ending = 'keep' | 'fin' | 'destroy' | 'reset' | 'hang' | 'reset-on-reuse'

/** One answer of a fault upstream as data. Made by {@link reply} and its like, changed by {@link withFault}. */
export interface Reply {
  /** Bytes before the status line, such as interim answers. */
  readonly prelude: readonly Buffer[]
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The body, one write a piece. */
  readonly payload: readonly Buffer[]
  /** `none` sends neither status line nor headers. `close` lets the end of the connection end the body. */
  readonly framing: 'length' | 'chunked' | 'close' | 'none'
  /** Added to the true length in `content-length`. */
  readonly lengthError: number
  /** Milliseconds between two pieces. */
  readonly delayMs: number
  /** Sizes of the writes whatever the pieces are; the last one repeats. Null is one write a piece. */
  readonly slices: readonly number[] | null
  /** Bytes of the body after which sending stops; null sends all. */
  readonly stopAfter: number | null
  /** Sends the body again and again until the client has gone. */
  readonly endless: boolean
  readonly ending: Ending
  /** `connect` acts as soon as the connection stands, before any request. */
  readonly moment: 'connect' | 'request'
}

/** What {@link reply} takes. `json` sets the body and its content type. */
export interface ReplyOptions {
  readonly status?: number
  readonly headers?: { readonly [name: string]: string | readonly string[] }
  readonly body?: string | Uint8Array | readonly Uint8Array[]
  readonly json?: unknown
  /** How the body is delimited; by default `length`. */
  readonly framing?: 'length' | 'chunked' | 'close'
}

/**
 * A plain answer.
 *
 * @example reply({ json: { id: 'chatcmpl-1', choices: [] } })
 * @example reply({ status: 429, headers: { 'retry-after': '2' }, json: { error: { message: 'slow down' } } })
 */
export function reply(options: ReplyOptions = {}): Reply {
  const { status = 200, framing = 'length', json } = options
  const headers: [string, string][] = []
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) headers.push([name, one])
  }
  if (json !== undefined && options.headers?.['content-type'] === undefined) headers.push(['content-type', 'application/json'])
  const body = json === undefined ? (options.body ?? '') : JSON.stringify(json)
  const payload = Array.isArray(body) ? body.map(piece => Buffer.from(piece)) : [Buffer.from(body as string)]
  return { ...BLANK, status, headers, payload, framing }
}

/** Exactly these bytes instead of an HTTP answer, then a clean close. */
export function raw(bytes: string | Uint8Array): Reply {
  return { ...BLANK, payload: [Buffer.from(bytes as string)], framing: 'none', ending: 'fin' }
}

/** No answer at all; with `connect` the connection stays silent from the start, as for a TLS handshake that stalls. */
export function hang(moment: 'connect' | 'request' = 'request'): Reply {
  return { ...BLANK, framing: 'none', ending: 'hang', moment }
}

/** A 200 that calls itself JSON and is `bytes` bytes of something else, the same each time. */
export function garbage(bytes = 64): Reply {
  const body = Buffer.alloc(bytes)
  for (let i = 0; i < bytes; i++) body[i] = (i * 131 + 7) & 0xff
  return reply({ headers: { 'content-type': 'application/json' }, body })
}

/** A redirect. */
export function redirect(url: string, status = 307): Reply {
  return reply({ status, headers: { location: url } })
}

/** A small gzip body, encoded `folds` times, that inflates to `bytes` bytes of zeros. */
export function gzipBomb(bytes = 10_000_000, folds = 1): Reply {
  let body: Buffer = Buffer.alloc(bytes)
  for (let i = 0; i < folds; i++) body = gzipSync(body)
  const encoding = new Array(folds).fill('gzip').join(', ')
  return reply({ headers: { 'content-type': 'application/json', 'content-encoding': encoding }, body })
}

/** An answer whose headers take about `bytes` bytes, in headers of 1,000 bytes. */
export function headerBomb(bytes = 65_536): Reply {
  const headers: { [name: string]: string } = {}
  for (let i = 0; i * 1_000 < bytes; i++) headers[`x-bomb-${i}`] = 'b'.repeat(1_000)
  return reply({ headers, json: {} })
}

/** A body that never ends: `piece` again and again, as fast as the client reads. */
export function endless(piece: string | Uint8Array, contentType = 'text/event-stream'): Reply {
  return { ...reply({ headers: { 'content-type': contentType }, body: [Buffer.from(piece as string)], framing: 'chunked' }), endless: true }
}

const BLANK: Reply = Object.freeze({
  prelude: [],
  status: 200,
  headers: [],
  payload: [],
  framing: 'length',
  lengthError: 0,
  delayMs: 0,
  slices: null,
  stopAfter: null,
  endless: false,
  ending: 'keep',
  moment: 'request'
})
