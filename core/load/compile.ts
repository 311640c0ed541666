import { TEXT_OPERATIONS, type HookName, type Hooks } from '@headgate/api'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { ConfigDocument } from '../config/document.ts'
import type { RouteConfig, TimeoutConfig } from '../config/types.ts'
import { compileWhen } from '../config/when.ts'
import { responseFromStream } from '../run/whole-steps.ts'
import type { Chains, Limits, Route, Step, StepInfo } from '../run/pipeline.ts'
import { factsKnownAt, firstHook, type LinkedStep } from './pipeline-checks.ts'

/** What compiled steps share in a process. */
export interface CompileEnv {
  readonly document: ConfigDocument
  readonly report: Diagnostics
  readonly nextId: (name: string) => number
}

/** Milliseconds that an asynchronous hook may take where the YAML says nothing. */
const HOOK_MS = 1000

const DEFAULT_LIMITS: Limits = Object.freeze({ connect: 0, firstToken: 120_000, idle: 60_000, total: 600_000 })

/** Turns the steps of a route into the arrays that requests run through. */
export function compileRoute(route: RouteConfig, steps: readonly LinkedStep[], env: CompileEnv): Route {
  const infos = steps.map((linked, index) => compileStep(linked, index, env))
  return {
    name: route.name,
    chains: chainsOf(infos),
    limits: { ...DEFAULT_LIMITS, ...limitsOf(route.timeout) },
    maxAttempts: route.retry?.max_attempts ?? 3,
    strict: route.strict === true,
    captureBodies: steps.some(({ entry }) => entry.instance.log !== undefined && entry.instance.bodies === true),
    steps: steps.length
  }
}

/** The limits of a config in the names that the runtime uses. */
export function limitsOf(timeout: number | TimeoutConfig | undefined): Partial<Limits> {
  if (timeout === undefined) return {}
  if (typeof timeout === 'number') return { total: timeout }
  return {
    ...(timeout.connect !== undefined && { connect: timeout.connect }),
    ...(timeout.first_token !== undefined && { firstToken: timeout.first_token }),
    ...(timeout.idle !== undefined && { idle: timeout.idle }),
    ...(timeout.total !== undefined && { total: timeout.total })
  }
}

function compileStep(linked: LinkedStep, index: number, env: CompileEnv): StepInfo {
  const { step, entry, path } = linked
  const { definition, instance, name, sandbox } = entry
  const writable = new Set((definition.writes ?? []).map(key => key.name))
  return {
    plugin: name,
    index,
    when:
      step.when === undefined
        ? null
        : compileWhen(step.when, {
            document: env.document,
            path: [...path, 'when'],
            report: env.report,
            known: factsKnownAt(instance),
            hook: firstHook(instance),
            label: name
          }),
    onError: step.on_error ?? linked.onError,
    timeoutMs: step.timeout ?? linked.timeout ?? HOOK_MS,
    overlap: step.overlap === true,
    operations: new Set(definition.operations ?? TEXT_OPERATIONS),
    readable: new Set([...(definition.reads ?? []).map(key => key.name), ...writable]),
    writable,
    seesCredential: definition.secrets?.includes('client_credential') === true,
    streaming: instance.stream !== undefined ? 'transform' : (definition.streaming ?? null),
    hooks: instance,
    id: env.nextId(name),
    scope: sandbox.scope,
    health: sandbox.health
  }
}

function chainsOf(infos: readonly StepInfo[]): Chains {
  const reversed = infos.toReversed()
  return {
    receive: pick(infos, 'receive'),
    authenticate: pick(infos, 'authenticate'),
    request: pick(infos, 'request'),
    guard: pick(
      infos.filter(info => !info.overlap),
      'guard'
    ),
    overlapGuard: pick(
      infos.filter(info => info.overlap),
      'guard'
    ),
    route: pick(infos, 'route'),
    attempt: pick(infos, 'attempt'),
    retry: pick(infos, 'retry'),
    response: responses(reversed),
    stream: pick(reversed, 'stream'),
    error: pick(infos, 'error'),
    log: pick(infos, 'log')
  }
}

/** Plugins that only know streams get a `response` hook made of their `stream` hook. */
function responses(infos: readonly StepInfo[]): Chains['response'] {
  const steps: NonNullable<Chains['response']>[number][] = []
  for (const info of infos) {
    const { response, stream } = info.hooks
    const fn = response ?? (stream === undefined ? undefined : responseFromStream(stream))
    if (fn !== undefined) steps.push({ info, hook: 'response', fn })
  }
  return steps.length === 0 ? null : steps
}

function pick<H extends HookName>(infos: readonly StepInfo[], hook: H): readonly Step<NonNullable<Hooks[H]>>[] | null {
  const steps: Step<NonNullable<Hooks[H]>>[] = []
  for (const info of infos) {
    const fn = info.hooks[hook]
    if (fn !== undefined) steps.push({ info, hook, fn })
  }
  return steps.length === 0 ? null : steps
}
