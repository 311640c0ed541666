import { performance } from 'node:perf_hooks'
import {
  isNative,
  type AttemptRecord,
  type NativeOperation,
  type OperationCodec,
  type RequestBody,
  type ResponseBody,
  type Target
} from '@headgate/api'
import { UpstreamFailure } from '../upstream/failure.ts'
import type { UpstreamResponse } from '../upstream/types.ts'
import { AnswerBody } from '../wire/answer-body.ts'
import type { Answer } from './answer.ts'
import { AnswerStream } from './answer-stream.ts'
import { runChain } from './chain.ts'
import { collect } from './collect.ts'
import type { AttemptDraft } from './context.ts'
import type { Exchange } from './exchange.ts'
import { Fault } from './fault.ts'
import { LocalResponse } from './local-response.ts'
import type { ProviderRuntime } from './pipeline.ts'
import { asWhole } from './as-whole.ts'
import { methodOf, nativeChanges, outgoing, type Outgoing } from './outgoing.ts'
import { Aborted, isThenable, settleWithin } from './settle.ts'
import { attemptStage } from './stages.ts'
import { answerFailure, failureOf, missingOperation, skipped, UnreadableFailure } from './upstream-fault.ts'

/** What an attempt brings back: a whole answer, or one that has begun to stream. */
export type Obtained = { readonly kind: 'whole'; readonly answer: Answer } | { readonly kind: 'live'; readonly stream: AnswerStream }

const ERROR_BODY_BYTES = 256 * 1024

/**
 * One try at one target, with its record.
 *
 * @throws {UpstreamFailure} when the try failed
 * @throws {Fault} when an `attempt` hook failed for other reasons than a denial
 */
export async function attempt(ex: Exchange, provider: ProviderRuntime, target: Target, number: number): Promise<Obtained> {
  const record: AttemptRecord = {
    number,
    provider: target.provider,
    model: target.model,
    status: null,
    result: 'pending',
    latency_ms: 0,
    first_token_ms: null
  }
  const since = performance.now()
  ex.attempts.push(record)
  ex.target = target
  provider.load.active++
  const over = (result: string): void => {
    provider.load.active--
    record.result = result
    record.latency_ms = round(performance.now() - since)
    ex.upstreamMs = (ex.upstreamMs ?? 0) + record.latency_ms
    ex.runtime.counters.add('headgate_upstream_attempts_total', { upstream: target.provider, result })
    if (result === 'egress_denied') ex.runtime.counters.add('headgate_egress_denied_total', { upstream: target.provider })
  }
  try {
    const obtained = await exchangeOnce(ex, provider, target, record, since)
    if (obtained.kind === 'live')
      obtained.stream.onceOver(failure => {
        over(failure === null ? 'ok' : resultOf(ex, failure))
      })
    else over('ok')
    return obtained
  } catch (error) {
    over(resultOf(ex, error))
    throw error
  }
}

