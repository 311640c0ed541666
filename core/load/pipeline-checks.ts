import type { HookName } from '@headgate/api'
import type { Diagnostics } from '../config/diagnostics.ts'
import { didYouMean } from '../config/suggest.ts'
import type { ConfigPath, GatewayConfig, StepConfig } from '../config/types.ts'
import { hooksOf, type PluginEntry } from './instance.ts'

/** A step of a pipeline with its instance. */
export interface LinkedStep {
  readonly step: StepConfig
  readonly entry: PluginEntry
  readonly path: ConfigPath
  /** Of the instance; the step's own wins. */
  readonly onError: 'deny' | 'allow' | undefined
  readonly timeout: number | undefined
}

/** The steps of a route by name; names that lead nowhere go to the report. */
export function linkSteps(config: GatewayConfig, at: number, plugins: ReadonlyMap<string, PluginEntry>, report: Diagnostics): LinkedStep[] {
  const linked: LinkedStep[] = []
  config.routes[at]!.pipeline.forEach((item, index) => {
    const step = typeof item === 'string' ? { plugin: item } : item
    const path: ConfigPath = ['routes', at, 'pipeline', index]
    const entry = plugins.get(step.plugin)
    if (entry !== undefined)
      linked.push({ step, entry, path, onError: config.plugins[step.plugin]?.on_error, timeout: config.plugins[step.plugin]?.timeout })
    else if (!(step.plugin in config.plugins))
      report.add(unknownStep(config, step.plugin, typeof item === 'string' ? path : [...path, 'plugin']))
  })
  return linked
}

function unknownStep(config: GatewayConfig, name: string, path: ConfigPath): Parameters<Diagnostics['add']>[0] {
  if (name in config.providers)
    return { code: 'HG_CONFIG_REFERENCE', path, message: `"${name}" is a provider; providers are targets of a router, not pipeline steps` }
  const hint = didYouMean(name, Object.keys(config.plugins))
  return { code: 'HG_CONFIG_REFERENCE', path, message: `no plugin instance named "${name}"`, ...(hint === undefined ? {} : { hint }) }
}

/** The order rules of one pipeline: what plugins declared about those before and after them. They never move a step. */
export function checkOrder(steps: readonly LinkedStep[], report: Diagnostics): void {
  const written = new Set<string>()
  steps.forEach((linked, index) => {
    const { definition, name, instance } = linked.entry
    const wrong = (message: string, hint?: string): void =>
      report.add({ code: 'HG_CONFIG_ORDER', path: linked.path, message: `${name}: ${message}`, ...(hint === undefined ? {} : { hint }) })
    for (const key of definition.reads ?? [])
      if (!written.has(key.name)) wrong(`it reads "${key.name}", which no step before it writes`, writerHint(steps, index, key.name))
    for (const key of definition.writes ?? []) written.add(key.name)
    if (instance.authenticate !== undefined) written.add('principal')
    for (const word of definition.after ?? []) {
      const later = steps.slice(index + 1).find(other => matches(other, word))
      if (later !== undefined) wrong(`it must come after ${later.entry.name} (${word})`)
    }
    for (const word of definition.before ?? []) {
      const earlier = steps.slice(0, index).find(other => matches(other, word))
      if (earlier !== undefined) wrong(`it must come before ${earlier.entry.name} (${word})`)
    }
    if (definition.once === true && steps.slice(0, index).some(other => other.entry.definition.name === definition.name))
      wrong('a pipeline may have only one such step')
    if (definition.last === true && index < steps.length - 1) wrong('it must be the last step')
  })
  checkCycles(steps, report)
}

function writerHint(steps: readonly LinkedStep[], index: number, key: string): string | undefined {
  const later = steps
    .slice(index + 1)
    .find(
      ({ entry }) =>
        entry.definition.writes?.some(written => written.name === key) === true ||
        (key === 'principal' && entry.instance.authenticate !== undefined)
    )
  return later === undefined ? undefined : `move it after ${later.entry.name}`
}

function matches({ entry }: LinkedStep, word: string): boolean {
  return entry.definition.name === word || entry.definition.tags?.includes(word) === true
}

/** Two steps that each want to come after the other can be put in no order at all: say so instead of two half-truths. */
function checkCycles(steps: readonly LinkedStep[], report: Diagnostics): void {
  for (let i = 0; i < steps.length; i++) {
    for (let j = i + 1; j < steps.length; j++) {
      const [one, two] = [steps[i]!, steps[j]!]
      if (!comesAfter(one, two) || !comesAfter(two, one)) continue
      report.add({
        code: 'HG_PLUGIN_CYCLE',
        path: two.path,
        message: `no order satisfies these steps: ${one.entry.name} → ${two.entry.name} → ${one.entry.name}`
      })
    }
  }
}

function comesAfter(one: LinkedStep, two: LinkedStep): boolean {
  return (
    one.entry.definition.after?.some(word => matches(two, word)) === true ||
    two.entry.definition.before?.some(word => matches(one, word)) === true
  )
}

/** The rule against the most common hole of gateways: a policy on answers that does not run on streams. */
export function checkStreaming(entry: PluginEntry, report: Diagnostics): void {
  const { definition, instance, name } = entry
  const wrong = (message: string, hint: string): void =>
    report.add({ code: 'HG_CONFIG_STREAMING', path: ['plugins', name], on: 'key', message: `${name}: ${message}`, hint })
  if (instance.response !== undefined && instance.stream === undefined) {
    if (definition.streaming === undefined)
      wrong(`plugin "${definition.name}" changes responses but says nothing about streams`, 'add stream(), or set streaming: buffer | skip')
    else if (definition.streaming === 'transform')
      wrong(
        `plugin "${definition.name}" says it transforms streams but has no stream hook`,
        'add stream(), or set streaming: buffer | skip'
      )
  }
  if (instance.stream !== undefined && definition.streaming !== undefined && definition.streaming !== 'transform')
    wrong(
      `plugin "${definition.name}" has a stream hook that streaming: ${definition.streaming} would never run`,
      'set streaming: transform'
    )
}

/** What is known of a request at the earliest hook of a plugin; `when` may use nothing else. */
export function factsKnownAt(instance: PluginEntry['instance']): readonly string[] {
  const before = ['path', 'method', 'route', 'operation', 'header']
  const first: HookName | undefined = hooksOf(instance)[0]
  if (first === 'receive' || first === 'authenticate') return before
  return [...before, 'principal', 'model', 'stream', 'tokens']
}

/** The name of the earliest hook, for messages about conditions. */
export function firstHook(instance: PluginEntry['instance']): HookName {
  return hooksOf(instance)[0] ?? 'log'
}
