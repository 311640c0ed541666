import { compileGlob } from '../config/glob.ts'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { MatchConfig, RouteConfig } from '../config/types.ts'
import type { RouteQuery } from '../run/pipeline.ts'

/** A condition on the request line and headers. */
export type RouteMatcher = (query: RouteQuery) => boolean

/** Compiles what selects a route. Hosts and header values compare without case; `*` is any run of characters. */
export function compileMatch(match: MatchConfig): RouteMatcher {
  const paths = list(match.path).map(compileGlob)
  const methods = list(match.method).map(method => method.toUpperCase())
  const hosts = list(match.host).map(host => compileGlob(host.toLowerCase()))
  const headers = Object.entries(match.header ?? {}).map(([name, values]) => ({
    name: name.toLowerCase(),
    tests: list(values).map(value => compileGlob(value.toLowerCase()))
  }))
  return query => {
    if (!paths.some(test => test(query.path))) return false
    if (methods.length > 0 && !methods.includes(query.method)) return false
    if (hosts.length > 0 && !hosts.some(test => test(query.host.toLowerCase()))) return false
    for (const { name, tests } of headers) {
      const value = query.header(name)?.toLowerCase()
      if (value === undefined || !tests.some(test => test(value))) return false
    }
    return true
  }
}

/** Notes routes that can never be reached because an earlier one takes all they match, and names used twice. */
export function checkRoutes(routes: readonly RouteConfig[], report: Diagnostics): void {
  routes.forEach((route, index) => {
    const earlier = routes.slice(0, index)
    if (earlier.some(other => other.name === route.name))
      report.add({ code: 'HG_PLUGIN_CONFLICT', path: ['routes', index, 'name'], message: `two routes are named "${route.name}"` })
    const taker = earlier.find(other => covers(other.match, route.match))
    if (taker !== undefined)
      report.add({
        code: 'HG_CONFIG_ROUTE',
        path: ['routes', index],
        message: `route "${route.name}" can never be reached: "${taker.name}" before it takes everything it matches`,
        hint: 'put the narrower route first'
      })
  })
}

/** True when everything that `narrow` matches is matched by `wide`. */
function covers(wide: MatchConfig, narrow: MatchConfig): boolean {
  const paths = list(wide.path).map(compileGlob)
  if (!list(narrow.path).every(path => paths.some(test => test(path)))) return false
  if (!within(list(wide.method), list(narrow.method))) return false
  if (!within(list(wide.host), list(narrow.host))) return false
  const others = new Map(Object.entries(narrow.header ?? {}).map(([name, values]) => [name.toLowerCase(), values]))
  return Object.entries(wide.header ?? {}).every(([name, values]) => {
    const other = others.get(name.toLowerCase())
    return other !== undefined && within(list(values), list(other))
  })
}

function within(wide: readonly string[], narrow: readonly string[]): boolean {
  if (wide.length === 0) return true
  if (narrow.length === 0) return false
  const tests = wide.map(value => compileGlob(value.toLowerCase()))
  return narrow.every(value => tests.some(test => test(value.toLowerCase())))
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}
