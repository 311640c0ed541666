import type {
  AttemptCtx,
  AttemptRecord,
  AuthenticateCtx,
  BodyCtx,
  Channel,
  DeepReadonly,
  ErrorCtx,
  GuardCtx,
  Log,
  Operation,
  Principal,
  ProviderView,
  ReceiveCtx,
  RequestBody,
  RequestCtx,
  Respond,
  ResponseBody,
  ResponseCtx,
  RetryCtx,
  RouteCtx,
  Secret,
  StateKey,
  StreamCtx,
  Target,
  TextSpan,
  UpstreamError
} from '@headgate/api'
import type { Counters } from '../observe/counters.ts'
import type { Answer } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { Fault } from './fault.ts'
import { settableHeader } from './headers.ts'
import type { StepInfo } from './pipeline.ts'
import { editableSpans } from './spans.ts'

const NO_BODY: RequestBody = Object.freeze({ model: '' })
const ANONYMOUS: Principal = Object.freeze({ id: '' })

/** What one hook call sees of an exchange. Revoked when the hook has settled, so that nothing kept can reach another moment. */
export class Ctx implements ReceiveCtx {
  #ex: Exchange | null
  readonly #info: StepInfo
  readonly #counters: Counters

  constructor(ex: Exchange, info: StepInfo) {
    this.#ex = ex
    this.#info = info
    this.#counters = ex.runtime.counters
  }

