import type { Log } from '@headgate/api'
import type { Tracer } from '@opentelemetry/api'
import type { Counters } from '../observe/counters.ts'
import type { Ids } from './ids.ts'
import type { LogQueues } from './log-queues.ts'

/** What every exchange of a process shares. */
export interface Runtime {
  readonly log: Log
  /** A logger bound to fixed facts, such as the instance name. */
  readonly child: (facts: object) => Log
  readonly ids: Ids
  readonly counters: Counters
  readonly tracer: Tracer
  readonly logs: LogQueues
  /** Slot 0 holds the id of the step whose hook is running, 0 for none; shared with the watchdog thread. */
  readonly marker: Int32Array
  /** Wall clock in milliseconds. */
  readonly now: () => number
  /** Milliseconds of silence after which a waiting stream gets a comment; 0 is never. */
  readonly heartbeatMs: number
  /** Milliseconds a client may refuse to read before it is cut off. */
  readonly writeStallMs: number
}
