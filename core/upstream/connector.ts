import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { buildConnector } from 'undici'
import { connectFailure, failure, type ConnectStage } from './failure.ts'
import { isAllowed } from './guard.ts'
import { guardedLookup, type Lookup } from './lookup.ts'

/** What connections are made with. */
export interface ConnectorOptions {
  readonly lookup: Lookup
  readonly allowPrivate: boolean
  /** Name resolution, TCP and TLS together; 0 is none. */
  readonly timeoutMs: number
  /** PEM certificates to trust instead of the built-in ones; null is the built-in ones. */
  readonly ca: string | readonly string[] | null
}

/** Makes connections that have been checked. */
export interface Connector {
  readonly connect: buildConnector.connector
  /** Ends every attempt that is still under way. */
  abandon(): void
}

/**
 * A connector that writes nothing to a connection before the address at its other end has been
 * checked: IP literals before connecting, names after resolving, and both once more when connected.
 */
export function createConnector(options: ConnectorOptions): Connector {
  const secure = buildConnector({
    allowH2: false,
    timeout: 0,
    // Stated, because an environment variable can turn the check off otherwise.
    rejectUnauthorized: true,
    ...(options.ca !== null && { ca: typeof options.ca === 'string' ? options.ca : [...options.ca] })
  })
  const attempts = new Set<Attempt>()
  return {
    connect(target, callback) {
      const attempt = new Attempt(options, target, secure, (error, socket) => {
        attempts.delete(attempt)
        if (socket === null) callback(error ?? failure('unreachable'), null)
        else callback(null, socket)
      })
      attempts.add(attempt)
      attempt.start()
    },
    abandon() {
      for (const attempt of [...attempts]) attempt.fail(failure('client_closed'))
    }
  }
}

type Done = (error: Error | null, socket: Socket | null) => void

/** One connection on its way: TCP, check, TLS. Calls `done` once, never synchronously. */
class Attempt {
  readonly #options: ConnectorOptions
  readonly #target: buildConnector.Options
  readonly #secure: buildConnector.connector
  readonly #onError = (error: unknown): void => this.fail(error)
  readonly #onClose = (): void => this.fail(null)
  readonly #onConnect = (): void => this.#checked()
  #done: Done | null
  #stage: ConnectStage
  #socket: Socket | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(options: ConnectorOptions, target: buildConnector.Options, secure: buildConnector.connector, done: Done) {
    this.#options = options
    this.#target = target
    this.#secure = secure
    this.#done = done
    this.#stage = isIP(target.hostname) === 0 ? 'resolve' : 'connect'
  }

  start(): void {
    const { hostname, port, protocol } = this.#target
    const { lookup, allowPrivate, timeoutMs } = this.#options
    if (this.#stage === 'connect' && !isAllowed(hostname, allowPrivate)) {
      process.nextTick(this.#onError, failure('egress_denied'))
      return
    }
    if (timeoutMs > 0) this.#timer = setTimeout(timedOut, timeoutMs, this)
    this.#socket = connectTcp({
      host: hostname,
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      lookup: guardedLookup(lookup, allowPrivate, () => {
        this.#stage = 'connect'
      }),
      autoSelectFamily: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000
    })
    this.#socket.on('connect', this.#onConnect).on('error', this.#onError).on('close', this.#onClose)
  }

  /** Ends the attempt; only the first end counts. */
  fail(error: unknown): void {
    this.#socket?.destroy()
    this.#finish(connectFailure(this.#stage, error), null)
  }

  /** Ends the attempt because its time is up. */
  expire(): void {
    this.fail(this.#stage === 'connect' ? failure('connect_timeout') : null)
  }

  #checked(): void {
    const socket = this.#socket
    if (socket === null || this.#done === null) return
    const address = socket.remoteAddress
    if (address === undefined) return this.fail(null)
    if (!isAllowed(address, this.#options.allowPrivate)) return this.fail(failure('egress_denied'))
    if (this.#target.protocol !== 'https:') return this.#finish(null, socket)
    this.#stage = 'handshake'
    this.#secure({ ...this.#target, httpSocket: socket }, (error, secured) => {
      if (error !== null) return this.fail(error)
      if (this.#done === null) secured.destroy()
      else this.#finish(null, secured)
    })
  }

  #finish(error: Error | null, socket: Socket | null): void {
    const done = this.#done
    if (done === null) return
    this.#done = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    // A failed socket keeps its error listener: errors may follow its end.
    if (error === null && socket === this.#socket) socket?.off('error', this.#onError)
    this.#socket?.off('connect', this.#onConnect).off('close', this.#onClose)
    done(error, socket)
  }
}

function timedOut(attempt: Attempt): void {
  attempt.expire()
}
