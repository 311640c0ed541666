import type { Secret } from '@headgate/api'

/** Milliseconds of each limit of one upstream call; 0 is none. */
export interface Timeouts {
  readonly connect: number
  /** Until the status line and headers. */
  readonly headers: number
}

/** What an upstream is opened with. One upstream per provider instance. */
export interface UpstreamOptions {
  /** `http(s)://host[:port]` without a path. */
  readonly origin: string
  readonly connections: number
  readonly keepAliveMs: number
  readonly connectTimeoutMs: number
  /** May connect to private addresses; metadata addresses are refused in any case. */
  readonly allowPrivate: boolean
}

/** One upstream call. Header values that are secrets are opened only here, on the way to the socket. */
export interface UpstreamRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers: { readonly [name: string]: string | Secret }
  readonly body: Buffer | null
  /** Aborts the call at any point. */
  readonly signal: AbortSignal
  readonly headersTimeoutMs: number
}

/** Receives the body of an answer. Exactly one of `end` and `error` is called, once, last. */
export interface BodySink {
  data(chunk: Buffer): void
  end(): void
  /** `failure` is an {@link UpstreamFailure} whose result is `reset_mid`, `size`, `encoding`, … */
  error(failure: Error): void
}

/** An answer whose headers have arrived. Its body flows only once `pipe` or `read` is called, and MUST be read or discarded. */
export interface UpstreamResponse {
  readonly status: number
  /** Lower-case names; repeated headers are joined by `, `; only the first 100 and 16 KiB in all. */
  readonly headers: { readonly [name: string]: string }
  /** Starts the flow. */
  pipe(sink: BodySink): void
  pause(): void
  resume(): void
  /** The whole body. @throws {UpstreamFailure} result `size` past `limit` bytes, `reset_mid` when it breaks off */
  read(limit: number): Promise<Buffer>
  /** Gives up: closes the connection, no further call to the sink. */
  abort(): void
}
