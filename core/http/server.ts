import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../load/gateway.ts'
import { createAdmin } from './admin.ts'
import { createApp } from './app.ts'
import { listen, stopAccepting } from './listen.ts'

const POLL_MS = 25

/** A gateway with its listeners. */
export class GatewayServer {
  readonly gateway: Gateway
  readonly app: FastifyInstance
  readonly admin: FastifyInstance | null
  /** URL of the public listener, once it listens. */
  url = ''
  /** URL of the admin listener, empty where there is none. */
  adminUrl = ''
  #closing: Promise<string[]> | null = null
  #hurry: (() => void) | null = null

  constructor(gateway: Gateway) {
    this.gateway = gateway
    this.app = createApp(gateway)
    this.admin = gateway.config.server.admin === false ? null : createAdmin(gateway)
  }

  /** Starts the instances, then the listeners. @throws {StartError} @throws {ListenError} */
  async start(): Promise<void> {
    const { server } = this.gateway.config
    await this.gateway.start()
    try {
      this.url = await listen(this.app, server.listen, { reusePort: server.reuse_port })
      if (this.admin !== null) this.adminUrl = await listen(this.admin, server.admin as string, { reusePort: server.reuse_port })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /**
   * Leaves without losing a request: says that it is not ready and serves on for the notice period,
   * asking for its connections back; then stops accepting, waits for what is under way, cuts long
   * streams with an error event, and closes. Safe to call twice; returns what did not close in time.
   */
  drain(): Promise<string[]> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  /** Closes at once. */
  close(): Promise<string[]> {
    this.#hurry?.()
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #drain(): Promise<string[]> {
    const { notice, streams } = this.gateway.config.server.drain
    this.gateway.beginDrain()
    await new Promise<void>(done => {
      this.#hurry = done
      setTimeout(done, notice)
    })
    // Right after the poll phase, in which every waiting connection was accepted: one that is
    // still in the kernel's queue when the listener closes would be reset.
    await new Promise(done => setImmediate(done))
    stopAccepting(this.app.server)
    await this.gateway.drained(streams)
    await this.#connectionsGone()
    return this.#end()
  }

  /** Kept-alive connections whose client has not come back since we asked for them are closed after one more round. */
  async #connectionsGone(): Promise<void> {
    for (let waited = 0; waited < 1000; waited += POLL_MS) {
      const open = await new Promise<number>(resolve => {
        this.app.server.getConnections((_error, count) => resolve(count ?? 0))
      })
      if (open === 0) return
      await new Promise(done => setTimeout(done, POLL_MS))
    }
  }

  async #end(): Promise<string[]> {
    stopAccepting(this.app.server)
    const late = await this.gateway.close()
    this.app.server.closeAllConnections()
    this.admin?.server.closeAllConnections()
    await this.app.close()
    await this.admin?.close()
    return late
  }
}
