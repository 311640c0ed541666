/** One key as the key file holds it. The key itself is nowhere in it. Times are RFC 3339. */
export interface KeyRecord {
  readonly id: string
  readonly name: string
  /** First characters of the key, for people. */
  readonly prefix: string
  /** HMAC-SHA-256 of the key under the pepper, in hex. */
  readonly digest: string
  readonly created: string
  readonly expires?: string
  readonly revoked?: string
  /** Patterns of the models this key may use; absent is all. */
  readonly models?: readonly string[]
  readonly owner?: string
  readonly team?: string
  readonly project?: string
  readonly scopes?: readonly string[]
  readonly metadata?: { readonly [name: string]: string }
}

/** Whether a key works at a moment. */
export type KeyState = 'active' | 'expired' | 'revoked'

const TEXTS = ['id', 'name', 'prefix', 'digest', 'created'] as const
const OPTIONAL_TEXTS = ['owner', 'team', 'project'] as const
const TIMES = ['created', 'expires', 'revoked'] as const
const LISTS = ['models', 'scopes'] as const

/** State of a key at `now`, in milliseconds since 1970. */
export function stateOf(record: KeyRecord, now: number): KeyState {
  if (record.revoked !== undefined) return 'revoked'
  if (record.expires !== undefined && Date.parse(record.expires) <= now) return 'expired'
  return 'active'
}

/**
 * Reads the text of a key file. Fields that are not known here are kept.
 *
 * @throws {Error} naming the place when the text is not a key file
 */
export function parseKeys(text: string): KeyRecord[] {
  const file: unknown = JSON.parse(text)
  if (!isRecord(file) || file['version'] !== 1 || !Array.isArray(file['keys']))
    throw new Error('the key file is not {"version": 1, "keys": […]}')
  const seen = new Set<string>()
  return file['keys'].map((value: unknown, index) => {
    const record = checkRecord(value, `keys[${index}]`)
    if (seen.has(record.id) || seen.has(record.digest)) throw new Error(`keys[${index}] stands in the key file twice`)
    seen.add(record.id).add(record.digest)
    return record
  })
}

/** The text of a key file. */
export function printKeys(keys: readonly KeyRecord[]): string {
  return JSON.stringify({ version: 1, keys }, null, 2) + '\n'
}

function checkRecord(value: unknown, at: string): KeyRecord {
  if (!isRecord(value)) throw new Error(`${at} is not an object`)
  for (const field of TEXTS) if (typeof value[field] !== 'string' || value[field] === '') throw new Error(`${at}.${field} is not a text`)
  for (const field of OPTIONAL_TEXTS)
    if (value[field] !== undefined && typeof value[field] !== 'string') throw new Error(`${at}.${field} is not a text`)
  for (const field of TIMES)
    if (value[field] !== undefined && Number.isNaN(Date.parse(String(value[field])))) throw new Error(`${at}.${field} is not a time`)
  for (const field of LISTS)
    if (value[field] !== undefined && !isTexts(value[field])) throw new Error(`${at}.${field} is not a list of texts`)
  if (!/^[0-9a-f]{64}$/.test(String(value['digest']))) throw new Error(`${at}.digest is not 64 hex digits`)
  const metadata = value['metadata']
  if (metadata !== undefined && !(isRecord(metadata) && isTexts(Object.values(metadata))))
    throw new Error(`${at}.metadata is not a map of texts`)
  return value as unknown as KeyRecord
}

function isRecord(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}
