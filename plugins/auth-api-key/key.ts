import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What every key begins with; anything else is another plugin's credential. */
export const KEY_PREFIX = 'hg_'

/** Longest credential that is looked at, in characters. */
export const MAX_KEY = 512

/** Shortest key that an operator may choose, in characters. */
export const MIN_CHOSEN_KEY = 32

const SHAPE = /^hg_[\w-]{49}$/
const SHOWN = 10

/** Makes a key: `hg_`, 256 random bits and a checksum, so that scanners can tell a key from noise. */
export function mintKey(): string {
  const body = KEY_PREFIX + randomBytes(32).toString('base64url')
  return body + checksum(body)
}

/** True for a text of the form that {@link mintKey} makes, checksum included. */
export function isMinted(text: string): boolean {
  return SHAPE.test(text) && checksum(text.slice(0, -6)) === text.slice(-6)
}

/** True for a key that an operator may choose: long enough, printable, with the prefix. */
export function isChosen(text: string): boolean {
  return text.startsWith(KEY_PREFIX) && text.length >= MIN_CHOSEN_KEY && text.length <= MAX_KEY && /^[\x21-\x7e]+$/.test(text)
}

/** The first characters of a key, by which people tell keys apart. */
export function shownPart(key: string): string {
  return key.slice(0, SHOWN)
}

function checksum(body: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64url')
}
