import { performance } from 'node:perf_hooks'
import { isReject, type Channel, type Chunk, type StreamCtx, type Transform } from '@headgate/api'
import { checkChunks, checkText, checkTransform } from '../stream/stage.ts'
import { ShapeError, StreamLimitError } from '../stream/limit.ts'
import { ChannelTransforms } from '../stream/transform.ts'
import { StreamContext } from './context.ts'
import { isDue, noteFailure } from './chain.ts'
import type { Exchange } from './exchange.ts'
import { faultOfPlugin, faultOfReject } from './fault.ts'
import type { Step } from './pipeline.ts'
import { DENY } from './stages.ts'

type StreamStep = Step<(ctx: StreamCtx) => Transform | undefined | void>

const SLOW_MS = 1

/** The `stream` hooks of one answer, each with one record and one accumulated time however many chunks there are. */
export class StreamSteps {
  readonly #runs: StepRun[]
  readonly #transforms: ChannelTransforms

  /** Null where no step takes part in this answer. */
  static of(ex: Exchange): StreamSteps | null {
    const chain = ex.route.chains.stream
    if (chain === null) return null
    const due = chain.filter(step => step.info.index < ex.answeredBy && isDue(step, ex, DENY))
    return due.length === 0 ? null : new StreamSteps(ex, due)
  }

  private constructor(ex: Exchange, steps: readonly StreamStep[]) {
    this.#runs = steps.map(step => new StepRun(ex, step))
    this.#transforms = new ChannelTransforms(
      ex.wire.stream!,
      this.#runs.map(run => (channel: Channel) => run.create(channel))
    )
  }

  /** The chunks to send in place of one; the very same object where nothing was changed. */
  chunk(chunk: Chunk): readonly Chunk[] {
    return this.#transforms.chunk(chunk)
  }

  /** What the steps still held back. */
  end(): readonly Chunk[] {
    return this.#transforms.end()
  }

  /** Ends the contexts and writes the records. */
  close(): void {
    for (const run of this.#runs) run.close()
  }
}

/** One step of one answer: makes a transformer for each channel and watches over it. */
class StepRun {
  readonly #ex: Exchange
  readonly #step: StreamStep
  readonly #contexts: StreamContext[] = []
  #ms = 0
  #outcome: 'ok' | 'failed' | 'denied' = 'ok'
  #off = false
  #warned = false

  constructor(ex: Exchange, step: StreamStep) {
    this.#ex = ex
    this.#step = step
  }

  create(channel: Channel): Transform | undefined {
    const context = new StreamContext(this.#ex, this.#step.info, channel)
    this.#contexts.push(context)
    const made = this.#guarded(
      () => checkTransform(this.#step.info.scope.runInAsyncScope(this.#step.fn, this.#step.info.hooks, context)),
      undefined
    )
    if (made === undefined) return undefined
    return this.#wrap(made)
  }

  close(): void {
    for (const context of this.#contexts) context.revoke(this.#ex)
    if (this.#contexts.length > 0)
      this.#ex.hooks.push({ plugin: this.#step.info.plugin, hook: 'stream', ms: this.#ms, outcome: this.#outcome })
  }

  #wrap(made: Transform): Transform {
    const { text, end, chunk } = made
    return {
      ...(text !== undefined && { text: (delta: string) => this.#guarded(() => checkText(text.call(made, delta), 'text'), delta) }),
      ...(end !== undefined && { end: () => this.#guarded(() => checkText(end.call(made), 'end'), '') }),
      ...(chunk !== undefined && {
        chunk: (value: Chunk) => this.#guarded<readonly Chunk[]>(() => checkChunks(chunk.call(made, value)), [value])
      })
    }
  }

  /** Runs a piece of the plugin; with `on_error: allow` a failure switches the step off for the rest of the answer. */
  #guarded<T>(work: () => T, fallback: T): T {
    if (this.#off) return fallback
    const since = performance.now()
    const marker = this.#ex.runtime.marker
    marker[0] = this.#step.info.id
    try {
      return work()
    } catch (error) {
      return this.#failed(error, fallback)
    } finally {
      marker[0] = 0
      this.#timed(performance.now() - since)
    }
  }

  #failed<T>(error: unknown, fallback: T): T {
    const plugin = this.#step.info.plugin
    if (isReject(error)) {
      this.#outcome = 'denied'
      throw faultOfReject(error, 'policy', plugin)
    }
    this.#outcome = 'failed'
    const kind = error instanceof StreamLimitError ? 'size' : error instanceof ShapeError ? 'shape' : 'throw'
    this.#ex.runtime.counters.add('headgate_plugin_errors_total', { plugin, hook: 'stream', kind })
    this.#ex.runtime.log.warn({ err: error, plugin, hook: 'stream', request_id: this.#ex.requestId }, `plugin "${plugin}" failed in stream`)
    if (this.#step.info.onError !== 'allow') throw faultOfPlugin(plugin, 'stream', error, 'failed')
    noteFailure(this.#ex, this.#step.info, 'stream')
    this.#off = true
    return fallback
  }

  #timed(ms: number): void {
    this.#ms += ms
    if (ms < SLOW_MS || this.#warned) return
    this.#warned = true
    this.#ex.warn(`slow_stream_hook:${this.#step.info.plugin}`)
  }
}
