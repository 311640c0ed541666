import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes, type Tracer } from '@opentelemetry/api'
import type { Exchange } from '@headgate/api'

/** `gen_ai.operation.name` of the operations that have one (OpenTelemetry GenAI conventions). */
const OPERATION_NAMES: { readonly [operation: string]: string } = Object.freeze({
  chat: 'chat',
  responses: 'chat',
  messages: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings'
})

/**
 * Writes one server span for a finished request, under the trace that the client sent along. Names
 * are those of the GenAI conventions; content is never recorded. Without an SDK in the process the
 * API does nothing, for 0.2 µs.
 */
export function writeRequestSpan(tracer: Tracer, record: Exchange, traceparent: string | undefined): void {
  const parent = traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent })
  const startTime = Date.parse(record.timestamp_utc)
  const operation = OPERATION_NAMES[record.operation ?? ''] ?? record.operation ?? 'request'
  const span = tracer.startSpan(
    `${operation} ${record.provider.model_requested ?? ''}`.trimEnd(),
    { kind: SpanKind.SERVER, startTime },
    parent
  )
  if (span.isRecording()) {
    span.setAttributes(attributesOf(record, operation))
    if (record.outcome === 'failed')
      span.setStatus({ code: SpanStatusCode.ERROR, ...(record.error !== null && { message: record.error.code }) })
  }
  span.end(startTime + record.timing.total_latency_ms)
}

/** The tracer of the gateway. */
export function gatewayTracer(): Tracer {
  return trace.getTracer('headgate')
}

function attributesOf(record: Exchange, operation: string): Attributes {
  const { provider, usage, response, error } = record
  const attributes: Attributes = {
    'http.request.method': record.method,
    'url.path': record.endpoint,
    'http.response.status_code': response.status_code,
    'gen_ai.operation.name': operation,
    'headgate.route': record.route ?? '',
    'headgate.request_id': record.request_id,
    'headgate.outcome': record.outcome,
    'headgate.attempts': provider.attempts.length
  }
  if (provider.name !== null) attributes['gen_ai.provider.name'] = provider.name
  if (provider.model_requested !== null) attributes['gen_ai.request.model'] = provider.model_requested
  if (provider.model_resolved !== null) attributes['gen_ai.response.model'] = provider.model_resolved
  if (usage.prompt_tokens !== null) attributes['gen_ai.usage.input_tokens'] = usage.prompt_tokens
  if (usage.completion_tokens !== null) attributes['gen_ai.usage.output_tokens'] = usage.completion_tokens
  if (record.request.stream) attributes['gen_ai.request.stream'] = true
  if (error !== null) attributes['error.type'] = error.code
  return attributes
}
