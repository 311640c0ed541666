import { timingSafeEqual } from 'node:crypto'
import type { Principal } from '@headgate/api'
import { digestOf, publicHash } from './digest.ts'
import { isMinted, isChosen, MAX_KEY } from './key.ts'
import { stateOf, type KeyRecord } from './key-record.ts'

/** Why a key does not work. For logs only: the client is told one text for all of them. */
export type Refusal = 'malformed' | 'unknown' | 'expired' | 'revoked'

interface Entry {
  readonly record: KeyRecord
  readonly digest: Buffer
  /** Made when the key is first used, because the file does not hold the key's hash. */
  principal: Principal | undefined
}

/** The keys in memory, found by digest. */
export class KeyRing {
  readonly #entries = new Map<string, Entry>()
  /** Entries by the SHA-256 of their key, filled as keys are used: one hash of a used key costs a sixth of its HMAC (0.5 against 3 µs). */
  readonly #used = new Map<string, Entry>()
  readonly #pepper: Buffer

  constructor(pepper: Buffer, records: readonly KeyRecord[]) {
    this.#pepper = pepper
    for (const record of records)
      this.#entries.set(record.digest, { record, digest: Buffer.from(record.digest, 'hex'), principal: undefined })
  }

  /** The same pepper with other keys. */
  with(records: readonly KeyRecord[]): KeyRing {
    return new KeyRing(this.#pepper, records)
  }

  /** Who a key belongs to at `now`, or why it does not work. */
  find(key: string, now: number): Principal | Refusal {
    if (key.length > MAX_KEY) return 'malformed'
    const hash = publicHash(key)
    const entry = this.#used.get(hash) ?? this.#verified(key, hash)
    if (entry === undefined) return isMinted(key) || isChosen(key) ? 'unknown' : 'malformed'
    const state = stateOf(entry.record, now)
    if (state !== 'active') return state
    entry.principal ??= principalOf(entry.record, hash)
    return entry.principal
  }

  #verified(key: string, hash: string): Entry | undefined {
    const digest = digestOf(key, this.#pepper)
    const entry = this.#entries.get(digest)
    if (entry === undefined || !timingSafeEqual(entry.digest, Buffer.from(digest, 'hex'))) return undefined
    this.#used.set(hash, entry)
    return entry
  }
}

function principalOf(record: KeyRecord, keyHash: string): Principal {
  const { id, owner, team, project, scopes, models, metadata } = record
  return Object.freeze({
    id,
    keyHash,
    ...(owner !== undefined && { owner }),
    ...(team !== undefined && { team }),
    ...(project !== undefined && { project }),
    ...(scopes !== undefined && { scopes: Object.freeze([...scopes]) }),
    ...(models !== undefined && { models: Object.freeze([...models]) }),
    ...(metadata !== undefined && { metadata: Object.freeze({ ...metadata }) })
  })
}