  /** The exchange behind a context. @throws {TypeError} once it is revoked */
  protected static of(ctx: Ctx): Exchange {
    if (ctx.#ex !== null) return ctx.#ex
    ctx.#counters.add('headgate_plugin_errors_total', { plugin: ctx.#info.plugin, hook: 'any', kind: 'late_use' })
    throw new TypeError(`the context of ${ctx.#info.plugin} was used after its hook had ended`)
  }

  /** Freezes what the hook has edited. @throws {TypeError} when it made something of it that JSON cannot hold */
  seal(): void {}

  /** Called by the chain, which alone has the exchange to show. */
  revoke(ex: Exchange): void {
    if (this.#ex === ex) this.#ex = null
  }

  get id(): string {
    return Ctx.of(this).requestId
  }
  get method(): string {
    return Ctx.of(this).method
  }
  get path(): string {
    return Ctx.of(this).path
  }
  get route(): string {
    return Ctx.of(this).route.name
  }
  get operation(): Operation {
    return Ctx.of(this).operation
  }
  get headers(): { readonly [name: string]: string | undefined } {
    return Ctx.of(this).headers
  }
  get signal(): AbortSignal {
    return Ctx.of(this).signal
  }

  get client(): { readonly ip: string; readonly userAgent: string | undefined } {
    const ex = Ctx.of(this)
    return { ip: ex.ip, userAgent: ex.header('user-agent') }
  }

  get log(): Log {
    const ex = Ctx.of(this)
    return ex.runtime.child({ plugin: this.#info.plugin, request_id: ex.requestId })
  }

  get<T>(key: StateKey<T>): T | undefined {
    const ex = Ctx.of(this)
    if (!this.#info.readable.has(key.name)) throw new TypeError(`${this.#info.plugin} reads the state "${key.name}" without declaring it`)
    return ex.read(key.name) as T | undefined
  }

  set<T>(key: StateKey<T>, value: T): void {
    const ex = Ctx.of(this)
    if (!this.#info.writable.has(key.name)) throw new TypeError(`${this.#info.plugin} writes the state "${key.name}" without declaring it`)
    ex.write(key.name, value)
  }

  tag(name: string, value: string): void {
    Ctx.of(this).tag(name, value)
  }
}

/** `authenticate`. */
export class AuthenticateContext extends Ctx implements AuthenticateCtx {
  readonly #sees: boolean

  constructor(ex: Exchange, info: StepInfo) {
    super(ex, info)
    this.#sees = info.seesCredential
  }

  get credential(): Secret | undefined {
    return this.#sees ? Ctx.of(this).credential : undefined
  }
}

class BodyContext extends Ctx implements BodyCtx {
  get principal(): Principal {
    return Ctx.of(this).principal ?? ANONYMOUS
  }
  get model(): string {
    return Ctx.of(this).model
  }
  get stream(): boolean {
    return Ctx.of(this).wantsStream
  }
  get request(): DeepReadonly<RequestBody> {
    return Ctx.of(this).request ?? NO_BODY
  }

  peek(field: string): unknown {
    const body = Ctx.of(this).body
    const value = body?.read(field)
    return typeof value === 'object' && value !== null ? body!.value[field] : value
  }
}

/** `route`, and the base of stages that see the providers. */
export class RouteContext extends BodyContext implements RouteCtx {
  get providers(): readonly ProviderView[] {
    return Ctx.of(this).snapshot.providerViews
  }
}

/** `request`. */
export class RequestContext extends RouteContext implements RequestCtx {
  edit(): RequestBody {
    const ex = Ctx.of(this)
    return ex.request === null ? { model: '' } : ex.body!.edit()
  }

  override seal(): void {
    Ctx.of(this).body?.seal()
  }

  texts(): readonly TextSpan[] {
    const ex = Ctx.of(this)
    const { request } = ex
    if (request === null) return []
    return editableSpans(ex.wire.requestTexts(request as RequestBody), () => ex.wire.requestTexts(RequestContext.draft(this)))
  }

  /** The draft through the context, so that a span kept too long is refused too. */
  protected static draft(ctx: RequestContext): RequestBody {
    return ctx.edit()
  }

  respond(body: ResponseBody, init: { status?: number; headers?: { readonly [name: string]: string } } = {}): Respond {
    Ctx.of(this)
    const headers: { [name: string]: string } = {}
    for (const name in init.headers) headers[settableHeader(name, init.headers[name]!)] = init.headers[name]!
    return { kind: 'respond', status: init.status ?? 200, body, headers }
  }

  setHeader(name: string, value: string): void {
    Ctx.of(this).replyHeaders[settableHeader(name, value)] = value
  }
}

/** `guard`. */
export class GuardContext extends BodyContext implements GuardCtx {
  override get signal(): AbortSignal {
    return Ctx.of(this).verdictSignal
  }

  texts(): readonly Readonly<TextSpan>[] {
    const ex = Ctx.of(this)
    return ex.request === null ? [] : ex.wire.requestTexts(ex.request as RequestBody)
  }
}

/** What `attempt` hooks add to one upstream call. */
export interface AttemptDraft {
  headers: { [name: string]: string }
  patch: { [field: string]: unknown }
}

/** `attempt`. */
export class AttemptContext extends BodyContext implements AttemptCtx {
  readonly target: Target
  readonly attempt: number
  readonly #draft: AttemptDraft

  constructor(ex: Exchange, info: StepInfo, target: Target, attempt: number, draft: AttemptDraft) {
    super(ex, info)
    this.target = target
    this.attempt = attempt
    this.#draft = draft
  }

  setHeader(name: string, value: string): void {
    Ctx.of(this)
    this.#draft.headers[settableHeader(name, value)] = value
  }

  patch(fields: { readonly [field: string]: unknown }): void {
    Ctx.of(this)
    Object.assign(this.#draft.patch, fields)
  }
}

/** What `retry` is asked about. */
export interface RetryQuestion {
  readonly target: Target
  readonly error: UpstreamError
  readonly remaining: readonly Target[]
  readonly remainingMs: number
}

/** `retry`. */
export class RetryContext extends BodyContext implements RetryCtx {
  readonly target: Target
  readonly error: UpstreamError
  readonly remaining: readonly Target[]
  readonly remainingMs: number

  constructor(ex: Exchange, info: StepInfo, question: RetryQuestion) {
    super(ex, info)
    this.target = question.target
    this.error = question.error
    this.remaining = question.remaining
    this.remainingMs = question.remainingMs
  }

  get attempt(): number {
    return Ctx.of(this).attempts.length
  }
  get attempts(): readonly AttemptRecord[] {
    return Object.freeze(Ctx.of(this).attempts.map(record => Object.freeze({ ...record })))
  }
}

/** `response`. */
export class ResponseContext extends BodyContext implements ResponseCtx {
  readonly #answer: Answer
  readonly #info: StepInfo
  readonly #views: StreamContext[] = []

  constructor(ex: Exchange, info: StepInfo, answer: Answer) {
    super(ex, info)
    this.#info = info
    this.#answer = answer
  }

  get target(): Target | undefined {
    return Ctx.of(this).target
  }

  get status(): number {
    Ctx.of(this)
    return this.#answer.status
  }

  get response(): DeepReadonly<ResponseBody> {
    Ctx.of(this)
    return this.#answer.body.value
  }

  edit(): ResponseBody {
    Ctx.of(this)
    return this.#answer.body.edit()
  }

  override seal(): void {
    this.#answer.body.seal()
  }

  texts(): readonly TextSpan[] {
    const ex = Ctx.of(this)
    return editableSpans(ex.wire.responseTexts(this.#answer.body.value as ResponseBody), () => ex.wire.responseTexts(this.edit()))
  }

  setHeader(name: string, value: string): void {
    Ctx.of(this).replyHeaders[settableHeader(name, value)] = value
  }

  /** The view that a `stream` hook would have of one channel of this answer. */
  forChannel(channel: Channel): StreamContext {
    const view = new StreamContext(Ctx.of(this), this.#info, channel)
    this.#views.push(view)
    return view
  }

  override revoke(ex: Exchange): void {
    super.revoke(ex)
    for (const view of this.#views) view.revoke(ex)
  }
}

/** `stream`. */
export class StreamContext extends BodyContext implements StreamCtx {
  readonly channel: Channel

  constructor(ex: Exchange, info: StepInfo, channel: Channel) {
    super(ex, info)
    this.channel = channel
  }

  get target(): Target | undefined {
    return Ctx.of(this).target
  }
}

/** `error`. */
export class ErrorContext extends Ctx implements ErrorCtx {
  readonly error: ErrorCtx['error']

  constructor(ex: Exchange, info: StepInfo, fault: Fault) {
    super(ex, info)
    this.error = Object.freeze({ source: fault.source, status: fault.status, code: fault.code, type: fault.type, message: fault.message })
  }
}
