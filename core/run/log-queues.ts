import type { Exchange as Record, Log, May } from '@headgate/api'
import type { Counters } from '../observe/counters.ts'
import type { Step, StepInfo } from './pipeline.ts'
import { isThenable } from './settle.ts'

type LogStep = Step<(exchange: Record) => May<void>>

const CAPACITY = 10_000
const WARN_EVERY_MS = 60_000

interface Queue {
  pending: number
  dropped: number
  warnedAt: number
}

/**
 * Hands finished records to `log` hooks. A hook that falls behind has at most 10,000 records under
 * way; more are dropped and counted, and the request path never waits.
 */
export class LogQueues {
  readonly #queues = new Map<StepInfo, Queue>()
  readonly #log: Log
  readonly #counters: Counters
  readonly #marker: Int32Array
  readonly #capacity: number
  #pending = 0
  #idle: (() => void)[] = []

  /** `marker`: slot 0 is told which step runs, for the watchdog. */
  constructor(log: Log, counters: Counters, marker: Int32Array = new Int32Array(1), capacity: number = CAPACITY) {
    this.#log = log
    this.#counters = counters
    this.#marker = marker
    this.#capacity = capacity
  }

  put(step: LogStep, record: Record): void {
    const queue = this.#queueOf(step.info)
    if (queue.pending >= this.#capacity) return this.#drop(step.info, queue)
    let result: unknown
    this.#marker[0] = step.info.id
    try {
      result = step.info.scope.runInAsyncScope(step.fn, step.info.hooks, record)
    } catch (error) {
      return this.#failed(step.info, error)
    } finally {
      this.#marker[0] = 0
    }
    if (!isThenable(result)) return
    queue.pending++
    this.#pending++
    const settled = (): void => {
      queue.pending--
      this.#pending--
      if (this.#pending === 0) for (const done of this.#idle.splice(0)) done()
    }
    result.then(settled, (error: unknown) => {
      settled()
      this.#failed(step.info, error)
    })
  }

  /** Resolves when no record is under way. */
  settled(): Promise<void> {
    return this.#pending === 0
      ? Promise.resolve()
      : new Promise(resolve => {
          this.#idle.push(resolve)
        })
  }

  /** Forgets a step that will not run again. */
  forget(info: StepInfo): void {
    this.#queues.delete(info)
  }

  #queueOf(info: StepInfo): Queue {
    let queue = this.#queues.get(info)
    if (queue === undefined) {
      queue = { pending: 0, dropped: 0, warnedAt: -Infinity }
      this.#queues.set(info, queue)
    }
    return queue
  }

  #drop(info: StepInfo, queue: Queue): void {
    queue.dropped++
    this.#counters.add('headgate_log_dropped_total', { plugin: info.plugin })
    const now = performance.now()
    if (now - queue.warnedAt < WARN_EVERY_MS) return
    queue.warnedAt = now
    this.#log.warn({ plugin: info.plugin, dropped: queue.dropped }, 'a log step cannot keep up; records are dropped')
  }

  #failed(info: StepInfo, error: unknown): void {
    this.#counters.add('headgate_plugin_errors_total', { plugin: info.plugin, hook: 'log', kind: 'throw' })
    this.#log.warn({ err: error, plugin: info.plugin, hook: 'log' }, `plugin "${info.plugin}" failed in log`)
  }
}
