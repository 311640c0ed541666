import { performance } from 'node:perf_hooks'
import type { Snapshot } from '../run/pipeline.ts'
import type { GatewayConfig, Unconfigured } from '../config/types.ts'
import type { Entry } from './instance.ts'
import { within } from './within.ts'

const START_MS = 30_000
const CLOSE_MS = 5_000

/** An instance whose `start` failed. */
export class StartError extends Error {
  readonly code = 'HG_PLUGIN_START'

  constructor(name: string, cause: unknown) {
    super(`${name}: start failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'StartError'
  }
}

/** One configuration with all its instances: set up, then started, then closed in reverse order. */
export class Generation {
  readonly config: GatewayConfig
  readonly snapshot: Snapshot
  readonly unconfigured: readonly Unconfigured[]
  readonly entries: readonly Entry[]
  readonly #closeUpstreams: () => Promise<void>
  #closed = false

  constructor(
    config: GatewayConfig,
    snapshot: Snapshot,
    unconfigured: readonly Unconfigured[],
    entries: readonly Entry[],
    closeUpstreams: () => Promise<void>
  ) {
    this.config = config
    this.snapshot = snapshot
    this.unconfigured = unconfigured
    this.entries = entries
    this.#closeUpstreams = closeUpstreams
  }

  /** Starts every instance, those that others require first. @throws {StartError} after what had started is closed again */
  async start(): Promise<void> {
    for (const entry of this.entries) {
      const since = performance.now()
      try {
        const { instance, sandbox } = entry
        if (instance.start !== undefined)
          await within((async () => sandbox.scope.runInAsyncScope(instance.start!, instance))(), START_MS, 'it took longer than 30 s')
      } catch (error) {
        await this.close()
        throw new StartError(entry.name, error)
      }
      entry.startMs = performance.now() - since
    }
  }

  /** Closes every instance in reverse order, each within five seconds; what does not finish is left behind. Safe to call twice. */
  async close(): Promise<string[]> {
    if (this.#closed) return []
    this.#closed = true
    const late: string[] = []
    for (const entry of this.entries.toReversed()) {
      const { instance, sandbox } = entry
      if (instance.close === undefined) continue
      try {
        await within(
          (async () => sandbox.scope.runInAsyncScope(instance.close!, instance, AbortSignal.timeout(CLOSE_MS)))(),
          CLOSE_MS,
          'it took longer than 5 s'
        )
      } catch (error) {
        late.push(`${entry.name}: close failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    await this.#closeUpstreams()
    return late
  }
}
