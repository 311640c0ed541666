import { performance } from 'node:perf_hooks'
import type { IncomingHttpHeaders } from 'node:http'
import type {
  AttemptRecord,
  DeepReadonly,
  HookRecord,
  Operation,
  Principal,
  RequestBody,
  Secret,
  StreamEnd,
  Target,
  Usage
} from '@headgate/api'
import { isSensitive } from './headers.ts'
import type { Facts, Route, Snapshot } from './pipeline.ts'
import type { Fault } from './fault.ts'
import type { Reply } from './reply.ts'
import type { Runtime } from './runtime.ts'
import type { JsonBody } from '../wire/body.ts'
import type { WireOperation } from '../wire/types.ts'

/** Why an exchange ends before its answer: the client went away, its time is up, it will not read, or the process has to go. */
export type GiveUp = 'client_closed' | 'deadline' | 'stalled' | 'drain'

/** What an exchange begins with: all that is known before the body. */
export interface ExchangeInit {
  readonly runtime: Runtime
  readonly snapshot: Snapshot
  readonly route: Route
  readonly wire: WireOperation
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly ip: string
  readonly reply: Reply
  readonly credential: Secret | undefined
}

/** One client request with everything that happens to it. Every field is set here so that all exchanges have one shape. */
export class Exchange implements Facts {
  readonly runtime: Runtime
  readonly snapshot: Snapshot
  readonly route: Route
  readonly wire: WireOperation
  readonly operation: Operation
  readonly method: string
  readonly path: string
  readonly ip: string
  readonly reply: Reply
  readonly logId: string
  readonly requestId: string
  readonly startedAt: number
  readonly startedWall: number
  readonly abort: AbortController = new AbortController()
  readonly hooks: HookRecord[] = []
  readonly attempts: AttemptRecord[] = []
  readonly warnings: string[] = []
  readonly replyHeaders: { [name: string]: string } = {}
  readonly #rawHeaders: IncomingHttpHeaders
  /** Dropped after authentication, so that nothing later can reach it. */
  credential: Secret | undefined
  principal: Principal | undefined
  body: JsonBody<RequestBody> | null = null
  /** The model that the client asked for, before any step changed it. */
  requestedModel: string | null = null
  bodyBytes = 0
  /** False while the body was only looked at, not parsed. */
  checked = false
  /** True once every `request` step has had the body: what redaction has not seen never gets into a log. */
  vetted = false
  wantsStream = false
  /** True when the client asked for usage in its stream. */
  asksUsage = false
  /** True when we asked for usage in its place, so that the extra chunk is not for it. */
  hidesUsage = false
  /** The answer that is streaming now, to be aborted with the exchange. */
  live: { abort(): void } | null = null
  plan: readonly Target[] = []
  target: Target | undefined
  fault: Fault | null = null
  /** Index of the step that answered in place of an upstream; steps from there on have no response half. */
  answeredBy: number
  usage: Usage | null = null
  answerChars = 0
  streamEnd: StreamEnd | null = null
  responseBody: unknown = null
  upstreamMs: number | null = null
  firstTokenMs: number | null = null
  upstreamRequestId: string | undefined
  /** Why the exchange was given up, if it was. */
  gaveUp: GiveUp | null = null
  /** Called once when the exchange is given up, by whoever is writing the answer at that time. */
  onGiveUp: ((reason: GiveUp) => void) | null = null
  finished = false
  /** The connection is done with it. */
  closed = false
  /** Its work is done. */
  settled = false
  /** Milliseconds of `performance.now` when the request must be over; Infinity is never. */
  deadline: number = Infinity
  #headers: { readonly [name: string]: string | undefined } | null = null
  #state: Map<string, unknown> | null = null
  #metadata: { [key: string]: string } | null = null
  #tags = 0
  #timer: NodeJS.Timeout | null = null
  #verdict: AbortController | null = null
  /** Per step: 0 undecided, 1 runs, 2 skipped. */
  #decided: Uint8Array | null = null

  constructor(init: ExchangeInit) {
    this.runtime = init.runtime
    this.snapshot = init.snapshot
    this.route = init.route
    this.wire = init.wire
    this.operation = init.wire.name
    this.method = init.method
    this.path = init.path
    this.ip = init.ip
    this.reply = init.reply
    this.#rawHeaders = init.headers
    this.credential = init.credential
    this.startedAt = performance.now()
    this.startedWall = init.runtime.now()
    this.logId = init.runtime.ids.uuid7(this.startedWall)
    this.requestId = init.runtime.ids.request(single(init.headers['x-request-id']), this.logId)
    this.answeredBy = init.route.steps
  }

