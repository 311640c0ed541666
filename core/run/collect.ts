import type { UpstreamResponse } from '../upstream/types.ts'
import { Aborted } from './settle.ts'
import { failureOf } from './upstream-fault.ts'

/**
 * Reads a whole body, at most `limit` bytes and with at most `idleMs` (0 is no limit) between two pieces.
 *
 * @throws {UpstreamFailure} `size`, `idle` or what broke the answer off
 * @throws {Aborted} when the request was given up
 */
export function collect(response: UpstreamResponse, limit: number, idleMs: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    let over = false
    const finish = (then: () => void): void => {
      if (over) return
      over = true
      if (timer !== null) clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      then()
    }
    const giveUp = (error: Error): void =>
      finish(() => {
        response.abort()
        reject(error)
      })
    const onAbort = (): void => giveUp(new Aborted())
    const timer = idleMs > 0 ? setTimeout(() => giveUp(failureOf('idle')), idleMs) : null
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    response.pipe({
      data(piece) {
        size += piece.length
        if (size > limit) return giveUp(failureOf('size'))
        pieces.push(piece)
        timer?.refresh()
      },
      end() {
        finish(() => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)))
      },
      error(failure) {
        finish(() => reject(failure))
      }
    })
  })
}
