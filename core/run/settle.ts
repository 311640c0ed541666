/** The time of an asynchronous hook is over. */
export class TimedOut extends Error {
  constructor() {
    super('timed out')
    this.name = 'TimedOut'
  }
}

/** The request was given up while something was waited for. */
export class Aborted extends Error {
  constructor() {
    super('the request was aborted')
    this.name = 'Aborted'
  }
}

/** True for anything with a `then`, as a hook may return a promise of any library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/**
 * Waits for `pending`, but no longer than `ms` (0 is no limit) and no longer than the request lives.
 * A late result is dropped.
 *
 * @throws {TimedOut}
 * @throws {Aborted}
 */
export function settleWithin<T>(pending: PromiseLike<T>, ms: number, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(new Aborted())
    const timer = ms > 0 ? setTimeout(() => done(() => reject(new TimedOut())), ms) : null
    const onAbort = (): void => done(() => reject(new Aborted()))
    const done = (then: () => void): void => {
      if (timer !== null) clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      then()
    }
    signal.addEventListener('abort', onAbort)
    pending.then(
      value => done(() => resolve(value)),
      (error: unknown) => done(() => reject(error))
    )
  })
}

/** Waits `ms`, or until the request is given up. @throws {Aborted} */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Aborted())
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(new Aborted())
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
