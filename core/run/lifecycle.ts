import type { Principal, RequestBody, Respond } from '@headgate/api'
import { AnswerBody } from '../wire/answer-body.ts'
import type { JsonBody } from '../wire/body.ts'
import { writeRequestSpan } from '../observe/request-span.ts'
import { estimateTokens } from '../wire/usage.ts'
import type { Answer } from './answer.ts'
import type { AnswerStream } from './answer-stream.ts'
import { asWhole } from './as-whole.ts'
import { applies, isDue, runChain, runParallel } from './chain.ts'
import type { Exchange } from './exchange.ts'
import { Fault, toFault } from './fault.ts'
import { Heartbeat, STREAM_HEADERS } from './heartbeat.ts'
import { obtain } from './obtain.ts'
import { recordOf } from './record.ts'
import { answerHeaders, sendFault, sendWhole } from './send.ts'
import { Aborted, isThenable, settleWithin } from './settle.ts'
import { AUTHENTICATE, DENY, GUARD, RECEIVE, REQUEST, ROUTE, responseStage } from './stages.ts'
import { StreamPump } from './stream-pump.ts'
import { StreamSteps } from './stream-steps.ts'
import { faultOfStream, givenUp } from './upstream-fault.ts'

/**
 * What comes before the body: `receive` and `authenticate`.
 *
 * @throws {Fault} 401 when no step knows the caller
 */
export async function admit(ex: Exchange): Promise<void> {
  const { receive, authenticate } = ex.route.chains
  if (receive !== null) await maybe(runChain(receive, ex, RECEIVE))
  const principal: Principal | undefined = authenticate === null ? undefined : await maybe(runChain(authenticate, ex, AUTHENTICATE))
  ex.credential = undefined
  if (principal === undefined)
    throw new Fault(
      'client',
      401,
      'invalid_api_key',
      'No valid API key was given. Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`.'
    )
  ex.principal = principal
}

/** Everything from the body to the end of the answer. Never rejects: faults become answers. */
export async function serve(ex: Exchange, body: JsonBody<RequestBody> | null): Promise<void> {
  ex.arm(ex.route.limits.total)
  try {
    await answer(ex, body)
  } catch (error) {
    ex.live?.abort()
    await refuse(ex, error)
  } finally {
    ex.disarm()
  }
}

/** Tells the client what went wrong, unless it is gone. Never rejects. */
export async function refuse(ex: Exchange, error: unknown): Promise<void> {
  if (ex.gaveUp === 'client_closed') return
  const fault = error instanceof Aborted ? givenUp(ex.gaveUp ?? 'deadline') : toFault(error)
  ex.fault = fault
  if (fault.source === 'internal' && fault.code === 'internal_error')
    ex.runtime.log.error({ err: fault.cause, request_id: ex.requestId }, 'the gateway failed to process a request')
  await sendFault(ex, fault)
}

/** After the last byte: the record goes to every `log` step, once. */
export function conclude(ex: Exchange): void {
  if (ex.finished) return
  ex.finished = true
  noteCut(ex)
  estimateUsage(ex)
  const record = recordOf(ex)
  ex.runtime.counters.add('headgate_requests_total', { outcome: record.outcome })
  writeRequestSpan(ex.runtime.tracer, record, ex.header('traceparent'))
  if (record.warnings.includes('anomaly')) ex.runtime.counters.add('headgate_anomaly_total', { upstream: record.provider.name ?? '' })
  if (record.response.stream_end !== null) ex.runtime.counters.add('headgate_stream_end_total', { reason: record.response.stream_end })
  for (const step of ex.route.chains.log ?? []) if (applies(step, ex) && !step.info.health.quarantined) ex.runtime.logs.put(step, record)
}

/** An answer that was complete here but did not reach the client. */
function noteCut(ex: Exchange): void {
  if (ex.gaveUp === 'stalled') ex.fault ??= givenUp('stalled')
  if (ex.streamEnd !== 'done') return
  if (ex.gaveUp === 'stalled') ex.streamEnd = 'limit'
  else if (ex.gaveUp === 'client_closed') ex.streamEnd = 'client_closed'
}

async function answer(ex: Exchange, body: JsonBody<RequestBody> | null): Promise<void> {
  takeBody(ex, body)
  const heartbeat = ex.wantsStream ? new Heartbeat(ex.reply, ex.runtime.heartbeatMs, () => answerHeaders(ex, STREAM_HEADERS)) : null
  try {
    const { request, guard, route } = ex.route.chains
    const respond = request === null ? undefined : await maybe(runChain(request, ex, REQUEST))
    ex.vetted = true
    if (respond !== undefined) return await respondWith(ex, respond)
    heartbeat?.hold(true)
    if (guard !== null) await maybe(runParallel(guard, ex, GUARD))
    heartbeat?.hold(false)
    if (route !== null) await maybe(runChain(route, ex, ROUTE))
    await dispatch(ex, heartbeat)
  } finally {
    heartbeat?.stop()
  }
}

