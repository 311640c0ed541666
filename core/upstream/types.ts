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
  /** How long an idle connection is kept; 0 closes it after each answer. */
  readonly keepAliveMs: number
  /** Name resolution, TCP and TLS together; 0 is none. */
  readonly connectTimeoutMs: number
  /** May connect to private addresses; metadata addresses are refused in any case. */
  readonly allowPrivate: boolean
}

/** One upstream call. Header values that are secrets are opened only here, on the way to the socket. */
export interface UpstreamRequest {
  readonly method: string
  /** Path with query, beginning with a slash. */
  readonly path: string
  readonly headers: { readonly [name: string]: string | Secret }
  readonly body: Buffer | null
  /** Aborts the call at any point. An {@link UpstreamFailure} as its reason becomes the failure; any other reason is `client_closed`. */
  readonly signal: AbortSignal
  /** From the call of `request`, so it holds for waiting and connecting too; 0 is none. */
  readonly headersTimeoutMs: number
  /** Until a connection stands for this call, waiting for a free one included; absent or 0 leaves it to the pool. */
  readonly connectTimeoutMs?: number
}

/** Receives the body of an answer. Exactly one of `end` and `error` is called, once, last. */
export interface BodySink {
  data(chunk: Buffer): void
  end(): void
  /** `failure` is an {@link UpstreamFailure} whose result is `reset_mid`, `size`, `client_closed`, … */
  error(failure: Error): void
}

/** An answer whose headers have arrived. Its body flows only once `pipe` or `read` is called, and MUST be read or given up with `abort`. */
export interface UpstreamResponse {
  readonly status: number
  /** Lower-case names; repeated headers are joined by `, `; only the first 100 and 16 KiB in all. */
  readonly headers: { readonly [name: string]: string }
  /** True when a kept-alive connection had died and the request was repeated on a fresh one. */
  readonly freeRetry: boolean
  /**
   * Starts the flow; what has arrived already is handed over at once. More than `limit` bytes in
   * all end in `error` with result `size`.
   *
   * @throws {Error} when the body is taken already
   */
  pipe(sink: BodySink, limit?: number): void
  /** No call to `data` until `resume`. Up to 64 KiB more and one read are kept, then the connection is read no further. */
  pause(): void
  resume(): void
  /** The whole body. @throws {UpstreamFailure} result `size` past `limit` bytes, `reset_mid` when it breaks off */
  read(limit: number): Promise<Buffer>
  /** Gives up: closes the connection, no further call to the sink. */
  abort(): void
}

/** Figures of the connections behind an upstream; upstreams opened with equal options share them. */
export interface UpstreamStats {
  readonly connected: number
  /** Requests that wait for a connection. */
  readonly pending: number
  /** Requests sent whose answer is not complete. */
  readonly running: number
}

/** An open upstream: the only way to reach its origin. */
export interface Upstream {
  /** Resolves once the answer's headers are there. @throws {UpstreamFailure} in every other case */
  request(request: UpstreamRequest): Promise<UpstreamResponse>
  stats(): UpstreamStats
  /** Takes no further requests. Running ones end on their own; resolves when the last one sharing the connections has. */
  close(): Promise<void>
}

/** Owns every connection of the gateway to the outside. */
export interface Dispatcher {
  /** @throws {UpstreamFailure} result `egress_denied` when the origin can never be connected to, `closed` after `close` */
  open(options: UpstreamOptions): Upstream
  /** Lets running requests end until `deadline` aborts, then cuts them. */
  close(deadline: AbortSignal): Promise<void>
}
