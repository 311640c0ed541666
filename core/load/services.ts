import type { Plugin } from '@headgate/api'
import type { Diagnostics } from '../config/diagnostics.ts'

/** A plugin instance as the order of services sees it. */
export interface ServiceUser {
  readonly name: string
  readonly definition: Plugin
}

/**
 * The order in which instances are set up and started: who provides comes before who requires.
 * Wrong or missing services go to the report.
 */
export function serviceOrder<U extends ServiceUser>(users: readonly U[], builtIn: ReadonlySet<string>, report: Diagnostics): U[] {
  const providers = new Map<string, U>()
  for (const user of users) {
    for (const ref of user.definition.provides ?? []) {
      const other = providers.get(ref.name)
      if (other === undefined) providers.set(ref.name, user)
      else
        report.add({
          code: 'HG_PLUGIN_CONFLICT',
          path: ['plugins', user.name],
          on: 'key',
          message: `${user.name} and ${other.name} both provide the service "${ref.name}"`
        })
    }
  }
  const order: U[] = []
  const state = new Map<U, 'open' | 'done'>()
  const visit = (user: U, trail: readonly string[]): void => {
    if (state.get(user) === 'done') return
    if (state.get(user) === 'open') {
      const cycle = [...trail.slice(trail.indexOf(user.name)), user.name]
      report.add({
        code: 'HG_PLUGIN_CYCLE',
        path: ['plugins', user.name],
        on: 'key',
        message: `services depend on each other in a circle: ${cycle.join(' → ')}`
      })
      return
    }
    state.set(user, 'open')
    for (const ref of Object.values(user.definition.requires ?? {})) {
      const provider = providers.get(ref.name)
      if (provider !== undefined) visit(provider, [...trail, user.name])
      else if (!builtIn.has(ref.name))
        report.add({
          code: 'HG_PLUGIN_SERVICE',
          path: ['plugins', user.name],
          on: 'key',
          message: `${user.name}: it requires the service "${ref.name}", which no plugin provides`
        })
    }
    state.set(user, 'done')
    order.push(user)
  }
  for (const user of users) visit(user, [])
  return order
}
