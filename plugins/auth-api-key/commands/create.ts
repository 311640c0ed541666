import { randomBytes } from 'node:crypto'
import type { Command, CommandEnv } from '@headgate/api'
import type { Config } from '../config.ts'
import { digestOf } from '../digest.ts'
import { parseExpiry } from '../expiry.ts'
import { mintKey, shownPart } from '../key.ts'
import { KeyFile, keyFilePath } from '../key-file.ts'
import type { KeyRecord } from '../key-record.ts'
import { loadPepper } from '../pepper.ts'
import { viewOf } from './view.ts'

type Options = CommandEnv<Config>['options']

/** `headgate keys create`: makes a key and shows it once. */
export const create: Command<Config> = {
  summary: 'make an API key and print it, once',
  options: {
    name: { type: 'string', description: 'what the key is for; by default its id' },
    expires: { type: 'string', description: 'when it ends: a span (30d, 12h) or a date (2030-01-31)' },
    model: { type: 'string', multiple: true, description: 'a model the key may use, * is any run of characters; by default all' },
    owner: { type: 'string', description: 'who is responsible for it' },
    team: { type: 'string', description: 'team it is counted for' },
    project: { type: 'string', description: 'project it is counted for' },
    scope: { type: 'string', multiple: true, description: 'a scope for other plugins to check' }
  },
  async run({ config, options, now, ...places }) {
    const file = new KeyFile(keyFilePath(config.file, places))
    const pepper = await loadPepper({ configured: config.pepper, dataDir: places.dataDir, mayCreate: (await file.read()).length === 0 })
    const key = mintKey()
    const record = newRecord(key, digestOf(key, pepper), options, now())
    await file.update(keys => [...keys, record])
    return {
      data: { ...viewOf(record, now()), key },
      lines: [key, '', `id ${record.id}, shown once: only its hash is stored`]
    }
  }
}

function newRecord(key: string, digest: string, options: Options, now: number): KeyRecord {
  const id = `key_${randomBytes(6).toString('hex')}`
  const expires = textOf(options, 'expires')
  const models = listOf(options, 'model')
  const scopes = listOf(options, 'scope')
  const owner = textOf(options, 'owner')
  const team = textOf(options, 'team')
  const project = textOf(options, 'project')
  return {
    id,
    name: textOf(options, 'name') ?? id,
    prefix: shownPart(key),
    digest,
    created: new Date(now).toISOString(),
    ...(expires !== undefined && { expires: parseExpiry(expires, now) }),
    ...(models !== undefined && { models }),
    ...(owner !== undefined && { owner }),
    ...(team !== undefined && { team }),
    ...(project !== undefined && { project }),
    ...(scopes !== undefined && { scopes })
  }
}

function textOf(options: Options, name: string): string | undefined {
  const value = options[name]
  if (typeof value !== 'string') return undefined
  if (value.trim() === '') throw new Error(`--${name} is empty`)
  return value
}

function listOf(options: Options, name: string): readonly string[] | undefined {
  const value = options[name]
  const values = typeof value === 'string' ? [value] : Array.isArray(value) ? (value as readonly string[]) : []
  if (values.some(item => item.trim() === '')) throw new Error(`--${name} is empty`)
  return values.length === 0 ? undefined : values
}
