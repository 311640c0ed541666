import { Client, Pool, type buildConnector, type Dispatcher } from 'undici'
import { Call, type CallPool } from './call.ts'
import { createConnector, type Connector } from './connector.ts'
import { failure, type RequestStage } from './failure.ts'
import type { Lookup } from './lookup.ts'
import type { UpstreamOptions, UpstreamRequest, UpstreamResponse, UpstreamStats } from './types.ts'

/** Bytes of all headers of an answer. */
const MAX_HEADER_BYTES = 16_384

/** The connections to one origin under one set of options. */
export class UpstreamPool implements CallPool {
  fresh = false
  readonly #origin: string
  readonly #options: Client.Options
  readonly #connector: Connector
  readonly #pool: Pool
  /** Connections for one request each, with what resolves when they are closed. */
  readonly #clients = new Map<Client, Promise<void>>()
  #waiting = 0
  #running = 0
  readonly #destroyed = Promise.withResolvers<void>()
  #closing: Promise<void> | null = null

  constructor(options: UpstreamOptions, lookup: Lookup, ca: string | readonly string[] | null) {
    const { allowPrivate, connectTimeoutMs, keepAliveMs } = options
    this.#origin = options.origin
    this.#connector = createConnector({ lookup, allowPrivate, timeoutMs: connectTimeoutMs, ca })
    this.#options = {
      connect: (target, callback) => this.#connect(target, callback),
      allowH2: false,
      useMilo: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(keepAliveMs > 0 ? { keepAliveTimeout: keepAliveMs, keepAliveMaxTimeout: keepAliveMs } : { pipelining: 0 })
    }
    this.#pool = new Pool(options.origin, { ...this.#options, connections: options.connections })
  }

  /** Sends a request. @throws {UpstreamFailure} when no answer comes */
  request(request: UpstreamRequest): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      this.#waiting++
      new Call(this, request, resolve, reject).start()
    })
  }

  dispatch(options: Dispatcher.DispatchOptions, call: Call): void {
    this.#pool.dispatch(options, call)
  }

  dispatchFresh(options: Dispatcher.DispatchOptions, call: Call): void {
    this.#waiting++
    // A pool would take any idle connection, which may be as dead as the first.
    const client = new Client(this.#origin, this.#options)
    client.dispatch(options, call)
    this.#clients.set(
      client,
      client.close().then(() => {
        this.#clients.delete(client)
      })
    )
  }

  started(): void {
    this.#waiting--
    this.#running++
  }

  ended(stage: RequestStage): void {
    if (stage !== 'waiting') {
      this.#running--
      return
    }
    this.#waiting--
    if (this.#waiting === 0) this.#connector.abandon()
  }

  stats(): UpstreamStats {
    return { connected: this.#pool.stats.connected + this.#clients.size, pending: this.#waiting, running: this.#running }
  }

  /** Lets running requests end. */
  close(): Promise<void> {
    // Destroying a pool that is closing leaves the promise of its close unsettled where requests were queued.
    this.#closing ??= Promise.race([this.#end(), this.#destroyed.promise])
    return this.#closing
  }

  /** Cuts everything. */
  async destroy(): Promise<void> {
    this.#connector.abandon()
    const clients = [...this.#clients.keys()].map(client => client.destroy())
    await Promise.all([this.#pool.destroy(), ...clients])
    this.#destroyed.resolve()
  }

  #connect(target: buildConnector.Options, callback: buildConnector.Callback): void {
    // Requests given up while queued still have their turn in undici; no connection is made for them.
    if (this.#waiting === 0) {
      process.nextTick(callback, failure('client_closed'), null)
      return
    }
    this.#connector.connect(target, (error, socket) => {
      // The first request is written inside the callback; every later one finds the flag down.
      this.fresh = true
      try {
        if (error === null) callback(null, socket)
        else callback(error, null)
      } finally {
        this.fresh = false
      }
    })
  }

  async #end(): Promise<void> {
    await this.#pool.close()
    await Promise.all(this.#clients.values())
  }
}