  /** Client headers without credentials, made on first use. */
  get headers(): { readonly [name: string]: string | undefined } {
    if (this.#headers === null) {
      const clean: { [name: string]: string } = {}
      for (const name in this.#rawHeaders) {
        const value = this.#rawHeaders[name]
        if (value !== undefined && !isSensitive(name)) clean[name] = typeof value === 'string' ? value : value.join(', ')
      }
      this.#headers = Object.freeze(clean)
    }
    return this.#headers
  }

  /** One header by lower-case name without making the whole view; never a credential. */
  header(name: string): string | undefined {
    return isSensitive(name) ? undefined : single(this.#rawHeaders[name])
  }

  /** The model as it is asked for now; empty where there is none. */
  get model(): string {
    const model = this.body?.peek('model')
    return typeof model === 'string' ? model : ''
  }

  /** The whole body, checked before anybody sees it. Null for operations without one. @throws {Reject} 400 for a body that was too large to be checked at once and is wrong */
  get request(): DeepReadonly<RequestBody> | null {
    if (this.body === null) return null
    if (!this.checked) {
      this.wire.validate(this.body.parsed)
      this.checked = true
    }
    return this.body.value
  }

  get clientClosed(): boolean {
    return this.gaveUp === 'client_closed'
  }

  /** Gives the exchange up: everything that is waited for ends, the upstream is aborted. */
  giveUp(reason: GiveUp): void {
    if (this.gaveUp !== null || this.finished) return
    this.gaveUp = reason
    this.onGiveUp?.(reason)
    this.abortUpstream()
  }

  /** Ends whatever is waited for. */
  abortUpstream(): void {
    this.abort.abort()
    this.live?.abort()
  }

  /** Starts the clock of the request; 0 is none. */
  arm(ms: number): void {
    if (ms === 0) return
    this.deadline = performance.now() + ms
    this.#timer = setTimeout(() => this.giveUp('deadline'), ms)
  }

  disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Milliseconds left before the deadline; Infinity where there is none. */
  remainingMs(): number {
    return this.deadline - performance.now()
  }

  get signal(): AbortSignal {
    return this.abort.signal
  }

  /** As `signal`, and aborted too when one of the guards that run together has denied. */
  get verdictSignal(): AbortSignal {
    this.#verdict ??= new AbortController()
    return AbortSignal.any([this.signal, this.#verdict.signal])
  }

  /** One guard has denied: the others may stop. */
  endVerdict(): void {
    this.#verdict?.abort()
  }

  /** The metadata set by `tag`. */
  get metadata(): { readonly [key: string]: string } {
    return this.#metadata ?? {}
  }

  /** Milliseconds since the exchange began. */
  elapsed(): number {
    return performance.now() - this.startedAt
  }

  read(name: string): unknown {
    return name === 'principal' ? this.principal : this.#state?.get(name)
  }

  write(name: string, value: unknown): void {
    this.#state ??= new Map()
    this.#state.set(name, value)
  }

  tag(name: string, value: string): void {
    if (this.#tags >= 64) return
    this.#metadata ??= {}
    if (!Object.hasOwn(this.#metadata, name)) this.#tags++
    this.#metadata[name.slice(0, 128)] = String(value).slice(0, 1024)
  }

  warn(text: string): void {
    if (this.warnings.length < 32 && !this.warnings.includes(text)) this.warnings.push(text)
  }

  /** The decision about a step's `when`, made once and kept. */
  runs(index: number, when: (facts: Facts) => boolean): boolean {
    this.#decided ??= new Uint8Array(this.route.steps)
    if (this.#decided[index] === 0) this.#decided[index] = when(this) ? 1 : 2
    return this.#decided[index] === 1
  }

  fact(name: string): string | number | boolean | readonly string[] | undefined {
    switch (name) {
      case 'model':
        return this.body === null ? undefined : this.model
      case 'stream':
        return this.wantsStream
      case 'operation':
        return this.operation
      case 'path':
        return this.path
      case 'method':
        return this.method
      case 'route':
        return this.route.name
      case 'tokens':
        return Math.ceil(this.bodyBytes / 4)
    }
    if (name.startsWith('header.')) return this.header(name.slice(7).toLowerCase())
    if (name.startsWith('principal.')) return principalFact(this.principal, name.slice(10))
    return undefined
  }
}

function principalFact(principal: Principal | undefined, name: string): string | readonly string[] | undefined {
  switch (name) {
    case 'id':
      return principal?.id
    case 'owner':
      return principal?.owner
    case 'team':
      return principal?.team
    case 'project':
      return principal?.project
    case 'scopes':
      return principal?.scopes ?? []
  }
  return name.startsWith('metadata.') ? principal?.metadata?.[name.slice(9)] : undefined
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
