import type { Log } from '@headgate/api'
import { readEnvironment, type Environment } from '../config/environment.ts'
import { Gateway, type GatewayOptions } from '../load/gateway.ts'

const SILENT: Log = Object.freeze({ debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined })

/** The environment of a command, with `--config` over `HEADGATE_CONFIG`. */
export async function environmentFor(config: string | undefined): Promise<Environment> {
  const environment = await readEnvironment(process.env)
  return config === undefined ? environment : { ...environment, config }
}

/** Loads a gateway that will not be started: for commands that only look. The caller closes it. */
export function loadForReading(environment: Environment, extra: Partial<GatewayOptions> = {}): Promise<Gateway> {
  return Gateway.load({
    file: environment.config,
    log: SILENT,
    variables: environment.variables,
    overrides: environment.overrides,
    ...(environment.bootstrapKey !== undefined && { bootstrapKey: environment.bootstrapKey }),
    ...extra
  })
}
