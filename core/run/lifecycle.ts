import type { Principal, RequestBody, Respond, ResponseBody } from '@headgate/api'
import { AnswerBody } from '../wire/answer-body.ts'
import type { JsonBody } from '../wire/body.ts'
import { estimateTokens } from '../wire/usage.ts'
import type { Answer } from './answer.ts'
import { asWhole } from './as-whole.ts'
import { isDue, runChain, runParallel } from './chain.ts'
import type { Exchange } from './exchange.ts'
import { Fault, toFault } from './fault.ts'
import { Heartbeat, STREAM_HEADERS } from './heartbeat.ts'
import { obtain } from './obtain.ts'
import { recordOf } from './record.ts'
import { answerHeaders, sendFault, sendWhole } from './send.ts'
import { Aborted, isThenable } from './settle.ts'
import { AUTHENTICATE, GUARD, RECEIVE, REQUEST, ROUTE, responseStage } from './stages.ts'
import { StreamPump } from './stream-pump.ts'
import { StreamSteps } from './stream-steps.ts'
import { givenUp } from './upstream-fault.ts'

/**
 * What comes before the body: `receive` and `authenticate`.
 *
 * @throws {Fault} 401 when no step knows the caller
 */
export async function admit (ex: Exchange): Promise<void> {
  const { receive, authenticate } = ex.route.chains
  if (receive !== null) await maybe(runChain(receive, ex, RECEIVE))
  const principal: Principal | undefined = authenticate === null ? undefined : await maybe(runChain(authenticate, ex, AUTHENTICATE))
  ex.credential = undefined
  if (principal === undefined) throw new Fault('client', 401, 'invalid_api_key', 'No valid API key was given. Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`.')
  ex.principal = principal
}

/** Everything from the body to the end of the answer. Never rejects: faults become answers. */
export async function serve (ex: Exchange, body: JsonBody<RequestBody> | null): Promise<void> {
  ex.arm(ex.route.limits.total)
  try {
    await answer(ex, body)
  } catch (error) {
    await refuse(ex, error)
  } finally {
    ex.disarm()
  }
}

/** Tells the client what went wrong, unless it is gone. Never rejects. */
export async function refuse (ex: Exchange, error: unknown): Promise<void> {
  if (ex.gaveUp === 'client_closed') return
  const fault = error instanceof Aborted ? givenUp(ex.gaveUp ?? 'deadline') : toFault(error)
  ex.fault = fault
  if (fault.source === 'internal' && fault.code === 'internal_error') ex.runtime.log.error({ err: fault.cause, request_id: ex.requestId }, 'the gateway failed to process a request')
  await sendFault(ex, fault)
}

/** After the last byte: the record goes to every `log` step, once. */
export function conclude (ex: Exchange): void {
  if (ex.finished) return
  ex.finished = true
  estimateUsage(ex)
  const record = recordOf(ex)
  ex.runtime.counters.add('headgate_requests_total', { outcome: record.outcome })
  if (record.response.stream_end !== null) ex.runtime.counters.add('headgate_stream_end_total', { reason: record.response.stream_end })
  for (const step of ex.route.chains.log ?? []) if (isDue(step, ex)) ex.runtime.logs.put(step, record)
}

async function answer (ex: Exchange, body: JsonBody<RequestBody> | null): Promise<void> {
  takeBody(ex, body)
  const heartbeat = ex.wantsStream ? new Heartbeat(ex.reply, ex.runtime.heartbeatMs, () => answerHeaders(ex, STREAM_HEADERS)) : null
  try {
    const { request, guard, route } = ex.route.chains
    const respond = request === null ? undefined : await maybe(runChain(request, ex, REQUEST))
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

function takeBody (ex: Exchange, body: JsonBody<RequestBody> | null): void {
  ex.body = body
  if (body === null) return
  ex.wire.validate(body.value as RequestBody)
  ex.requestedModel = body.value.model
  if (ex.wire.stream === null || body.value.stream !== true) return
  ex.wantsStream = true
  const options = body.value['stream_options'] as { include_usage?: unknown } | null | undefined
  ex.asksUsage = options?.include_usage === true
}

/** Upstream and guards that overlap it: nothing is sent to the client before all guards agree. */
async function dispatch (ex: Exchange, heartbeat: Heartbeat | null): Promise<void> {
  const guards = ex.route.chains.overlapGuard
  if (guards === null) return deliver(ex, await obtain(ex), heartbeat)
  heartbeat?.hold(true)
  const verdict = Promise.resolve(maybe(runParallel(guards, ex, GUARD)))
  const obtaining = obtain(ex)
  try {
    await Promise.race([verdict, obtaining.then(() => verdict)])
    await verdict
  } catch (error) {
    obtaining.catch(() => undefined)
    ex.abortUpstream()
    throw error
  }
  heartbeat?.hold(false)
  await deliver(ex, await obtaining, heartbeat)
}

async function deliver (ex: Exchange, obtained: Awaited<ReturnType<typeof obtain>>, heartbeat: Heartbeat | null): Promise<void> {
  if (obtained.kind === 'whole') return finishWhole(ex, obtained.answer)
  if (buffers(ex)) return finishWhole(ex, await asWhole(obtained.stream, ex.wire.stream!))
  if (!ex.reply.headSent) ex.reply.head(200, answerHeaders(ex, STREAM_HEADERS))
  await new StreamPump(ex, obtained.stream, heartbeat!, StreamSteps.of(ex)).closed
}

/** True when a step needs the whole answer before any of it may leave. */
function buffers (ex: Exchange): boolean {
  const chain = ex.route.chains.response
  if (chain === null) return false
  for (const step of chain) if (step.info.streaming === 'buffer' && isDue(step, ex)) return true
  return false
}

async function respondWith (ex: Exchange, respond: Respond): Promise<void> {
  Object.assign(ex.replyHeaders, respond.headers)
  await finishWhole(ex, { status: respond.status, body: AnswerBody.made(respond.body) })
}

async function finishWhole (ex: Exchange, answer: Answer): Promise<void> {
  const chain = ex.route.chains.response
  if (chain !== null) {
    const due = ex.answeredBy === ex.route.steps ? chain : chain.filter(step => step.info.index < ex.answeredBy)
    await maybe(runChain(due, ex, responseStage(answer)))
  }
  ex.usage ??= ex.wire.usage(answer.body.value as ResponseBody)
  if (ex.route.captureBodies) ex.responseBody = answer.body.value
  sendWhole(ex, answer)
}

/** Providers that say nothing about usage get an estimate, marked as one. */
function estimateUsage (ex: Exchange): void {
  if (ex.usage !== null || ex.attempts.length === 0 || ex.body === null) return
  const reached = ex.attempts.some(attempt => attempt.status !== null && attempt.status < 400)
  if (!reached || ex.wire.name === 'models') return
  const prompt = estimateTokens(ex.bodyBytes)
  const completion = estimateTokens(ex.answerChars)
  ex.usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, cached_tokens: null, cache_write_tokens: null, reasoning_tokens: null, source: 'estimated' }
}

function maybe<T> (value: T | Promise<T>): T | Promise<T> {
  return isThenable(value) ? value as Promise<T> : value
}
