import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { test } from 'tap'
import { testPlugin } from '@headgate/api/test'
import plugin from '../index.ts'

const PEPPER = 'a pepper that is long enough to be one'
const KEY = `hg_${'k'.repeat(49)}`

test('it keeps the contract', t => {
  const file = join(t.testdir(), 'keys.json')
  const digest = createHmac('sha256', PEPPER).update(KEY).digest('hex')
  writeFileSync(
    file,
    JSON.stringify({ version: 1, keys: [{ id: 'known', name: 'known', prefix: 'hg_kkkkk', digest, created: '2025-01-01T00:00:00.000Z' }] }),
    { mode: 0o600 }
  )
  return testPlugin(t, plugin, {
    config: { file, pepper: PEPPER, throttle: { failures: 0 } },
    cases: [
      { name: 'a known key', headers: { authorization: `Bearer ${KEY}` } },
      { name: 'a wrong key', headers: { 'x-api-key': 'hg_wrong' }, expect: { status: 401, code: 'invalid_api_key' } },
      { name: 'no key', expect: { status: 401, code: 'invalid_api_key' } }
    ]
  })
})
