import { createHmac, hash } from 'node:crypto'

/** HMAC-SHA-256 of a key under the pepper, in hex: what the key file holds. */
export function digestOf(key: string, pepper: Buffer): string {
  return createHmac('sha256', pepper).update(key).digest('hex')
}

/** SHA-256 of a key in hex: what logs hold. */
export function publicHash(key: string): string {
  return hash('sha256', key, 'hex')
}
