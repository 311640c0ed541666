import type { Provider, ProviderInstance } from '../index.ts'
import { startFaultUpstream, type FaultUpstream } from './fault-upstream.ts'
import { createTestGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts'
import type { ProviderCase } from './provider-case.ts'
import { reply } from './reply.ts'
import type { TestAnswer } from './answer.ts'

const PATHS: { readonly [operation: string]: string } = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings'
}

/** A provider running in a gateway of its own, whatever address it was written for in front of an upstream of the test. */
export interface ProviderSubject {
  readonly gateway: TestGateway
  readonly upstream: FaultUpstream
  /** Path prefix of the provider's address, such as `/v1`. */
  readonly prefix: string
  /** True for providers that answer in the process. */
  readonly local: boolean
}

/** Runs some work with a fresh instance of a provider. @throws {ConfigError} when it does not load */
export async function withProvider<T>(
  provider: Provider,
  config: object,
  work: (subject: ProviderSubject) => Promise<T>,
  more: Partial<TestGatewayOptions> = {}
): Promise<T> {
  const upstream = await startFaultUpstream(null, reply({ status: 503 }))
  const seen: { prefix: string; local: boolean } = { prefix: '', local: true }
  const moved: Provider = Object.freeze({
    ...provider,
    setup: async (env: Parameters<Provider['setup']>[0]) => {
      const instance = await provider.setup(env)
      if (instance.origin === undefined) return instance
      seen.local = false
      seen.prefix = new URL(instance.origin).pathname.replace(/\/+$/, '')
      return movedTo(instance, upstream.origin + seen.prefix)
    }
  })
  try {
    const gateway = await createTestGateway(null, {
      providers: { upstream: [moved, config] },
      route: { retry: { max_attempts: 1 } },
      ...more
    })
    try {
      return await work({ gateway, upstream, ...seen })
    } finally {
      await gateway.close()
    }
  } finally {
    await upstream.close()
  }
}

/** The same provider at another address. */
function movedTo(instance: ProviderInstance, origin: string): ProviderInstance {
  return new Proxy(instance, {
    get(real, name) {
      if (name === 'origin') return origin
      const value = Reflect.get(real, name, real) as unknown
      return typeof value === 'function' ? (value.bind(real) as unknown) : value
    }
  })
}

/** Path of the public endpoint of a case. */
export function pathOf({ operation = 'chat' }: ProviderCase): string {
  return PATHS[operation] ?? `/v1/${operation}`
}

/** Sends the request of a case through the gateway. */
export function ask(gateway: TestGateway, one: ProviderCase): Promise<TestAnswer> {
  return gateway.request('POST', pathOf(one), one.request)
}
