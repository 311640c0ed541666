import type { Dispatcher } from 'undici'
import { BodyCollector } from './body.ts'
import { failure, isStale, requestFailure, UpstreamFailure, type RequestStage } from './failure.ts'
import { isIdentity, requestHeaders, responseHeaders } from './headers.ts'
import type { BodySink, UpstreamRequest, UpstreamResponse } from './types.ts'

/** Bytes kept for a reader that has not come yet, or has paused, before the connection is read no further. */
const MAX_HELD = 65_536

/** Interim (1xx) answers before the final one. */
const MAX_INTERIM = 8

/** What a call needs of the connections it runs on. */
export interface CallPool {
  /** True while the first request of a new connection is being written. */
  readonly fresh: boolean
  dispatch(options: Dispatcher.DispatchOptions, call: Call): void
  /** Like `dispatch`, but on a connection made for this request alone. */
  dispatchFresh(options: Dispatcher.DispatchOptions, call: Call): void
  started(): void
  /** The call needs no connection any more; `stage` is how far it had come. */
  ended(stage: RequestStage): void
}

type Resolve = (response: UpstreamResponse) => void
type Reject = (failure: UpstreamFailure) => void

/** One request with its answer: what undici reports to, and what the caller reads from. One object, because it is made for every request. */
export class Call implements Dispatcher.DispatchHandler, UpstreamResponse {
  status = 0
  headers: { readonly [name: string]: string } = {}
  freeRetry = false
  readonly #pool: CallPool
  readonly #request: UpstreamRequest
  readonly #resolve: Resolve
  readonly #reject: Reject
  #controller: Dispatcher.DispatchController | null = null
  #options: Dispatcher.DispatchOptions | null = null
  #timer: NodeJS.Timeout | null = null
  #stage: RequestStage = 'waiting'
  /** True while the timer is that of the connection. */
  #connectOnly = false
  #since = 0
  /** True while a connection works for this call. */
  #open = true
  #reused = false
  #touched = false
  #interim = 0
  #sink: BodySink | null = null
  #taken = false
  #limit = -1
  #received = 0
  #paused = false
  #flushing = false
  /** True when undici was told to read no further. */
  #stopped = false
  #held: Buffer[] | null = null
  #heldBytes = 0
  #failure: UpstreamFailure | null = null

