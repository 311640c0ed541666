import { TEXT_OPERATIONS, type HookName, type Operation } from '@headgate/api'
import { compileGlob } from '../config/glob.ts'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { RouteConfig } from '../config/types.ts'
import { ENDPOINTS, type Endpoint } from '../wire/operations.ts'
import { hooksOf } from './instance.ts'
import type { LinkedStep } from './pipeline-checks.ts'

/** Hooks that run only for the operations of their plugin. */
const COVERING: ReadonlySet<HookName> = new Set(['request', 'guard', 'response', 'stream'])

const HINT = 'narrow the match of the route, or accept it with uncovered: allow on the route'

/** Notes every step marked `required` that leaves out something its route serves; `uncovered: allow` accepts it in writing. */
export function checkCoverage(
  route: RouteConfig,
  steps: readonly LinkedStep[],
  required: (plugin: string) => boolean,
  report: Diagnostics
): void {
  if (route.uncovered === 'allow') return
  const served = servedBy(route)
  for (const linked of steps) {
    if (linked.step.required !== true && !required(linked.step.plugin)) continue
    for (const gap of gapsOf(linked, served)) {
      report.add({
        code: 'HG_CONFIG_COVERAGE',
        path: linked.path,
        message: `${linked.entry.name}: it is required, but ${gap} of route "${route.name}"`,
        hint: HINT
      })
    }
  }
}

/** What a step leaves out, as the middle of a sentence. */
function gapsOf({ step, entry: { definition, instance } }: LinkedStep, served: readonly Endpoint[]): string[] {
  const gaps: string[] = []
  const covered: readonly Operation[] = definition.operations ?? TEXT_OPERATIONS
  const left = hooksOf(instance).some(hook => COVERING.has(hook)) ? served.filter(({ operation }) => !covered.includes(operation.name)) : []
  if (left.length > 0) gaps.push(`does not cover ${left.map(({ operation }) => operation.name).join(', ')}`)
  if (step.when !== undefined) gaps.push('its condition leaves out some requests')
  if (definition.streaming === 'skip' && served.some(({ operation }) => operation.stream !== null))
    gaps.push('does not look at the streamed answers')
  return gaps
}

/** The endpoints with a body that a route takes requests for. Lists of models hold nothing that a policy could look at. */
function servedBy({ match }: RouteConfig): Endpoint[] {
  const paths = [match.path].flat().map(path => compileGlob(path))
  const methods = match.method === undefined ? [] : [match.method].flat().map(method => method.toUpperCase())
  return ENDPOINTS.filter(
    ({ method, path, operation }) =>
      operation.name !== 'models' && paths.some(matches => matches(path)) && (methods.length === 0 || methods.includes(method))
  )
}
