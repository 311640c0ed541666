import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Log, Plugin, Provider, Secret } from '@headgate/api'
import type { Overrides } from '../config/load.ts'
import type { GatewayConfig } from '../config/types.ts'
import { Counters } from '../observe/counters.ts'
import { gatewayTracer } from '../observe/request-span.ts'
import type { Exchange } from '../run/exchange.ts'
import { Ids } from '../run/ids.ts'
import { conclude } from '../run/lifecycle.ts'
import { LogQueues } from '../run/log-queues.ts'
import type { Blamed, Snapshot } from '../run/pipeline.ts'
import type { Runtime } from '../run/runtime.ts'
import { createDispatcher, type DispatcherOptions } from '../upstream/dispatcher.ts'
import type { Dispatcher } from '../upstream/types.ts'
import { build, type BuildEnv, type Built } from './build.ts'
import type { Generation } from './generation.ts'

/** What a gateway is made with. Only `file` and `log` are needed. */
export interface GatewayOptions {
  /** Path of the YAML file. */
  readonly file: string
  readonly log: Log
  readonly child?: (facts: object) => Log
  /** What `${…}` in the YAML is filled from; by default nothing. */
  readonly variables?: { readonly [name: string]: string | undefined }
  /** What wins over the YAML. */
  readonly overrides?: Overrides
  /** Definitions under the name that `use:` gives them. */
  readonly plugins?: { readonly [use: string]: Plugin | Provider }
  readonly bootstrapKey?: Secret
  /** Receives what plugins want a person to see once, such as a new key. */
  readonly announce?: (lines: readonly string[]) => void
  /** Wall clock in milliseconds. */
  readonly now?: () => number
  /** How names are resolved and what certificates are trusted. */
  readonly dispatcher?: DispatcherOptions
}

/** Milliseconds that a request may take to end once it was cut. */
const CUT_MS = 1000

/** The running gateway without its listeners: the current generation, and every exchange that is open. */
export class Gateway {
  readonly runtime: Runtime
  /** Async context of hooks, to trace what they leave floating. */
  readonly blame: AsyncLocalStorage<Blamed> = new AsyncLocalStorage()
  readonly #options: GatewayOptions
  readonly #dispatcher: Dispatcher
  readonly #open = new Set<Exchange>()
  readonly #stepNames: string[] = ['']
  #built: Built
  #ready = false
  #draining = false
  #idle: (() => void)[] = []

  private constructor(options: GatewayOptions, runtime: Runtime, dispatcher: Dispatcher) {
    this.#options = options
    this.runtime = runtime
    this.#dispatcher = dispatcher
    this.#built = undefined as unknown as Built
  }

  /**
   * Builds the first generation; nothing is started yet.
   *
   * @throws {ConfigError} with all that is wrong in the config
   */
  static async load(options: GatewayOptions): Promise<Gateway> {
    const counters = new Counters()
    const marker = new Int32Array(new SharedArrayBuffer(8))
    const child = options.child ?? (() => options.log)
    const runtime: Runtime = {
      log: options.log,
      child,
      ids: new Ids(),
      counters,
      tracer: gatewayTracer(),
      logs: new LogQueues(options.log, counters, marker),
      marker,
      now: options.now ?? Date.now,
      heartbeatMs: 15_000,
      writeStallMs: 60_000
    }
    const gateway = new Gateway(options, runtime, createDispatcher(options.dispatcher))
    try {
      gateway.#built = await build(gateway.#buildEnv(), 1)
    } catch (error) {
      await gateway.#dispatcher.close(AbortSignal.timeout(1000))
      throw error
    }
    const { server } = gateway.config
    Object.assign(runtime, { heartbeatMs: server.heartbeat, writeStallMs: server.timeout.write_stall })
    return gateway
  }

  get config(): GatewayConfig {
    return this.#built.generation.config
  }
  get built(): Built {
    return this.#built
  }
  get generation(): Generation {
    return this.#built.generation
  }
  /** The snapshot that new requests begin with. */
  get current(): Snapshot {
    return this.#built.generation.snapshot
  }
  /** True between start and drain. */
  get ready(): boolean {
    return this.#ready
  }
  get draining(): boolean {
    return this.#draining
  }
  /** Requests under way. */
  get active(): number {
    return this.#open.size
  }
  get dataDir(): string {
    return resolve(this.config.server.data)
  }

  /** Name of a step by its id, for the watchdog. */
  stepName(id: number): string {
    return this.#stepNames[id] ?? ''
  }

  /** Starts every instance. @throws {StartError} */
  async start(): Promise<void> {
    mkdirSync(this.dataDir, { recursive: true, mode: 0o700 })
    await this.generation.start()
    this.#ready = true
  }

  /** Takes an exchange into the books until its connection is done with it and its work has settled. */
  track(ex: Exchange): void {
    this.#open.add(ex)
    ex.reply.onceClosed(clean => {
      if (!clean) ex.giveUp(ex.reply.stalled ? 'stalled' : 'client_closed')
      ex.closed = true
      if (ex.settled) this.#release(ex)
    })
  }

  /** The work of an exchange is done; its record is written once its connection is done with it too. */
  settle(ex: Exchange): void {
    ex.settled = true
    if (ex.closed) this.#release(ex)
  }

  /** From now on the gateway says that it is not ready and asks for its connections back. */
  beginDrain(): void {
    this.#ready = false
    this.#draining = true
  }

  /** Waits until no request is under way, at most `ms`; what is left then is cut with an error event. */
  async drained(ms: number): Promise<void> {
    await this.#idleWithin(ms)
    await this.#cut()
  }

  /** Flushes the logs, closes every instance and every socket. Returns what did not close. */
  async close(): Promise<string[]> {
    this.#ready = false
    await this.#cut()
    await Promise.race([this.runtime.logs.settled(), new Promise(done => setTimeout(done, 5000).unref())])
    const late = await this.generation.close()
    await this.#dispatcher.close(AbortSignal.timeout(2000))
    return late
  }

  /** Ends what is under way. The records are written before any instance closes, so a client that does not take its last bytes is not waited for. */
  async #cut(): Promise<void> {
    for (const ex of this.#open) ex.giveUp('drain')
    await this.#idleWithin(CUT_MS)
    for (const ex of this.#open) ex.reply.destroy()
    await this.#idleWithin(CUT_MS)
  }

  /** Resolves when no request is under way, after `ms` at the latest. */
  async #idleWithin(ms: number): Promise<void> {
    if (this.#open.size === 0) return
    await new Promise<void>(done => {
      const timer = setTimeout(done, ms)
      this.#idle.push(() => {
        clearTimeout(timer)
        done()
      })
    })
  }

  #release(ex: Exchange): void {
    if (!this.#open.delete(ex)) return
    conclude(ex)
    if (this.#open.size === 0) for (const done of this.#idle.splice(0)) done()
  }

  #buildEnv(): BuildEnv {
    const options = this.#options
    return {
      file: options.file,
      variables: options.variables ?? {},
      overrides: options.overrides ?? {},
      given: options.plugins ?? {},
      dispatcher: this.#dispatcher,
      blame: this.blame,
      nextId: name => this.#stepNames.push(name) - 1,
      dataDirOf: config => resolve(config.server.data),
      child: this.runtime.child,
      now: this.runtime.now,
      bootstrapKey: options.bootstrapKey,
      announce: options.announce ?? (() => undefined),
      services: new Map()
    }
  }
}
