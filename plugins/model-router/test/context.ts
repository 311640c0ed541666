import type { Env, Instance, Principal, ProviderView, RequestCtx, Respond, RouteCtx, Target } from '@headgate/api'
import plugin from '../index.ts'

/** Providers by name with the models that they advertise. */
export interface Providers {
  readonly [name: string]: readonly string[]
}

/** A router and the ways to ask it. */
export interface Rig {
  readonly instance: Instance
  /** The plan for a model, as `provider/model` texts. */
  plan(model: string, earlier?: readonly Target[]): string[]
  get(path: string, principal?: Principal, method?: string): { status: number; body: { [field: string]: unknown } } | undefined
}

/** Sets a router up over `providers`. */
export async function makeRig(config: { [name: string]: unknown }, providers: Providers): Promise<Rig> {
  const instance = await plugin.setup({ config: { models: {}, direct: true, ...config }, now: () => 1_900_000_000_000 } as unknown as Env<
    unknown,
    Record<never, never>
  >)
  const views: ProviderView[] = Object.entries(providers).map(([name, models]) => ({ name, models }))
  return {
    instance,
    plan(model, earlier = []) {
      const ctx = { model, request: { model }, providers: views, operation: 'chat' } as unknown as RouteCtx
      const plan = instance.route?.(ctx, earlier) as readonly Target[]
      return plan.map(target => `${target.provider}/${target.model}`)
    },
    get(path, principal = { id: 'somebody' }, method = 'GET') {
      return instance.request?.(modelsCtx(path, method, principal, views)) as
        | { status: number; body: { [field: string]: unknown } }
        | undefined
    }
  }
}

function modelsCtx(path: string, method: string, principal: Principal, providers: readonly ProviderView[]): RequestCtx {
  function respond(body: Respond['body']): Respond {
    return { kind: 'respond', status: 200, body, headers: {} }
  }
  return { operation: 'models', method, path, principal, providers, model: '', request: { model: '' }, respond } as unknown as RequestCtx
}
