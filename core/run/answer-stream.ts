import type { Chunk, StreamDecoder } from '@headgate/api'
import { SseSplitter, type SseFrame } from '../stream/sse.ts'
import type { BodySink, UpstreamResponse } from '../upstream/types.ts'
import type { ChunkFacts, StreamDialect, StreamReader } from '../wire/types.ts'
import { UpstreamFailure } from '../upstream/failure.ts'
import { Aborted } from './settle.ts'
import { failureOf, soft } from './upstream-fault.ts'

/** One event of a streamed answer. `raw` is null where the bytes are not the client's dialect. */
export interface LiveEvent {
  readonly raw: Buffer | null
  readonly chunk: Chunk | null
  readonly facts: ChunkFacts | null
}

/** Takes a streamed answer once it has begun. `end`, `done` and `fail` end it, whichever comes first. */
export interface LiveSink {
  events(events: readonly LiveEvent[]): void
  /** The terminal marker. */
  done(raw: Buffer | null): void
  /** The upstream closed without a marker. */
  end(): void
  /** It broke. */
  fail(error: Error): void
}

/** What an answer stream is made of. */
export interface AnswerStreamInit {
  readonly response: UpstreamResponse
  readonly dialect: StreamDialect
  /** Null where the upstream speaks the client's dialect. */
  readonly decoder: StreamDecoder | null
  /** Milliseconds left for the first content; 0 is no limit. */
  readonly firstTokenMs: number
  /** Milliseconds between two pieces; 0 is no limit. */
  readonly idleMs: number
  readonly maxBytes: number
}

/** Bytes kept before the answer is taken by a sink; past that the upstream waits. */
const HELD_BYTES = 256 * 1024

/** Milliseconds that an upstream has to end its response after the marker, so that its connection can be kept. */
const LINGER_MS = 200

/** The code of a connection that the other side closed without a reset. */
const CLOSED = 'UND_ERR_SOCKET'

const NEWLINES = Buffer.from('\n\n')

/**
 * The answer of one attempt as it arrives. Until the first content it only collects, so that the
 * attempt can still fail and be repeated; then it flows into a sink.
 */
export class AnswerStream implements BodySink {
  readonly #init: AnswerStreamInit
  readonly #splitter = new SseSplitter()
  readonly #reader: StreamReader
  #held: LiveEvent[] = []
  #heldBytes = 0
  #bytes = 0
  #sink: LiveSink | null = null
  #finish: ((sink: LiveSink) => void) | null = null
  #over = false
  #failure: Error | null = null
  #onOver: ((failure: Error | null) => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #linger: NodeJS.Timeout | null = null
  #begun = false
  #paused = false
  /** The upstream was told to wait until a sink is there. */
  #waits = false
  #open!: () => void
  #refuse!: (error: Error) => void
  /** Settles with the first content, or with the failure that came before it. */
  readonly opened: Promise<void>

  constructor(init: AnswerStreamInit) {
    this.#init = init
    this.#reader = init.dialect.reader()
    this.opened = new Promise((resolve, reject) => {
      this.#open = resolve
      this.#refuse = reject
    })
    this.#await(init.firstTokenMs, 'ttft')
    init.response.pipe(this)
  }

  /** True when the answer is whole even if no marker follows. */
  get complete(): boolean {
    return this.#reader.complete()
  }

