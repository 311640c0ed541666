import { definePlugin, type Plugin, type Provider, type RetryDecision, type Target } from '@headgate/api'
import {
  createTestGateway,
  reply,
  startFaultUpstream,
  type FaultUpstream,
  type Reply,
  type Source,
  type Teardown,
  type TestGateway,
  type TestGatewayOptions
} from '@headgate/api/test'
import { kitProvider } from '../../core/api/test/kit-plugins.ts'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const

/** The usage that the answers here report. */
export const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }

/** A whole answer with a text. */
export function whole(content: string): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: USAGE
  }
}

/** A whole answer as a reply. */
export function answer(content = 'hi'): Reply {
  return reply({ json: whole(content) })
}

/** An event of a stream. */
export function event(delta: object, finish: string | null = null): { [field: string]: unknown } {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }]
  }
}

/** The first event of most servers: a role, which is no content yet. */
export const ROLE = event({ role: 'assistant', content: '' })

/** The last event with a choice. */
export const STOP = event({}, 'stop')

/** What follows it where usage was asked for. */
export const USAGE_EVENT = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: USAGE }

/** An event as it stands on the wire. */
export function frame(data: object | string, newline = '\n'): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}${newline}${newline}`
}

/** An error answer in OpenAI's envelope. */
export function refusal(status: number, error: object, headers: { readonly [name: string]: string } = {}): Reply {
  return reply({ status, json: { error }, headers })
}

/** Plans these targets; the model is the client's where none is given. */
export function planOf(...targets: readonly (string | Target)[]): Plugin {
  return definePlugin({
    name: 'plan',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      route: ctx => targets.map(target => (typeof target === 'string' ? { provider: target, model: ctx.request.model } : target))
    })
  })
}

/** Decides the same after every failure. */
export function decider(decision: RetryDecision | undefined, seen: { code: string; remaining: number }[] = []): Plugin {
  return definePlugin({
    name: 'decider',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      retry(ctx) {
        seen.push({ code: ctx.error.code, remaining: ctx.remaining.length })
        return decision
      }
    })
  })
}

/** A second provider at an address. */
export function providerAt(origin: string): readonly [Provider, object] {
  return [kitProvider, { base_url: `${origin}/v1` }]
}

/** A gateway with two upstreams, tried one after the other. */
export async function twoUpstreams(
  t: Teardown,
  first: Source,
  second: Source,
  options: TestGatewayOptions = {}
): Promise<{ gw: TestGateway; second: FaultUpstream }> {
  const other = await startFaultUpstream(t, second)
  const gw = await createTestGateway(t, {
    ...options,
    upstream: first,
    plugins: { plan: planOf('upstream', 'second'), ...options.plugins },
    providers: { second: providerAt(other.origin), ...options.providers }
  })
  return { gw, second: other }
}

/** How the attempts of the last request ended. */
export function results(gw: TestGateway): string[] {
  return gw.exchange.provider.attempts.map(record => record.result)
}

/** Turns the event loop until the condition holds. @throws {Error} when it does not within 15 s */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 15_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('the condition never held')
    await new Promise(done => setTimeout(done, 2))
  }
}

/** Resolves when the upstream has no connection left. */
export async function disconnected(upstream: FaultUpstream): Promise<number> {
  await upstream.until(() => upstream.sockets === 0)
  return upstream.sockets
}
