import { isReject, type ErrorSource, type Reject } from '@headgate/api'
import { typeOf } from '../wire/errors.ts'

/** What else a fault may carry. */
export interface FaultOptions {
  type?: string | undefined
  param?: string | null | undefined
  headers?: { readonly [name: string]: string } | undefined
  /** The step to blame. */
  plugin?: string | undefined
  /** For the log only, never for the client. */
  detail?: string | undefined
  cause?: unknown
}

/** A request that ends with an error: what the client is told, and what only the log is told. */
export class Fault extends Error {
  readonly source: ErrorSource
  readonly status: number
  readonly code: string
  readonly type: string
  readonly param: string | null
  readonly headers: { readonly [name: string]: string }
  readonly plugin: string | undefined
  readonly detail: string | undefined

  constructor(source: ErrorSource, status: number, code: string, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.source = source
    this.status = status
    this.code = code
    this.type = options.type ?? typeOf(status, code)
    this.param = options.param ?? null
    this.headers = options.headers ?? {}
    this.plugin = options.plugin
    this.detail = options.detail
  }
}

/** The fault that a denial becomes. `source` is `client` when the core itself found the request wrong. */
export function faultOfReject(denial: Reject, source: 'client' | 'policy', plugin?: string): Fault {
  return new Fault(source, denial.status, denial.code, denial.message, {
    type: denial.type,
    param: denial.param,
    headers: denial.headers,
    plugin
  })
}

/** The fault of a plugin that failed: the client learns nothing about it. */
export function faultOfPlugin(plugin: string, hook: string, cause: unknown, reason: string): Fault {
  return new Fault('plugin', 500, 'plugin_error', 'A step of the gateway failed and the request was refused.', {
    plugin,
    detail: `plugin "${plugin}" ${reason} in ${hook}`,
    cause
  })
}

/** Makes a fault of anything that was thrown. */
export function toFault(thrown: unknown, source: 'client' | 'policy' = 'client'): Fault {
  if (thrown instanceof Fault) return thrown
  if (isReject(thrown)) return faultOfReject(thrown, source)
  const detail = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown
  return new Fault('internal', 500, 'internal_error', 'The gateway could not process the request.', { detail, cause: thrown })
}

/** The value of `x-headgate-error-source`. */
export function sourceHeader(source: ErrorSource): string {
  if (source === 'policy' || source === 'internal') return 'gateway'
  return source
}
