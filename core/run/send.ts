import type { Chunk, ErrorReplacement, ResponseBody, StreamEnd } from '@headgate/api'
import { errorBody, streamErrorFrame, typeOf } from '../wire/errors.ts'
import type { Answer } from './answer.ts'
import { runChain } from './chain.ts'
import type { Exchange } from './exchange.ts'
import { Fault, sourceHeader } from './fault.ts'
import { STREAM_HEADERS } from './heartbeat.ts'
import { isThenable } from './settle.ts'
import { errorStage } from './stages.ts'

/** The headers of an answer: ours, those of the steps, and the given ones. */
export function answerHeaders(ex: Exchange, own: { readonly [name: string]: string }): { [name: string]: string } {
  const headers: { [name: string]: string } = { ...ex.replyHeaders, ...own, 'x-request-id': ex.requestId, 'request-id': ex.requestId }
  if (ex.upstreamRequestId !== undefined) headers['x-upstream-request-id'] = ex.upstreamRequestId
  return headers
}

/** Sends a whole answer, as a stream to a client that asked for one. */
export function sendWhole(ex: Exchange, answer: Answer): void {
  const dialect = ex.wire.stream
  if (ex.wantsStream && dialect !== null)
    return sendAsStream(ex, dialect.split(answer.body.value as ResponseBody, ex.asksUsage), dialect.done)
  const bytes = answer.body.bytes()
  ex.reply.head(answer.status, answerHeaders(ex, { 'content-type': 'application/json', 'content-length': String(bytes.length) }))
  ex.reply.end(bytes)
}

function sendAsStream(ex: Exchange, chunks: readonly Chunk[], marker: string | null): void {
  ex.reply.head(200, answerHeaders(ex, STREAM_HEADERS))
  let text = ''
  for (const chunk of chunks) text += `data: ${JSON.stringify(chunk)}\n\n`
  if (marker !== null) text += `data: ${marker}\n\n`
  ex.firstTokenMs ??= ex.elapsed()
  ex.streamEnd = 'done'
  ex.reply.end(text)
}

/** Sends an error in the client's dialect: as a status, or as an event where a stream has begun. */
export async function sendFault(ex: Exchange, original: Fault): Promise<void> {
  const fault = await replaced(ex, original)
  if (ex.reply.closed) return
  if (ex.reply.headSent) {
    ex.streamEnd ??= streamEndOf(ex, original)
    ex.reply.write(streamErrorFrame(fault))
    return ex.reply.end()
  }
  const body = Buffer.from(errorBody(fault))
  ex.reply.head(
    fault.status,
    answerHeaders(ex, {
      ...fault.headers,
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-headgate-error-source': sourceHeader(fault.source)
    })
  )
  ex.reply.end(body)
}

/** Why a stream ended that had begun with nothing but comments. */
function streamEndOf(ex: Exchange, fault: Fault): StreamEnd {
  if (ex.gaveUp === 'drain') return 'drain_cut'
  if (ex.gaveUp !== null) return 'limit'
  if (fault.source !== 'upstream') return 'plugin_error'
  return fault.code === 'upstream_timeout' ? 'timeout' : fault.code === 'upstream_too_large' ? 'limit' : 'upstream_error'
}

/** Lets `error` steps say it in other words; a step that fails changes nothing. */
async function replaced(ex: Exchange, fault: Fault): Promise<Fault> {
  const chain = ex.route.chains.error
  if (chain === null) return fault
  let replacement: ErrorReplacement | undefined
  try {
    const pending = runChain(chain, ex, errorStage(fault))
    replacement = isThenable(pending) ? await pending : pending
  } catch (error) {
    ex.runtime.log.warn({ err: error, request_id: ex.requestId }, 'an error step failed; the original error is sent')
  }
  if (replacement === undefined) return fault
  const status = replacement.status ?? fault.status
  const code = replacement.code ?? fault.code
  const type = replacement.type ?? (replacement.status === undefined && replacement.code === undefined ? fault.type : typeOf(status, code))
  return new Fault(fault.source, status, code, replacement.message ?? fault.message, {
    type,
    param: fault.param,
    headers: fault.headers,
    plugin: fault.plugin,
    detail: fault.detail
  })
}