/** The label of an attempt that failed; one that we gave up is labelled by our own reason. */
function resultOf(ex: Exchange, error: unknown): string {
  if (ex.gaveUp !== null) return ex.gaveUp
  if (error instanceof Aborted) return 'aborted'
  if (error instanceof UpstreamFailure) return error.result === 'client_closed' ? 'aborted' : error.result
  return 'failed'
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

async function exchangeOnce(
  ex: Exchange,
  provider: ProviderRuntime,
  target: Target,
  record: AttemptRecord,
  since: number
): Promise<Obtained> {
  const operation = provider.instance.operations[ex.operation]
  if (operation === undefined) throw missingOperation(ex.operation)
  const draft: AttemptDraft = { headers: {}, patch: {} }
  if (ex.route.chains.attempt !== null) await runAttemptHooks(ex, target, record.number, draft)
  const limits = { ...ex.route.limits, ...provider.limits }
  const response =
    provider.upstream === null
      ? await answerLocally(ex, provider, operation, target, draft)
      : await send(ex, provider, await outgoing(ex, provider, operation, target, draft), limits.firstToken)
  record.status = response.status
  ex.upstreamRequestId = response.headers['x-request-id']
  if (response.status >= 400) throw await refusal(ex, provider, response, limits.idle)
  if (response.status < 200 || response.status > 299) {
    response.abort()
    throw failureOf('status')
  }
  const left = limits.firstToken === 0 ? 0 : Math.max(1, limits.firstToken - (performance.now() - since))
  const codec = isNative(operation) ? null : operation
  const dialect = ex.wire.stream
  if (isEventStream(response) && dialect !== null) {
    const stream = new AnswerStream({
      response,
      dialect,
      decoder: codec?.stream(target) ?? null,
      firstTokenMs: left,
      idleMs: limits.idle,
      maxBytes: provider.maxResponse
    })
    ex.live = stream
    await settleWithin(stream.opened, 0, ex.signal)
    record.first_token_ms = round(performance.now() - since)
    ex.firstTokenMs ??= ex.elapsed()
    return ex.wantsStream ? { kind: 'live', stream } : { kind: 'whole', answer: await settleWithin(asWhole(stream, dialect), 0, ex.signal) }
  }
  const answer = await readWhole(ex, response, provider, limits.idle === 0 ? left : limits.idle, body => codec?.decode(body, target))
  return { kind: 'whole', answer }
}

async function runAttemptHooks(ex: Exchange, target: Target, number: number, draft: AttemptDraft): Promise<void> {
  try {
    const pending = runChain(ex.route.chains.attempt!, ex, attemptStage(target, number, draft))
    if (isThenable(pending)) await pending
  } catch (error) {
    if (error instanceof Fault && (error.source === 'policy' || error.source === 'plugin')) throw skipped(error)
    throw error
  }
}

function answerLocally(
  ex: Exchange,
  provider: ProviderRuntime,
  operation: NativeOperation | OperationCodec,
  target: Target,
  draft: AttemptDraft
): Promise<UpstreamResponse> {
  const answer = provider.instance.answer
  if (answer === undefined) throw missingOperation(ex.operation)
  const request =
    ex.body === null
      ? { model: target.model }
      : { ...(ex.body.value as RequestBody), ...(isNative(operation) ? nativeChanges(ex, operation, target, draft) : draft.patch) }
  const pending = (async () =>
    LocalResponse.from(await answer.call(provider.instance, { operation: ex.operation, request, target, signal: ex.signal })))()
  return settleWithin(pending, 0, ex.signal)
}

function send(ex: Exchange, provider: ProviderRuntime, request: Outgoing, headersTimeoutMs: number): Promise<UpstreamResponse> {
  return provider.upstream!.request({
    method: methodOf(request.body),
    path: request.path,
    headers: request.headers,
    body: request.body,
    signal: ex.signal,
    headersTimeoutMs,
    // The provider's own limit is that of its pool.
    connectTimeoutMs: provider.limits.connect === undefined ? ex.route.limits.connect : 0
  })
}

async function refusal(ex: Exchange, provider: ProviderRuntime, response: UpstreamResponse, idleMs: number): Promise<UpstreamFailure> {
  const bytes = await collect(response, ERROR_BODY_BYTES, idleMs, ex.signal).catch(() => Buffer.alloc(0))
  return answerFailure(response.status, response.headers, bytes, provider.instance)
}

async function readWhole(
  ex: Exchange,
  response: UpstreamResponse,
  provider: ProviderRuntime,
  idleMs: number,
  decode: (body: unknown) => ResponseBody | undefined
): Promise<Answer> {
  const bytes = await collect(response, provider.maxResponse, idleMs, ex.signal)
  const type = response.headers['content-type'] ?? ''
  if (/^text\/html\b/i.test(type)) throw new UnreadableFailure('ctype', bytes, ex.route.captureBodies)
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch {
    // What the parser says quotes the body.
    throw new UnreadableFailure('parse', bytes, ex.route.captureBodies)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new UnreadableFailure('parse', bytes, ex.route.captureBodies)
  const { error } = parsed as { error?: unknown }
  if (error !== undefined && error !== null && !('choices' in parsed) && !('data' in parsed))
    throw answerFailure(response.status, response.headers, bytes, provider.instance)
  const decoded = decode(parsed)
  const body = decoded === undefined ? AnswerBody.received(bytes, parsed) : AnswerBody.made(decoded)
  return { status: 200, body }
}

function isEventStream(response: UpstreamResponse): boolean {
  return /^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')
}
