import { pino, type Logger } from 'pino'
import type { Log } from '@headgate/api'

/** The log of the process and how to bind facts to it. */
export interface ProcessLog {
  readonly log: Log
  readonly child: (facts: object) => Log
  /** Writes out what is buffered. */
  flush(): void
}

/**
 * JSON lines on standard error, so that standard output stays free for what a log step writes
 * there. A reader that goes away must not take the gateway with it: write errors are swallowed.
 */
export function createLogger(level: string): ProcessLog {
  const destination = pino.destination({ dest: 2, sync: false, minLength: 0 })
  // A closed pipe is no reason to stop serving.
  destination.on('error', () => undefined)
  const logger: Logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: safeError } }, destination)
  return { log: logger, child: facts => logger.child(facts), flush: () => flush(destination) }
}

/** An error as the log shows it: no request, no response, no config that might hang on it. */
function safeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error).slice(0, 500) }
  const { name, message, stack, code } = error as Error & { code?: unknown }
  return { name, message, ...(typeof code === 'string' && { code }), stack: stack?.split('\n').slice(0, 12).join('\n') }
}

function flush(destination: { flushSync(): void }): void {
  try {
    destination.flushSync()
  } catch (error) {
    // Not opened yet or gone: there is nothing left to write to.
    if ((error as NodeJS.ErrnoException).code === undefined && !(error instanceof Error)) throw error
  }
}