  pause(): void {
    this.#paused = true
    this.#init.response.pause()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  resume(): void {
    this.#paused = false
    if (this.#over) return
    this.#await(this.#init.idleMs, 'idle')
    this.#init.response.resume()
  }

  abort(): void {
    if (this.#over) return
    this.#close(new Aborted())
    this.#init.response.abort()
  }

  /** Calls back when the last piece has come, with what broke it if something did. */
  onceOver(fn: (failure: Error | null) => void): void {
    if (this.#over) fn(this.#failure)
    else this.#onOver = fn
  }

  /** Hands over what was collected and lets the rest flow. */
  attach(sink: LiveSink): void {
    this.#sink = sink
    const held = this.#held
    this.#held = []
    if (held.length > 0) sink.events(held)
    if (this.#finish !== null) return this.#finish(sink)
    if (this.#over || this.#paused) return
    this.#await(this.#init.idleMs, 'idle')
    if (this.#waits) this.#init.response.resume()
  }

  data(piece: Buffer): void {
    if (this.#over) return
    this.#bytes += piece.length
    if (this.#bytes > this.#init.maxBytes) return this.#fail(failureOf('size'))
    if (this.#sink !== null) this.#timer?.refresh()
    this.#take(() => this.#splitter.push(piece))
  }

  end(): void {
    if (this.#over) return this.#ended()
    this.#take(() => (this.#init.decoder === null ? this.#splitter.end().filter(isWhole).map(terminated) : this.#splitter.end()))
    if (this.#over) return
    this.#drainDecoder()
    if (this.#over) return
    if (this.complete) return this.#settle(sink => sink.end())
    if (!this.#begun) return this.#fail(failureOf('truncated'))
    this.#settle(sink => sink.end(), failureOf('truncated'))
  }

  /** A connection that was closed in order may have ended a whole answer; one that was reset has not. */
  error(failure: Error): void {
    if (this.#over) return this.#ended()
    if (failure instanceof UpstreamFailure && failure.reason === CLOSED) return this.end()
    this.#fail(failure)
  }

  /** The answer is whole, but its connection can be kept only once the response has ended too. */
  #expectEnd(): void {
    this.#linger = setTimeout(() => this.#init.response.abort(), LINGER_MS)
    this.#linger.unref()
    if (this.#paused || this.#waits) this.#init.response.resume()
  }

  #ended(): void {
    if (this.#linger !== null) clearTimeout(this.#linger)
  }

  #take(split: () => readonly SseFrame[]): void {
    let events: LiveEvent[]
    try {
      events = []
      for (const frame of split()) {
        if (this.#frame(frame, events)) break
      }
    } catch (error) {
      return this.#fail(failureOf('parse', error))
    }
    if (this.#over) return
    this.#deliver(events)
  }

  /** Reads one frame into `events`; true when nothing after it counts. */
  #frame(frame: SseFrame, events: LiveEvent[]): boolean {
    const data = frame.data
    const native = this.#init.decoder === null
    if (data === null) {
      if (native) events.push({ raw: frame.raw, chunk: null, facts: null })
      return false
    }
    if (data.trim() === '[DONE]') {
      this.#deliver(events.splice(0))
      this.#drainDecoder()
      if (!this.#over) this.#settle(sink => sink.done(native ? frame.raw : null))
      this.#expectEnd()
      return true
    }
    if (!native) {
      for (const chunk of this.#init.decoder!.event(frame.event, data)) if (this.#chunk(null, chunk, events)) return true
      return false
    }
    const chunk = JSON.parse(data) as Chunk
    if (typeof chunk !== 'object' || chunk === null) throw new TypeError('an event is no object')
    if (frame.event === 'error') return this.#softError(chunk.error ?? chunk, events)
    return this.#chunk(frame.raw, chunk, events)
  }

  #chunk(raw: Buffer | null, chunk: Chunk, events: LiveEvent[]): boolean {
    const facts = this.#reader.read(chunk)
    if (facts.error !== null && facts.error !== undefined) return this.#softError(facts.error, events)
    events.push({ raw, chunk, facts })
    return false
  }

  #softError(error: unknown, events: LiveEvent[]): true {
    this.#deliver(events.splice(0))
    this.#fail(soft(error))
    return true
  }

  #drainDecoder(): void {
    const decoder = this.#init.decoder
    if (decoder?.end === undefined) return
    const events: LiveEvent[] = []
    try {
      for (const chunk of decoder.end()) if (this.#chunk(null, chunk, events)) return
    } catch (error) {
      return this.#fail(failureOf('parse', error))
    }
    this.#deliver(events)
  }

  #deliver(events: LiveEvent[]): void {
    if (events.length === 0 || this.#over) return
    if (this.#sink !== null) return this.#sink.events(events)
    let content = false
    for (const event of events) {
      this.#held.push(event)
      this.#heldBytes += event.raw?.length ?? 256
      if (event.facts?.content === true) content = true
    }
    if (content || this.#heldBytes > HELD_BYTES) this.#begin()
    if (this.#heldBytes <= HELD_BYTES || this.#waits) return
    this.#waits = true
    this.#init.response.pause()
  }

  /** Content is there: from here on nothing can be repeated. */
  #begin(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#begun = true
    this.#open()
  }

  #settle(finish: (sink: LiveSink) => void, failure: Error | null = null): void {
    this.#close(failure)
    this.#open()
    if (this.#sink !== null) finish(this.#sink)
    else this.#finish = finish
  }

  #fail(error: Error): void {
    if (this.#over) return
    this.#close(error)
    this.#init.response.abort()
    this.#refuse(error)
    if (this.#sink !== null) this.#sink.fail(error)
    else this.#finish = sink => sink.fail(error)
  }

  #close(failure: Error | null): void {
    this.#over = true
    this.#failure = failure
    this.#onOver?.(failure)
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #await(ms: number, what: 'ttft' | 'idle'): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = ms > 0 ? setTimeout(() => this.#fail(failureOf(what)), ms) : null
  }
}

/** False for an event that was cut off: its JSON does not end. */
function isWhole(frame: SseFrame): boolean {
  if (frame.data === null || frame.data.trim() === '[DONE]') return true
  try {
    JSON.parse(frame.data)
    return true
  } catch {
    // The answer ends before it; whether that is too early is told by what came until then.
    return false
  }
}

/** The last event of a stream may lack its blank line; what we write after it must not become part of it. */
function terminated(frame: SseFrame): SseFrame {
  return frame.data?.trim() === '[DONE]' ? frame : { ...frame, raw: Buffer.concat([frame.raw, NEWLINES]) }
}
