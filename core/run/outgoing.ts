import { isNative, type NativeOperation, type OperationCodec, type RequestBody, type Secret, type Target } from '@headgate/api'
import type { AttemptDraft } from './context.ts'
import type { Exchange } from './exchange.ts'
import type { ProviderRuntime } from './pipeline.ts'
import { isThenable, settleWithin } from './settle.ts'

/** A request ready for a socket. */
export interface Outgoing {
  readonly path: string
  readonly headers: { readonly [name: string]: string | Secret }
  /** Null for operations that only ask, such as the list of models. */
  readonly body: Buffer | null
}

/** Client headers that mean something to the provider and carry no credential. */
const FORWARDED: readonly string[] = ['openai-beta', 'traceparent', 'tracestate', 'x-client-request-id']
const HEADERS_MS = 10_000

/** Builds the upstream request of one attempt: the client's own bytes wherever the provider speaks its dialect. */
export async function outgoing(
  ex: Exchange,
  provider: ProviderRuntime,
  operation: NativeOperation | OperationCodec,
  target: Target,
  draft: AttemptDraft
): Promise<Outgoing> {
  const encoded = isNative(operation) ? native(ex, operation, target, draft) : converted(ex, operation, target, draft)
  const headers: { [name: string]: string | Secret } = {
    'content-type': 'application/json',
    accept: ex.wantsStream ? 'text/event-stream' : 'application/json',
    'user-agent': 'headgate',
    ...encoded.headers
  }
  for (const name of FORWARDED) {
    const value = ex.header(name)
    if (value !== undefined) headers[name] = value
  }
  Object.assign(headers, draft.headers)
  const own = provider.instance.headers?.()
  if (own !== undefined) Object.assign(headers, isThenable(own) ? await settleWithin(own, HEADERS_MS, ex.signal) : own)
  const path = provider.prefix + encoded.path
  if (provider.instance.sign !== undefined) await sign(ex, provider, path, headers, encoded.body)
  return { path, headers, body: encoded.body }
}

interface Encoded {
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer | null
}

function native(ex: Exchange, operation: NativeOperation, target: Target, draft: AttemptDraft): Encoded {
  const path = typeof operation.path === 'string' ? operation.path : operation.path(target)
  if (ex.body === null) return { path: path + itemOf(ex.path), headers: {}, body: null }
  return { path, headers: {}, body: ex.body.bytes(nativeChanges(ex, operation, target, draft)) }
}

/** The item that a client asks for behind the path of a list, as one segment: `/gpt-4.1`, or nothing for the list itself. */
function itemOf(path: string): string {
  const item = path.split('/').slice(3).join('/')
  if (item === '') return ''
  const name = encodeURIComponent(decoded(item))
  // A server that resolves dots would answer with something else than an item.
  return /^\.+$/.test(name) ? '' : `/${name}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded text: then the percent signs are part of the name.
    return text
  }
}

/** The top-level fields in which the upstream's body differs from the client's: the model's own name, and usage in streams. */
export function nativeChanges(ex: Exchange, operation: NativeOperation, target: Target, draft: AttemptDraft): { [field: string]: unknown } {
  const body = ex.body!
  const changes: { [field: string]: unknown } = {}
  if (body.peek('model') !== target.model) changes['model'] = target.model
  if (ex.wantsStream && operation.usageInStream !== false && ex.wire.stream !== null && !ex.asksUsage) {
    const options = body.read('stream_options') as object | null | undefined
    changes['stream_options'] = { ...options, include_usage: true }
    ex.hidesUsage = true
  } else {
    ex.hidesUsage = false
  }
  return Object.assign(changes, draft.patch)
}

function converted(ex: Exchange, operation: OperationCodec, target: Target, draft: AttemptDraft): Encoded {
  const request = { ...((ex.request ?? { model: target.model }) as RequestBody), ...draft.patch }
  const encoded = operation.encode(request, target)
  return { path: encoded.path, headers: encoded.headers ?? {}, body: ex.body === null ? null : Buffer.from(JSON.stringify(encoded.body)) }
}

async function sign(
  ex: Exchange,
  provider: ProviderRuntime,
  path: string,
  headers: { [name: string]: string | Secret },
  body: Buffer | null
): Promise<void> {
  const plain: { [name: string]: string } = {}
  for (const name in headers) if (typeof headers[name] === 'string') plain[name] = headers[name]
  const request = { method: methodOf(body), url: new URL(path, provider.instance.origin), headers: plain, body: body ?? Buffer.alloc(0) }
  const pending = provider.instance.sign!(request)
  if (isThenable(pending)) await settleWithin(pending, HEADERS_MS, ex.signal)
  Object.assign(headers, request.headers)
}

/** What has no body only asks. */
export function methodOf(body: Buffer | null): 'GET' | 'POST' {
  return body === null ? 'GET' : 'POST'
}
