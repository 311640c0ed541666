import type { GatewayServer } from '../http/server.ts'
import type { Gateway } from '../load/gateway.ts'
import { hooksOf, type Entry } from '../load/instance.ts'
import { styled } from './output.ts'
import { packageVersion } from './version.ts'

/** What was loaded, from where, and what each part cost. */
export function bootTree(gateway: Gateway, file: string, totalMs: number, color: boolean): string {
  const lines = [`${styled('bold', `headgate ${packageVersion()}`, color)}  ${file}  ${Math.round(totalMs)} ms`]
  const { entries, unconfigured } = gateway.generation
  const plugins = entries.filter(entry => entry.kind === 'plugin')
  const providers = entries.filter(entry => entry.kind === 'provider')
  const groups: [string, string[]][] = [
    ['plugins', plugins.map(entry => row(entry, hooksOf(entry.instance).join(' '), color))],
    [
      'providers',
      [
        ...providers.map(entry =>
          row(
            entry,
            (entry.instance.origin ?? 'in process') +
              (entry.instance.models === undefined || entry.instance.models.length === 0
                ? ''
                : `  models: ${entry.instance.models.join(', ')}`),
            color
          )
        ),
        ...unconfigured.map(
          ({ name, missing }) => `${name.padEnd(14)} ${styled('dim', `not configured: set ${missing.join(' and ')}`, color)}`
        )
      ]
    ],
    [
      'routes',
      gateway.config.routes.map(
        route =>
          `${route.name.padEnd(14)} ${[route.match.path].flat().join(', ')}  →  ${route.pipeline.map(step => (typeof step === 'string' ? step : step.plugin)).join(' › ')}`
      )
    ]
  ]
  for (const [at, [title, rows]] of groups.entries()) {
    const isLast = at === groups.length - 1
    lines.push(`${isLast ? '└─' : '├─'} ${title}`)
    for (const [index, text] of rows.entries()) lines.push(`${isLast ? '  ' : '│ '} ${index === rows.length - 1 ? '└─' : '├─'} ${text}`)
  }
  return lines.join('\n')
}

function row(entry: Entry, what: string, color: boolean): string {
  const version = entry.found.version === null ? '' : ` ${entry.found.version}`
  const cost = `${(entry.found.ms + entry.setupMs + entry.startMs).toFixed(1)} ms`
  const stability =
    entry.definition.stability !== undefined && entry.definition.stability !== 'stable' ? ` [${entry.definition.stability}]` : ''
  return `${entry.name.padEnd(14)} ${styled('dim', `${entry.definition.name}${version}${stability}`, color)}  ${what}  ${styled('dim', cost, color)}`
}

/** Where it listens, and what a person should see once, such as the first key. */
export function welcome(server: GatewayServer, announced: readonly string[], color: boolean): string {
  const lines = [`headgate is listening on ${styled('bold', server.url, color)}`]
  if (server.adminUrl !== '') lines.push(`admin is listening on ${server.adminUrl}`)
  if (announced.length > 0) lines.push('', ...announced)
  return lines.join('\n')
}
