import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { Reply } from './reply.ts'
import { scriptOf, type ReceivedRequest, type Script, type Source } from './script.ts'

/** A test that can clean up, such as one of tap. */
export interface Teardown {
  teardown(fn: () => unknown): void
}

/** How the upstream listens. */
export interface FaultUpstreamOptions {
  /** Speaks TLS with this PEM key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** By default `127.0.0.1`. */
  readonly host?: string
}

/** An HTTP/1.1 server below which every byte is under the control of the test. */
export interface FaultUpstream {
  /** Such as `http://127.0.0.1:34567`. */
  readonly origin: string
  readonly port: number
  /** Every request so far, in the order in which they were complete. */
  readonly requests: readonly ReceivedRequest[]
  /** Connections open now. */
  readonly sockets: number
  /** Connections made so far. */
  readonly connections: number
  /** Bytes read so far on all connections, TLS taken off. */
  readonly bytesReceived: number
  /** Connections dropped because what came was not HTTP. */
  readonly malformed: number
  /** Resolves when the condition holds; looked at after every event. */
  until(condition: () => boolean): Promise<void>
  /** Answers from another source from now on. */
  use(source: Source): void
  close(): Promise<void>
}

/**
 * Starts an upstream that answers as it is told. Given a test, it is closed with the test.
 *
 * @example
 * const upstream = await startFaultUpstream(t, [reply({ status: 503 }), withFault(sse(frames), cut(40))])
 * // … use upstream.origin …
 * t.equal(upstream.requests.length, 2)
 */
export async function startFaultUpstream(t: Teardown | null, source: Source, options: FaultUpstreamOptions = {}): Promise<FaultUpstream> {
  const upstream = new Upstream(source, options)
  await upstream.start()
  t?.teardown(() => upstream.close())
  return upstream
}

/** An origin on which nobody listens. */
export async function refusedOrigin(): Promise<string> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
}

class Upstream implements FaultUpstream, ConnectionOwner {
  readonly requests: ReceivedRequest[] = []
  origin = ''
  port = 0
  connections = 0
  bytesReceived = 0
  malformed = 0
  readonly #options: FaultUpstreamOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #waiting: Waiter[] = []
  #script: Script

  constructor(source: Source, options: FaultUpstreamOptions) {
    this.#script = scriptOf(source)
    this.#options = options
    const { tls } = options
    this.#server =
      tls === undefined
        ? createServer(socket => this.#accept(socket, socket))
        : createTlsServer({ ...tls, ALPNProtocols: ['http/1.1'] }, socket => this.#accept(socket, null))
    if (tls !== undefined) this.#server.on('connection', (socket: Socket) => this.#track(socket))
  }

  get sockets(): number {
    return this.#sockets.size
  }

  async start(): Promise<void> {
    const { host = '127.0.0.1', tls } = this.#options
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
    this.origin = `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${this.port}`
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise(resolve => {
      this.#waiting.push({ condition, resolve })
    })
  }

  use(source: Source): void {
    this.#script = scriptOf(source)
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  received(bytes: number): void {
    this.bytesReceived += bytes
  }

  answer(request: ReceivedRequest): Reply | Promise<Reply> {
    const index = this.requests.push(request) - 1
    const step = this.#script.next()
    this.changed()
    return typeof step === 'function' ? step(request, index) : step
  }

  rejected(): void {
    this.malformed++
    this.changed()
  }

  changed(): void {
    if (this.#waiting.length === 0) return
    const still: Waiter[] = []
    for (const waiter of this.#waiting) {
      if (waiter.condition()) waiter.resolve()
      else still.push(waiter)
    }
    this.#waiting = still
  }

  #accept(socket: Socket, counted: Socket | null): void {
    if (counted !== null) this.#track(counted)
    const connection = new Connection(this, socket, this.connections)
    const step = this.#script.peek()
    if (typeof step !== 'function' && step.moment === 'connect') {
      this.#script.next()
      connection.greet(step)
      return
    }
    connection.listen()
  }

  #track(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.changed()
    })
    this.changed()
  }
}
