import { randomFillSync, randomUUID } from 'node:crypto'

const SAFE_ID = /^[A-Za-z0-9._:-]{1,128}$/
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

/** Makes identifiers. Random bytes are drawn in blocks because one draw per request costs more than the rest of the id. */
export class Ids {
  readonly #pool = Buffer.alloc(1600)
  #used = 1600

  #take(): number {
    if (this.#used >= this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const at = this.#used
    this.#used += 10
    return at
  }

  /** A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits. */
  uuid7(nowMs: number): string {
    const at = this.#take()
    const time = Math.trunc(nowMs).toString(16).padStart(12, '0')
    const random = this.#pool.toString('hex', at, at + 10)
    const variant = '89ab'[this.#pool[at + 2]! & 3]!
    return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(5, 8)}-${random.slice(8, 20)}`
  }

  /** The request id: the caller's own when it is harmless, otherwise a new one. */
  request(given: string | undefined, logId: string): string {
    if (given !== undefined && SAFE_ID.test(given)) return given
    return `req_${logId.replaceAll('-', '')}`
  }
}

/** The request id of what never became an exchange. */
export function requestIdOf(given: string | undefined): string {
  return given !== undefined && SAFE_ID.test(given) ? given : `req_${randomUUID().replaceAll('-', '')}`
}

/** The trace id of a W3C `traceparent` header, or null. All zeros is invalid (W3C Trace Context §3.2.2.3). */
export function traceId(traceparent: string | undefined): string | null {
  const id = traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)?.[1]
  return id === undefined || id === '00000000000000000000000000000000' ? null : id
}
