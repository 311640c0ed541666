import type { Aggregator } from '../wire/types.ts'
import type { Chunk } from '@headgate/api'
import { streamErrorFrame } from '../wire/errors.ts'
import type { AnswerStream, LiveEvent, LiveSink } from './answer-stream.ts'
import { charsOf } from './chars.ts'
import type { Exchange, GiveUp } from './exchange.ts'
import { Fault, toFault } from './fault.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { StreamSteps } from './stream-steps.ts'
import { faultOfStream, givenUp } from './upstream-fault.ts'

/**
 * Writes a streamed answer to the client: its own bytes where no step changes them, serialised
 * chunks where one does. Ends in the dialect's marker, or in an error event without one.
 */
export class StreamPump implements LiveSink {
  readonly #ex: Exchange
  readonly #stream: AnswerStream
  readonly #heartbeat: Heartbeat
  readonly #steps: StreamSteps | null
  readonly #capture: Aggregator | null
  #pending: Buffer | null = null
  #blocked = false
  #closed = false
  #resolve!: () => void
  /** Settles when the last byte was handed over or the answer was cut. Never rejects. */
  readonly closed: Promise<void>

  constructor(ex: Exchange, stream: AnswerStream, heartbeat: Heartbeat, steps: StreamSteps | null) {
    this.#ex = ex
    this.#stream = stream
    this.#heartbeat = heartbeat
    this.#steps = steps
    this.#capture = ex.route.captureBodies ? ex.wire.stream!.aggregator() : null
    this.closed = new Promise(resolve => {
      this.#resolve = resolve
    })
    ex.onGiveUp = reason => this.#giveUp(reason)
    stream.attach(this)
  }

  events(events: readonly LiveEvent[]): void {
    try {
      for (const event of events) {
        if (this.#closed) return
        this.#event(event)
      }
    } catch (error) {
      return this.#break(toFault(error), 'plugin_error')
    }
    this.#flush()
  }

  done(raw: Buffer | null): void {
    if (this.#closed || !this.#flushSteps()) return
    const marker = this.#ex.wire.stream!.done
    this.#put(raw ?? Buffer.from(marker === null ? '' : `data: ${marker}\n\n`))
    this.#flush()
    this.#end('done')
  }

  end(): void {
    if (this.#closed) return
    if (!this.#stream.complete) return this.#break(faultOfStream('truncated'), 'truncated')
    this.#ex.warn('done_missing')
    this.done(null)
  }

  fail(error: Error): void {
    const fault = error instanceof Fault ? error : faultOfStream(error)
    this.#break(fault, fault.code === 'upstream_timeout' ? 'timeout' : fault.code === 'upstream_too_large' ? 'limit' : 'upstream_error')
  }

  #event(event: LiveEvent): void {
    const { chunk, facts } = event
    if (chunk === null || facts === null) return this.#put(event.raw!)
    if (facts.usage !== null) this.#ex.usage = facts.usage
    if (facts.anomaly) this.#ex.warn('anomaly')
    this.#ex.answerChars += charsOf(chunk)
    if (facts.usageOnly && this.#ex.hidesUsage) return
    if (this.#steps === null) {
      this.#capture?.push(chunk)
      return event.raw === null ? this.#putChunk(chunk) : this.#put(event.raw)
    }
    for (const out of this.#steps.chunk(chunk)) {
      this.#capture?.push(out)
      if (out === chunk && event.raw !== null) this.#put(event.raw)
      else this.#putChunk(out)
    }
  }

  /** Lets the steps give out what they hold back. False when one failed. */
  #flushSteps(): boolean {
    if (this.#steps === null) return true
    try {
      for (const out of this.#steps.end()) {
        this.#capture?.push(out)
        this.#putChunk(out)
      }
      return true
    } catch (error) {
      this.#break(toFault(error), 'plugin_error')
      return false
    }
  }

  #putChunk(chunk: Chunk): void {
    this.#put(Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`))
  }

  /** Neighbouring bytes of one upstream piece leave as one piece again. */
  #put(bytes: Buffer): void {
    const last = this.#pending
    if (last === null) {
      this.#pending = bytes
      return
    }
    if (last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      this.#pending = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
      return
    }
    this.#flush()
    this.#pending = bytes
  }

  #flush(): void {
    const bytes = this.#pending
    if (bytes === null) return
    this.#pending = null
    this.#heartbeat.heard()
    if (this.#ex.reply.write(bytes) || this.#blocked) return
    this.#blocked = true
    this.#stream.pause()
    this.#ex.reply.onceDrained(() => {
      this.#blocked = false
      if (!this.#closed) this.#stream.resume()
    })
  }

  #break(fault: Fault, end: NonNullable<Exchange['streamEnd']>): void {
    if (this.#closed) return
    this.#ex.fault = fault
    this.#flush()
    this.#stream.abort()
    this.#ex.reply.write(streamErrorFrame(fault))
    this.#end(end)
  }

  #giveUp(reason: GiveUp): void {
    if (this.#closed) return
    if (reason === 'client_closed') {
      this.#pending = null
      return this.#end('client_closed')
    }
    const fault = givenUp(reason)
    this.#break(fault, reason === 'drain' ? 'drain_cut' : 'limit')
  }

  #end(end: NonNullable<Exchange['streamEnd']>): void {
    this.#closed = true
    this.#pending = null
    this.#ex.onGiveUp = null
    this.#ex.streamEnd = end
    if (this.#capture !== null) this.#ex.responseBody = this.#capture.result()
    this.#steps?.close()
    this.#heartbeat.stop()
    this.#ex.reply.end()
    this.#resolve()
  }
}
