import type { Reply } from './reply.ts'

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string
  /** Path with query. */
  readonly path: string
  /** Lower-case names; repeated headers are joined by `, `. */
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer
  /** Number of the connection it came on, from 1. */
  readonly connection: number
  /** True once the client has gone before it had the whole answer. */
  aborted: boolean
  /** When that was, in milliseconds of `performance.now()`. */
  abortedAt?: number
}

/** Answers a request; `index` counts requests from 0. */
export type Handler = (request: ReceivedRequest, index: number) => Reply | Promise<Reply>

/** An answer, or what makes one. */
export type Step = Reply | Handler

/** Answers in a fixed order. */
export interface Script {
  /** The step that comes next; stays the last one at the end. */
  peek(): Step
  /** Takes that step. */
  next(): Step
}

/** Where a fault upstream gets its answers from. */
export type Source = Step | readonly Step[] | Script

/**
 * One step a request, in order; the last one repeats.
 *
 * @example script([reply({ status: 503 }), resetAt('request'), reply({ json: answer })])
 * @throws {RangeError} without a step
 */
export function script(steps: readonly Step[]): Script {
  if (steps.length === 0) throw new RangeError('a script needs at least one step')
  let at = 0
  return {
    peek: () => steps[Math.min(at, steps.length - 1)]!,
    next: () => steps[Math.min(at++, steps.length - 1)]!
  }
}

/** The script of a source. */
export function scriptOf(source: Source): Script {
  if (Array.isArray(source)) return script(source)
  if (typeof source === 'object' && 'peek' in source) return source as Script
  return script([source as Step])
}
