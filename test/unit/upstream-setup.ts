import {
  createDispatcher,
  UpstreamFailure,
  type DispatcherOptions,
  type Upstream,
  type UpstreamOptions,
  type UpstreamRequest,
  type UpstreamResponse
} from '../../core/upstream/index.ts'
import type { Teardown } from '../../core/api/test/upstream.ts'

/** An upstream on a dispatcher of its own, closed with the test. May connect to loopback unless told otherwise. */
export function openUpstream(
  t: Teardown,
  origin: string,
  options: Partial<UpstreamOptions> = {},
  dispatcherOptions: DispatcherOptions = {}
): Upstream {
  const dispatcher = createDispatcher(dispatcherOptions)
  t.teardown(() => dispatcher.close(AbortSignal.abort()))
  return dispatcher.open({ origin, connections: 16, keepAliveMs: 10_000, connectTimeoutMs: 5_000, allowPrivate: true, ...options })
}

/** A request with everything in it that the test does not care about. */
export function request(upstream: Upstream, fields: Partial<UpstreamRequest> = {}): Promise<UpstreamResponse> {
  return upstream.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"model":"m"}'),
    signal: new AbortController().signal,
    headersTimeoutMs: 5_000,
    ...fields
  })
}

/** The failure of something that has to fail. */
export async function failureOf(promise: Promise<unknown>): Promise<UpstreamFailure> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error
  )
  if (outcome instanceof UpstreamFailure) return outcome
  throw new Error('no UpstreamFailure', { cause: outcome })
}

/** The whole body as text. */
export async function text(response: UpstreamResponse): Promise<string> {
  return (await response.read(1_000_000)).toString()
}

/** Lets the event loop turn, so that connections go back to their pool. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
