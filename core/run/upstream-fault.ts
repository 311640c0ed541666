import type { ErrorReading, ProviderInstance, UpstreamError } from '@headgate/api'
import { StreamLimitError } from '../stream/limit.ts'
import { UpstreamFailure } from '../upstream/failure.ts'
import { clientError } from '../wire/client-error.ts'
import { classify, type ClassifiedError } from '../wire/upstream-error.ts'
import type { Exchange, GiveUp } from './exchange.ts'
import { Fault } from './fault.ts'

/** A failed attempt with what the provider's error body said, for errors that are the client's business. */
export class AnswerFailure extends UpstreamFailure {
  readonly type: string | null
  readonly param: string | null

  constructor(error: ClassifiedError) {
    super(error)
    this.name = 'AnswerFailure'
    this.type = error.type
    this.param = error.param
  }
}

/** Bytes of an unreadable answer that the log shows. */
const EXCERPT_BYTES = 256

/** An answer that is not the JSON it should be, with its beginning for the log where bodies are kept. */
export class UnreadableFailure extends UpstreamFailure {
  readonly excerpt: string

  constructor(what: 'parse' | 'ctype', bytes: Buffer, keepsText: boolean) {
    super(OWN[what]!)
    this.name = 'UnreadableFailure'
    this.excerpt = keepsText ? `${bytes.length} bytes, beginning ${JSON.stringify(masked(bytes))}` : `${bytes.length} bytes`
  }
}

/** Printable text only, and nothing that could be a key or a token. */
function masked(bytes: Buffer): string {
  return bytes
    .toString('latin1', 0, EXCERPT_BYTES)
    .replace(/[^\x20-\x7e]/g, '.')
    .replace(/[\w-]{16,}/g, '***')
}

const OWN: { readonly [what: string]: UpstreamError } = Object.freeze({
  parse: own('parse', 'bad_response', 'B', 'upstream_bad_response', 'the answer of the upstream is not the JSON it should be'),
  ctype: own('ctype', 'bad_response', 'B', 'upstream_bad_response', 'the upstream answered with a page instead of JSON'),
  status: own('status', 'bad_response', 'B', 'upstream_bad_response', 'the upstream answered with a status that is no answer'),
  size: own('size', 'bad_response', 'C', 'upstream_too_large', 'the answer of the upstream is too large'),
  ttft: own('ttft', 'timeout', 'B', 'upstream_timeout', 'the upstream did not begin to answer in time'),
  idle: own('idle', 'timeout', 'B', 'upstream_timeout', 'the upstream fell silent in the middle of its answer'),
  reset_mid: own('reset_mid', 'server_error', 'B', 'upstream_truncated', 'the answer of the upstream broke off'),
  truncated: own('truncated', 'server_error', 'B', 'stream_truncated', 'the stream of the upstream ended before its answer did')
})

function own(
  result: string,
  kind: UpstreamError['kind'],
  retryClass: UpstreamError['retryClass'],
  code: string,
  message: string
): UpstreamError {
  return Object.freeze({ result, kind, retryClass, code, message, status: null, retryAfterMs: null })
}

/** A failure that the core itself found in an answer. */
export function failureOf(
  what: 'parse' | 'ctype' | 'status' | 'size' | 'ttft' | 'idle' | 'reset_mid' | 'truncated',
  cause?: unknown
): UpstreamFailure {
  if (cause instanceof UpstreamFailure) return cause
  if (cause instanceof StreamLimitError) return new UpstreamFailure({ ...OWN['size']!, result: cause.limit })
  return new UpstreamFailure(OWN[what]!)
}

/** The failure that an error answer means; an error body under a 200 too. */
export function answerFailure(
  status: number,
  headers: { readonly [name: string]: string },
  bytes: Buffer,
  provider: ProviderInstance
): AnswerFailure {
  const body = parsed(bytes)
  let reading: ErrorReading | undefined
  try {
    reading = provider.error?.(status, body)
  } catch {
    // A provider that cannot read an error leaves it to the status.
    reading = undefined
  }
  return new AnswerFailure(classify(status, headers, body, reading))
}

/** The failure that an error inside a stream means. */
export function soft(error: unknown): AnswerFailure {
  return new AnswerFailure(classify(200, {}, { error }))
}

/** An `attempt` hook denied or failed: the target is passed over. */
export function skipped(fault: Fault): UpstreamFailure {
  return new UpstreamFailure({
    result: fault.source === 'plugin' ? 'hook_failed' : 'skipped',
    kind: 'permission',
    retryClass: 'C',
    code: fault.code,
    message: fault.message,
    status: null,
    retryAfterMs: null
  })
}

/** The provider has no such operation. */
export function missingOperation(operation: string): UpstreamFailure {
  return new UpstreamFailure({
    result: 'unsupported',
    kind: 'not_found',
    retryClass: 'C',
    code: 'unsupported_operation',
    message: `the model does not offer ${operation}`,
    status: null,
    retryAfterMs: null
  })
}

/** What the client is told about the last failed attempt. `spent`: no repeat was left for it. */
export function faultOfUpstream(ex: Exchange, failed: UpstreamFailure, spent: boolean): Fault {
  const exhausted = failed.retryClass !== 'C' && (spent || ex.attempts.length > 1 || ex.attempts.length >= ex.route.maxAttempts)
  return fault(failed, { attempts: ex.attempts.length, exhausted })
}

/** What the client is told when its stream breaks. */
export function faultOfStream(error: unknown): Fault {
  if (error === 'truncated') return fault(failureOf('truncated'))
  return fault(error instanceof UpstreamFailure ? error : failureOf('reset_mid', error))
}

function fault(failed: UpstreamFailure, options: { attempts?: number; exhausted?: boolean } = {}): Fault {
  if (failed.result === 'skipped') return new Fault('policy', 403, failed.code, failed.message)
  if (failed.result === 'hook_failed')
    return new Fault('plugin', 500, 'plugin_error', 'A step of the gateway failed and the request was refused.', { detail: failed.message })
  if (failed.result === 'unsupported')
    return new Fault('client', 400, 'unsupported_operation', `The model was found, but ${failed.message}.`, { param: 'model' })
  const told = clientError(failed, options)
  return new Fault('upstream', told.status, told.code, told.message, {
    type: told.type,
    param: told.param,
    headers: told.headers,
    detail: `${failed.result}: ${failed.code}${failed instanceof UnreadableFailure ? `; ${failed.excerpt}` : ''}`
  })
}

/** Nothing in the plan can be tried. One text for unknown and forbidden models. */
export function noTarget(ex: Exchange): Fault {
  const model = ex.requestedModel ?? ''
  return new Fault(
    'client',
    404,
    'model_not_found',
    `The model \`${model.slice(0, 128)}\` does not exist or you do not have access to it.`,
    { param: 'model' }
  )
}

/** The deadline of the request has passed. */
export function timedOut(): Fault {
  return new Fault('upstream', 504, 'upstream_timeout', 'The model did not answer within the time that this gateway allows.', {
    headers: { 'x-should-retry': 'false' }
  })
}

/** What the client is told when its exchange is given up. */
export function givenUp(reason: GiveUp): Fault {
  if (reason === 'drain')
    return new Fault('internal', 503, 'server_draining', 'The gateway is restarting; please try again.', {
      headers: { 'retry-after': '1' }
    })
  if (reason === 'stalled') return new Fault('client', 408, 'client_stalled', 'The client did not read its answer.')
  return timedOut()
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Pages and plain texts are classified by their status alone.
    return null
  }
}