function takeBody(ex: Exchange, body: JsonBody<RequestBody> | null): void {
  if (body === null) return
  if (ex.bodyBytes <= PARSE_AT_ONCE || !looksRight(body)) {
    ex.wire.validate(body.parsed)
    ex.checked = true
  }
  ex.body = body
  ex.requestedModel = ex.model
  if (ex.wire.stream === null || body.peek('stream') !== true) return
  ex.wantsStream = true
  const options = body.read('stream_options') as { include_usage?: unknown } | null | undefined
  ex.asksUsage = options?.include_usage === true
}

/** Bodies up to this size are parsed and checked whole; a larger one only when a step reads it, else the upstream says what is wrong with it. */
const PARSE_AT_ONCE = 64 * 1024

function looksRight(body: JsonBody<RequestBody>): boolean {
  const model = body.peek('model')
  const stream = body.peek('stream')
  return typeof model === 'string' && model !== '' && model.length <= 256 && (stream === undefined || typeof stream === 'boolean')
}

/** Upstream and guards that overlap it: nothing is sent to the client before all guards agree. */
async function dispatch(ex: Exchange, heartbeat: Heartbeat | null): Promise<void> {
  const guards = ex.route.chains.overlapGuard
  if (guards === null) return deliver(ex, await obtain(ex), heartbeat)
  heartbeat?.hold(true)
  const verdict = maybe(runParallel(guards, ex, GUARD))
  const obtaining = obtain(ex)
  // Whatever the upstream does meanwhile is looked at only when the guards have agreed.
  obtaining.catch(() => undefined)
  try {
    await verdict
  } catch (error) {
    ex.abortUpstream()
    throw error
  }
  heartbeat?.hold(false)
  await deliver(ex, await obtaining, heartbeat)
}

async function deliver(ex: Exchange, obtained: Awaited<ReturnType<typeof obtain>>, heartbeat: Heartbeat | null): Promise<void> {
  if (obtained.kind === 'whole') return finishWhole(ex, obtained.answer)
  if (buffers(ex)) return finishWhole(ex, await held(ex, obtained.stream))
  const steps = StreamSteps.of(ex)
  if (!ex.reply.headSent) ex.reply.head(200, answerHeaders(ex, STREAM_HEADERS))
  await new StreamPump(ex, obtained.stream, heartbeat!, steps).closed
}

/** The whole of a streamed answer, of which nothing has left yet. @throws {Fault} when it breaks */
async function held(ex: Exchange, stream: AnswerStream): Promise<Answer> {
  try {
    return await settleWithin(asWhole(stream, ex.wire.stream!), 0, ex.signal)
  } catch (error) {
    if (error instanceof Aborted) throw error
    throw faultOfStream(error)
  }
}

/** True when a step needs the whole answer before any of it may leave. */
function buffers(ex: Exchange): boolean {
  const chain = ex.route.chains.response
  if (chain === null) return false
  for (const step of chain) if (step.info.streaming === 'buffer' && isDue(step, ex, DENY)) return true
  return false
}

async function respondWith(ex: Exchange, respond: Respond): Promise<void> {
  Object.assign(ex.replyHeaders, respond.headers)
  await finishWhole(ex, { status: respond.status, body: AnswerBody.made(respond.body) })
}

async function finishWhole(ex: Exchange, answer: Answer): Promise<void> {
  const chain = ex.route.chains.response
  if (chain !== null) {
    const due = ex.answeredBy === ex.route.steps ? chain : chain.filter(step => step.info.index < ex.answeredBy)
    await maybe(runChain(due, ex, responseStage(answer)))
  }
  ex.usage ??= ex.wire.usage(answer.body.parsed)
  if (ex.usage === null) for (const span of ex.wire.responseTexts(answer.body.parsed)) ex.answerChars += span.text.length
  if (ex.route.captureBodies) ex.responseBody = answer.body.value
  sendWhole(ex, answer)
}

/** Providers that say nothing about usage get an estimate, marked as one. */
function estimateUsage(ex: Exchange): void {
  if (ex.usage !== null || ex.attempts.length === 0 || ex.body === null) return
  const reached = ex.attempts.some(attempt => attempt.status !== null && attempt.status < 400)
  if (!reached || ex.wire.name === 'models') return
  const prompt = estimateTokens(ex.bodyBytes)
  const completion = estimateTokens(ex.answerChars)
  ex.usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    cached_tokens: null,
    cache_write_tokens: null,
    reasoning_tokens: null,
    source: 'estimated'
  }
}

function maybe<T>(value: T | Promise<T>): T | Promise<T> {
  return isThenable(value) ? (value as Promise<T>) : value
}
