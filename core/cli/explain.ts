import { TEXT_OPERATIONS, type HookName } from '@headgate/api'
import type { Gateway } from '../load/gateway.ts'
import { hooksOf } from '../load/instance.ts'
import type { LinkedStep } from '../load/pipeline-checks.ts'
import { table } from './output.ts'

/** What a hook does when it fails and nobody said otherwise (the stages of `run/stages.ts`). */
const DEFAULT_POLICY: { readonly [H in HookName]: string } = Object.freeze({
  receive: 'deny',
  authenticate: 'deny',
  request: 'deny',
  guard: 'deny',
  route: 'deny',
  attempt: 'next target',
  retry: 'default decision',
  response: 'deny',
  stream: 'deny',
  error: 'original error',
  log: 'counted'
})

/** One step as the security review wants to read it. */
interface ExplainedStep {
  order: number
  plugin: string
  use: string
  hooks: readonly HookName[]
  operations: string
  on_error: string
  timeout_ms: number
  streaming: string
  when: unknown
}

/** What a config means, as text, as data and in one line. */
export function explain(gateway: Gateway): { text: string; data: object; summary: string } {
  const routes = gateway.config.routes.map(route => ({
    name: route.name,
    match: route.match,
    steps: (gateway.built.pipelines.get(route.name) ?? []).map(explainStep)
  }))
  const { entries, unconfigured } = gateway.generation
  const providers = entries
    .filter(entry => entry.kind === 'provider')
    .map(entry => ({ name: entry.name, use: entry.use, operations: Object.keys(entry.instance.operations) }))
  const parts = routes.map(route => `route ${route.name}: ${[route.match.path].flat().join(', ')}\n${stepTable(route.steps)}`)
  parts.push(
    `providers\n${table([['  name', 'use', 'operations'], ...providers.map(({ name, use, operations }) => [`  ${name}`, use, operations.join(' ')])])}`
  )
  if (unconfigured.length > 0)
    parts.push(`not configured\n${unconfigured.map(({ name, missing }) => `  ${name}: set ${missing.join(' and ')}`).join('\n')}`)
  return {
    text: parts.join('\n\n'),
    data: { routes, providers, unconfigured: unconfigured.map(({ name, use, missing }) => ({ name, use, missing })) },
    summary: `${counted(routes.length, 'route')}, ${counted(entries.length - providers.length, 'plugin')}, ${counted(providers.length, 'provider')}`
  }
}

function explainStep({ step, entry, onError, timeout }: LinkedStep, index: number): ExplainedStep {
  const hooks = hooksOf(entry.instance)
  const own = step.on_error ?? onError
  return {
    order: index + 1,
    plugin: entry.name,
    use: entry.use,
    hooks,
    operations: (entry.definition.operations ?? TEXT_OPERATIONS).join(' '),
    on_error: own ?? [...new Set(hooks.map(hook => DEFAULT_POLICY[hook]))].join(', '),
    timeout_ms: step.timeout ?? timeout ?? 1000,
    streaming: entry.instance.stream !== undefined ? 'transform' : (entry.definition.streaming ?? '-'),
    when: step.when ?? null
  }
}

function stepTable(steps: readonly ExplainedStep[]): string {
  const rows = steps.map(step => [
    `  ${step.order}`,
    step.plugin,
    step.hooks.join(' '),
    step.on_error,
    `${step.timeout_ms} ms`,
    step.streaming,
    step.when === null ? 'always' : JSON.stringify(step.when)
  ])
  return table([['  #', 'step', 'hooks', 'on failure', 'timeout', 'streams', 'when'], ...rows])
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
