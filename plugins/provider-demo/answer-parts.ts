import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalAnswer, LocalCall } from '@headgate/api'

/** `created` of every answer, in seconds: fixed, so that equal requests have equal answers. */
export const CREATED = 1_735_689_600

/** A deterministic id for what answers a request. */
export function idOf(prefix: string, call: LocalCall): string {
  return `${prefix}-demo-${hash('sha256', JSON.stringify(call.request), 'hex').slice(0, 24)}`
}

/** A whole JSON answer. */
export function jsonAnswer(body: unknown, status = 200): LocalAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) }
}

/** An error in OpenAI's envelope. */
export function errorAnswer(status: number, code: string | null, message: string, param: string | null): LocalAnswer {
  return jsonAnswer({ error: { message, type: 'invalid_request_error', param, code } }, status)
}

/** A stream of events that ends in `[DONE]`, with a wait before each in milliseconds. */
export function streamAnswer(events: Iterable<unknown>, delay: number, signal: AbortSignal): LocalAnswer {
  return { status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body: frames(events, delay, signal) }
}

async function* frames(events: Iterable<unknown>, delay: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const event of events) {
    if (delay > 0) await sleep(delay, undefined, { signal })
    signal.throwIfAborted()
    yield Buffer.from(`data: ${JSON.stringify(event)}\n\n`)
  }
  yield Buffer.from('data: [DONE]\n\n')
}

/** True when the client asked for usage in the stream. */
export function wantsUsage(call: LocalCall): boolean {
  const options = call.request['stream_options'] as { readonly include_usage?: unknown } | null | undefined
  return options?.include_usage === true
}

/** Usage in OpenAI's form. */
export function usageOf(
  promptTokens: number,
  completionTokens: number
): { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number } {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens }
}
