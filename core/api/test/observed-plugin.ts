import { isReject, KIND_OF, type Deps, type Env, type HookName, type Instance, type Plugin, type Transform } from '../index.ts'
import { frozenCopy, frozenView } from './frozen-view.ts'

/** How a hook is made to go wrong. */
export type Mishap = 'throw' | 'hang' | 'garbage'

/** A hook that threw something which is no denial. */
export interface HookFailure {
  readonly hook: HookName
  readonly error: unknown
}

type AnyHook = (this: unknown, ctx: object, argument?: unknown) => unknown
type Hooked = { [name: string]: unknown }

/** A plugin under observation: its own hooks, with frozen views, a record of what they do, and a way to make one go wrong. */
export class ObservedPlugin {
  /** To be given to a gateway in place of the plugin. */
  readonly plugin: Plugin
  /** What the last `setup` was given. */
  env: Env<unknown, Deps> | null = null
  /** Names of the hooks that an instance has. */
  hooks: readonly HookName[] = []
  /** Hooks that ran, since it was last emptied. */
  readonly ran = new Set<HookName>()
  /** Hooks that answered with a promise. */
  readonly waited = new Set<HookName>()
  readonly failures: HookFailure[] = []
  /** The hook that goes wrong now. */
  mishap: { readonly hook: HookName; readonly kind: Mishap } | null = null

  constructor(plugin: Plugin) {
    this.plugin = Object.freeze({ ...plugin, setup: async (env: Env<unknown, Deps>) => this.#wrap(await plugin.setup(env), env) })
  }

  #wrap(instance: Instance, env: Env<unknown, Deps>): Instance {
    this.env = env
    if (typeof instance !== 'object' || instance === null) return instance
    const wrapped: Hooked = {}
    const names: HookName[] = []
    for (const [name, value] of Object.entries(instance) as [string, unknown][]) {
      if (typeof value !== 'function') wrapped[name] = value
      else if (!Object.hasOwn(KIND_OF, name)) wrapped[name] = value.bind(instance)
      else {
        names.push(name as HookName)
        wrapped[name] = this.#hook(name as HookName, value as AnyHook, instance)
      }
    }
    this.hooks = names
    return wrapped as Instance
  }

  #hook(hook: HookName, fn: AnyHook, instance: Instance): AnyHook {
    return (ctx, argument) => {
      this.ran.add(hook)
      if (this.mishap?.hook === hook) return goWrong(this.mishap.kind)
      const seen = hook === 'log' ? frozenCopy(ctx) : frozenView(ctx)
      const result = this.#watched(hook, () => fn.call(instance, seen, frozenCopy(argument)))
      if (hook === 'stream' && typeof result === 'object' && result !== null) return this.#transform(result as Transform)
      if (!(result instanceof Promise)) return result
      this.waited.add(hook)
      return result.catch((error: unknown) => this.#failed(hook, error))
    }
  }

  #transform(made: Transform): Transform {
    const { text, end, chunk } = made
    return {
      ...(text !== undefined && { text: (delta: string) => this.#watched('stream', () => text.call(made, delta)) }),
      ...(end !== undefined && { end: () => this.#watched('stream', () => end.call(made)) }),
      ...(chunk !== undefined && { chunk: value => this.#watched('stream', () => chunk.call(made, value)) })
    }
  }

  #watched<T>(hook: HookName, work: () => T): T {
    try {
      return work()
    } catch (error) {
      return this.#failed(hook, error)
    }
  }

  #failed(hook: HookName, error: unknown): never {
    if (!isReject(error)) this.failures.push({ hook, error })
    throw error
  }
}

function goWrong(kind: Mishap): unknown {
  if (kind === 'throw') throw new Error('a failure made by the test')
  return kind === 'hang' ? new Promise(() => undefined) : 42
}

/** A failure as a sentence. */
export function tellFailure({ hook, error }: HookFailure): string {
  return `${hook} threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
}
