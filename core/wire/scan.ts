import { isUtf8 } from 'node:buffer'
import { reject, type Reject } from '@headgate/api'
import { numberEnd, survives } from './number.ts'
import { stringEnd, stringText } from './string.ts'

/** How complex a body may be. */
export interface ScanLimits {
  /** Nested arrays and objects, the outermost counted. */
  readonly depth: number
  /** Values in all. */
  readonly nodes: number
  /** Elements of the top-level array `messages`. */
  readonly messages: number
}

/** Where a top-level field stands: `keyStart` at its opening quote, `valueEnd` after the last byte of the value. */
export interface BodyField {
  readonly key: string
  readonly keyStart: number
  readonly valueStart: number
  readonly valueEnd: number
}

/** A key with an escape in it: from its opening quote to after the closing one. */
export interface EscapedKey {
  readonly start: number
  readonly end: number
}

/** What one look over the raw bytes of a JSON object found. */
export interface BodyScan {
  /** Index of the opening brace. */
  readonly start: number
  /** Index after the closing brace. */
  readonly end: number
  /** The top-level fields, in order. */
  readonly fields: readonly BodyField[]
  /** Some number outside strings changes its value in `JSON.parse`. */
  readonly bigNumbers: boolean
  /** Keys at any depth that hold an escape, in order; see `parseBody` for why they matter. */
  readonly escapedKeys: readonly EscapedKey[]
}

/** The limits of client requests. */
export const REQUEST_LIMITS: ScanLimits = Object.freeze({ depth: 64, nodes: 1e5, messages: 1e4 })

const ARRAY = 0
const OBJECT = 1
/** An object that is the value of a `constructor` key. */
const CONSTRUCTOR = 2
/** The array of the messages. */
const MESSAGES = 3

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')

/** The most top-level fields, and the most keys with an escape: each costs a thousand times a byte. */
const MAX_FIELDS = 1024
const MAX_ESCAPED_KEYS = 10_000

/** `constructor` written in `\u` escapes throughout; longer keys cannot be a forbidden one. */
const LONGEST_FORBIDDEN = 66

function invalid(): Reject {
  return reject(400, 'invalid_json', 'the request body is not a valid JSON object')
}

function tooComplex(what: string): Reject {
  return reject(400, 'too_complex', `the request body has too many ${what}`)
}

class Scanner {
  readonly #bytes: Buffer
  readonly #limits: ScanLimits
  readonly #stack: number[] = []
  readonly #keys = new Set<string>()
  readonly #fields: { key: string; keyStart: number; valueStart: number; valueEnd: number }[] = []
  readonly #escapedKeys: EscapedKey[] = []
  #bigNumbers = false
  #constructorNext = false
  #messagesNext = false
  #messages = 0
  #nodes = 0

  constructor(bytes: Buffer, limits: ScanLimits) {
    this.#bytes = bytes
    this.#limits = limits
  }

