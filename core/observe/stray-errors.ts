import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Log } from '@headgate/api'
import type { Blamed } from '../run/pipeline.ts'
import type { Counters } from './counters.ts'

const STRIKES = 3

/** What stray errors are traced with. */
export interface StrayEnv {
  readonly blame: AsyncLocalStorage<Blamed>
  readonly log: Log
  readonly counters: Counters
  /** Called for an uncaught exception that no step is to blame for: the state of the process is unknown then. */
  readonly fatal: (error: unknown) => void
}

/**
 * Survives what plugins leave floating: rejections nobody handles and errors thrown in timers. The
 * step is known from the async context; after three such errors it is quarantined. Returns how to stop.
 */
export function catchStrayErrors(env: StrayEnv): () => void {
  const onRejection = (error: unknown): void => {
    if (!blame(env, error)) env.log.error({ err: error }, 'unhandled rejection in the gateway')
  }
  const onException = (error: unknown): void => {
    if (!blame(env, error)) env.fatal(error)
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  return () => {
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtException', onException)
  }
}

/** Charges the error to the step in whose context it arose. False where there is none. */
function blame({ blame, log, counters }: StrayEnv, error: unknown): boolean {
  const info = blame.getStore()
  if (info === undefined) return false
  info.health.unhandled++
  if (info.health.unhandled >= STRIKES) info.health.quarantined = true
  counters.add('headgate_plugin_errors_total', { plugin: info.plugin, hook: 'any', kind: 'unhandled' })
  log.error(
    { err: error, plugin: info.plugin, strikes: info.health.unhandled, quarantined: info.health.quarantined },
    `plugin "${info.plugin}" left an error unhandled`
  )
  return true
}
