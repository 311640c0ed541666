import { join } from 'node:path'
import { test } from 'tap'
import { testPlugin } from '@headgate/api/test'
import plugin from '../index.ts'

test('it keeps the contract', t => testPlugin(t, plugin, { config: { file: join(t.testdir(), 'requests.log'), bodies: true } }))
