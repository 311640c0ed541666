import { performance } from 'node:perf_hooks'
import { createGateway } from '../http/create.ts'
import type { GatewayServer } from '../http/server.ts'
import { createLogger, type ProcessLog } from '../observe/logger.ts'
import { catchStrayErrors } from '../observe/stray-errors.ts'
import { startWatchdog } from '../observe/watchdog.ts'
import { bootTree, welcome } from './boot-tree.ts'
import { EXIT } from './exit.ts'
import { environmentFor } from './load.ts'
import { CONFIG_OPTIONS, parse } from './options.ts'
import { printError, wantsColor } from './output.ts'

/** `headgate start`: serves until a signal. */
export async function start(args: readonly string[]): Promise<number | undefined> {
  const { values } = parse(args, { config: CONFIG_OPTIONS.config, quiet: { type: 'boolean' } })
  const since = performance.now()
  const environment = await environmentFor(values.config)
  const logging = createLogger(environment.logLevel)
  const announced: string[] = []
  const server = await createGateway({
    file: environment.config,
    log: logging.log,
    child: logging.child,
    variables: environment.variables,
    overrides: environment.overrides,
    announce: lines => {
      announced.push(...lines)
    },
    ...(environment.bootstrapKey !== undefined && { bootstrapKey: environment.bootstrapKey })
  })
  const { gateway } = server
  const stopCatching = catchStrayErrors({
    blame: gateway.blame,
    log: logging.log,
    counters: gateway.runtime.counters,
    fatal: error => {
      fail(server, logging, error)
    }
  })
  await server.start()
  let watchdog: ReturnType<typeof startWatchdog> | undefined
  // Before anybody is told that it listens: a signal that comes at once must drain too.
  stopOnSignals(server, logging, async () => {
    stopCatching()
    await watchdog?.stop()
  })
  watchdog = startWatchdog({
    marker: gateway.runtime.marker,
    nameOf: id => gateway.stepName(id),
    log: logging.log,
    onStuck: plugin => gateway.runtime.counters.add('headgate_eventloop_blocked_total', { plugin })
  })
  if (values.quiet !== true) printError(bootTree(gateway, environment.config, performance.now() - since, wantsColor(process.stderr)))
  printError(welcome(server, announced, wantsColor(process.stderr)))
  return undefined
}

function stopOnSignals(server: GatewayServer, logging: ProcessLog, before: () => Promise<void>): void {
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      logging.log.warn({ signal }, 'second signal: stopping at once')
      logging.flush()
      process.exit(128 + (signal === 'SIGINT' ? 2 : 15))
    }
    stopping = true
    logging.log.info({ signal, active: server.gateway.active }, 'draining')
    void server.drain().then(async late => {
      for (const text of late) logging.log.warn({}, text)
      logging.log.info({}, 'stopped')
      await before()
      logging.flush()
      process.exit(EXIT.ok)
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** The core itself has failed in a way nobody caught: say so, let requests end, go. */
function fail(server: GatewayServer, logging: ProcessLog, error: unknown): void {
  logging.log.error({ err: error }, 'uncaught exception; the gateway stops')
  const timer = setTimeout(() => process.exit(EXIT.internal), 10_000)
  timer.unref()
  void server.drain().finally(() => {
    logging.flush()
    process.exit(EXIT.internal)
  })
}