  scan(): BodyScan {
    const bytes = this.#bytes
    const bom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
    const start = this.#space(bom)
    if (bytes[start] !== 0x7b) throw invalid()
    const end = this.#object(start)
    if (this.#space(end) !== bytes.length) throw invalid()
    return { start, end, fields: this.#fields, bigNumbers: this.#bigNumbers, escapedKeys: this.#escapedKeys }
  }

  #space(from: number): number {
    const bytes = this.#bytes
    let at = from
    for (;;) {
      const byte = bytes[at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
      at++
    }
  }

  /** From the outermost brace to the one that closes it; loops instead of recursion, so that depth costs no stack. */
  #object(from: number): number {
    const bytes = this.#bytes
    const stack = this.#stack
    let at = from
    let byte = 0x7b
    for (;;) {
      if (++this.#nodes > this.#limits.nodes) throw tooComplex('values')
      if (byte === 0x22) {
        at = stringEnd(bytes, at + 1)
        if (at < 0) throw invalid()
      } else if (byte === 0x7b || byte === 0x5b) {
        const inside = this.#open(at, byte)
        if (inside >= 0) {
          at = inside
          byte = bytes[at] as number
          continue
        }
        at = -inside
      } else {
        at = this.#scalar(at, byte)
      }
      at = this.#after(at)
      if (stack.length === 0) return at
      byte = bytes[at] as number
    }
  }

  /** Enters an array or object: index of its first value, or minus the index after it where it is empty. */
  #open(at: number, byte: number): number {
    const stack = this.#stack
    if (stack.length === this.#limits.depth) throw tooComplex('nested levels')
    const first = this.#space(at + 1)
    if (this.#bytes[first] === (byte === 0x7b ? 0x7d : 0x5d)) return -(first + 1)
    if (byte === 0x7b) {
      stack.push(this.#constructorNext ? CONSTRUCTOR : OBJECT)
      return this.#key(first)
    }
    this.#constructorNext = false
    stack.push(this.#messagesNext && stack.length === 1 ? MESSAGES : ARRAY)
    return first
  }

  /** After a value: leaves what closes here; index of the next value, or of the end of the whole. */
  #after(from: number): number {
    const bytes = this.#bytes
    const stack = this.#stack
    let at = from
    for (;;) {
      const level = stack.length
      if (level === 0) return at
      if (level === 1) (this.#fields[this.#fields.length - 1] as { valueEnd: number }).valueEnd = at
      at = this.#space(at)
      const byte = bytes[at]
      const kind = stack[level - 1]
      const isArray = kind === ARRAY || kind === MESSAGES
      if (byte === 0x2c) {
        if (kind === MESSAGES && ++this.#messages >= this.#limits.messages) throw tooComplex('messages')
        const next = this.#space(at + 1)
        return isArray ? next : this.#key(next)
      }
      if (byte !== (isArray ? 0x5d : 0x7d)) throw invalid()
      stack.pop()
      at++
    }
  }

  /** Reads the key at `at` and returns the index of its value. */
  #key(at: number): number {
    const bytes = this.#bytes
    if (bytes[at] !== 0x22) throw invalid()
    const end = stringEnd(bytes, at + 1)
    if (end < 0) throw invalid()
    const colon = this.#space(end)
    if (bytes[colon] !== 0x3a) throw invalid()
    const value = this.#space(colon + 1)
    this.#constructorNext = false
    this.#refuse(at + 1, end - 1)
    if (this.#stack.length === 1) this.#field(at, end, value)
    return value
  }

  /** Refuses keys that reach a prototype. Only keys that begin like one, or hold an escape, are read. */
  #refuse(from: number, to: number): void {
    const first = this.#bytes[from]
    if (this.#hasEscape(from, to)) {
      if (this.#escapedKeys.push({ start: from - 1, end: to + 1 }) > MAX_ESCAPED_KEYS) throw tooComplex('escaped keys')
    } else if (first !== 0x5f && first !== 0x63 && first !== 0x70) {
      return
    }
    if (to - from > LONGEST_FORBIDDEN || to - from < 9) return
    const key = this.#text(from, to)
    if (key === '__proto__') throw reject(400, 'forbidden_key', 'the request body holds the key __proto__')
    if (key === 'constructor') this.#constructorNext = true
    if (key === 'prototype' && this.#stack[this.#stack.length - 1] === CONSTRUCTOR) {
      throw reject(400, 'forbidden_key', 'the request body holds the keys constructor.prototype')
    }
  }

  #hasEscape(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (this.#bytes[at] === 0x5c) return true
    return false
  }

  #field(keyStart: number, keyEnd: number, valueStart: number): void {
    const key = this.#text(keyStart + 1, keyEnd - 1)
    if (this.#keys.has(key)) throw reject(400, 'duplicate_key', 'a field of the request body is given twice', { param: key.slice(0, 256) })
    if (this.#keys.add(key).size > MAX_FIELDS) throw tooComplex('fields')
    this.#fields.push({ key, keyStart, valueStart, valueEnd: valueStart })
    this.#messagesNext = key === 'messages'
  }

  /** Text of a key; what a native skip left unchecked is found here. */
  #text(from: number, to: number): string {
    try {
      return stringText(this.#bytes, from, to)
    } catch {
      throw invalid()
    }
  }

  #scalar(at: number, byte: number): number {
    const bytes = this.#bytes
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      // Lists of single digits are the shortest way to many values: 20 ns each instead of 50.
      const next = bytes[at + 1]
      if (byte !== 0x2d && (next === 0x2c || next === 0x5d)) return at + 1
      const end = numberEnd(bytes, at)
      if (end < 0) throw invalid()
      if (!this.#bigNumbers && !survives(bytes, at, end)) this.#bigNumbers = true
      return end
    }
    const word = byte === 0x74 ? TRUE : byte === 0x66 ? FALSE : byte === 0x6e ? NULL : null
    if (word === null || bytes.compare(word, 0, word.length, at, Math.min(at + word.length, bytes.length)) !== 0) throw invalid()
    return at + word.length
  }
}

/**
 * Looks once over the bytes of a JSON object, before anything parses it: grammar, complexity (in
 * `limits`, and 1024 top-level fields, 10,000 keys with escapes),
 * encoding, keys. Long strings are skipped natively and not checked inside; `JSON.parse` finds the rest.
 *
 * @throws {Reject} 400 `invalid_encoding`, `invalid_json`, `too_complex`, `forbidden_key` or `duplicate_key`
 */
export function scanBody(bytes: Buffer, limits: ScanLimits = REQUEST_LIMITS): BodyScan {
  if (!isUtf8(bytes)) throw reject(400, 'invalid_encoding', 'the request body is not valid UTF-8')
  return new Scanner(bytes, limits).scan()
}