  constructor(pool: CallPool, request: UpstreamRequest, resolve: Resolve, reject: Reject) {
    this.#pool = pool
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Sends the request. */
  start(): void {
    const { signal, headersTimeoutMs, connectTimeoutMs = 0, path } = this.#request
    if (signal.aborted) return this.handleEvent()
    if (!path.startsWith('/')) return this.#giveUp(failure('request'))
    signal.addEventListener('abort', this)
    this.#connectOnly = connectTimeoutMs > 0 && (headersTimeoutMs === 0 || connectTimeoutMs < headersTimeoutMs)
    const first = this.#connectOnly ? connectTimeoutMs : headersTimeoutMs
    if (first > 0) this.#timer = setTimeout(timedOut, first, this)
    this.#since = performance.now()
    this.#options = this.#dispatchOptions()
    this.#pool.dispatch(this.#options, this)
  }

  /** The signal's abort. */
  handleEvent(): void {
    const reason: unknown = this.#request.signal.reason
    this.#giveUp(reason instanceof UpstreamFailure ? reason : failure('client_closed', null, this.freeRetry))
  }

  /** The time for the headers is up. */
  expire(): void {
    this.#timer = null
    const waiting = this.#connectOnly ? 'connect_timeout' : 'queued'
    this.#giveUp(failure(this.#stage === 'waiting' ? waiting : 'ttft', null, this.freeRetry))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Throwing before a byte is written keeps the connection for the next request; aborting would close it.
    if (!this.#open) throw new Error('given up before it was sent')
    this.#controller = controller
    this.#options = null
    this.#stage = 'sent'
    if (this.#connectOnly) this.#awaitHeaders()
    this.#reused = !this.#pool.fresh
    this.#pool.started()
  }

  /** The connection stands; from here on the longer limit counts, from the same beginning. */
  #awaitHeaders(): void {
    this.#connectOnly = false
    this.#clearTimer()
    const { headersTimeoutMs } = this.#request
    if (headersTimeoutMs > 0) this.#timer = setTimeout(timedOut, Math.max(1, headersTimeoutMs - (performance.now() - this.#since)), this)
  }

  onResponseStarted(): void {
    this.#touched = true
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: { [name: string]: string | string[] | undefined }
  ): void {
    if (!this.#open) return
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM) this.#giveUp(failure('header', null, this.freeRetry))
      return
    }
    this.status = status
    this.headers = responseHeaders(headers)
    if (status > 599) return this.#giveUp(failure('header', null, this.freeRetry))
    if (status < 400 && status > 299) return this.#giveUp(failure('redirect', null, this.freeRetry))
    if (!isIdentity(this.headers)) return this.#giveUp(failure('encoding', null, this.freeRetry))
    this.#stage = 'answered'
    this.#clearTimer()
    this.#resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#open) return
    this.#received += chunk.length
    if (this.#limit !== -1 && this.#received > this.#limit) return this.#giveUp(failure('size', null, this.freeRetry))
    if (this.#sink !== null && !this.#paused && this.#held === null) return this.#sink.data(chunk)
    this.#held ??= []
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes < MAX_HELD) return
    this.#stopped = true
    this.#controller?.pause()
  }

  onResponseEnd(): void {
    if (!this.#open) return
    this.#leave()
    this.#flush()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (!this.#open) return
    if (this.#mayRepeat(error)) return this.#repeat()
    const cause = requestFailure(this.#stage, error, this.freeRetry)
    const answered = this.#stage === 'answered'
    this.#leave()
    if (!answered) return this.#reject(cause)
    this.#failure = cause
    this.#flush()
  }

  pipe(sink: BodySink, limit = -1): void {
    if (this.#taken) throw new Error('the body of the answer is taken already')
    this.#taken = true
    this.#sink = sink
    this.#limit = limit
    if (limit !== -1 && (this.#received > limit || Number(this.headers['content-length']) > limit)) {
      this.#giveUp(failure('size', null, this.freeRetry))
    }
    this.#flush()
  }

  read(limit: number): Promise<Buffer> {
    return new Promise((resolve, reject) => this.pipe(new BodyCollector(resolve, reject), limit))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (!this.#flushing) this.#flush()
  }

  abort(): void {
    this.#taken = true
    this.#sink = null
    this.#held = null
    this.#giveUp(failure('client_closed', null, this.freeRetry))
  }

  /** Continues reading from the connection. */
  proceed(): void {
    if (!this.#open || this.#paused || !this.#stopped) return
    this.#stopped = false
    this.#controller?.resume()
  }

  #dispatchOptions(): Dispatcher.DispatchOptions {
    const { method, path, headers, body } = this.#request
    return { method, path, headers: requestHeaders(headers), body }
  }

  /** Hands over what is held, then the end; or lets the connection go on. */
  #flush(): void {
    const sink = this.#sink
    if (sink === null || this.#flushing) return
    if (this.#held !== null && !this.#paused) this.#flushHeld(sink, this.#held)
    if (this.#sink === null || this.#paused || this.#held !== null) return
    if (this.#open) {
      // Not at once: undici cannot resume one connection while it is inside the parser of another.
      if (this.#stopped) process.nextTick(proceed, this)
      return
    }
    this.#sink = null
    if (this.#failure !== null) sink.error(this.#failure)
    else sink.end()
  }

  #flushHeld(sink: BodySink, held: Buffer[]): void {
    this.#flushing = true
    let next = 0
    // Each `data` may pause, give up or abort, and the signal may abort meanwhile.
    while (next < held.length && !this.#paused && this.#held === held) sink.data(held[next++]!)
    this.#flushing = false
    if (this.#held !== held) return
    this.#held = next < held.length ? held.slice(next) : null
    if (this.#held === null) this.#heldBytes = 0
  }

  /** Ends the call with a failure and closes its connection at once, whatever it was doing. */
  #giveUp(cause: UpstreamFailure): void {
    if (!this.#open) return
    const stage = this.#stage
    const options = this.#options
    // A request that still stands in a queue is dropped when its turn comes; its body need not wait for that.
    if (options !== null) options.body = null
    this.#leave()
    this.#held = null
    this.#failure = cause
    this.#paused = false
    this.#controller?.abort(cause)
    if (stage === 'answered') this.#flush()
    else this.#reject(cause)
  }

  #mayRepeat(error: Error): boolean {
    if (this.freeRetry || this.#touched || this.#stage === 'answered') return false
    if (this.#stage === 'sent' && !this.#reused) return false
    return isStale(error)
  }

  #repeat(): void {
    this.freeRetry = true
    this.#controller = null
    this.#pool.ended(this.#stage)
    this.#stage = 'waiting'
    this.#options = this.#dispatchOptions()
    this.#pool.dispatchFresh(this.#options, this)
  }

  /** The connection works for this call no longer. */
  #leave(): void {
    this.#open = false
    this.#options = null
    this.#clearTimer()
    this.#request.signal.removeEventListener('abort', this)
    this.#pool.ended(this.#stage)
  }

  #clearTimer(): void {
    if (this.#timer === null) return
    clearTimeout(this.#timer)
    this.#timer = null
  }
}

function timedOut(call: Call): void {
  call.expire()
}

function proceed(call: Call): void {
  call.proceed()
}
