import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { README, readmeText, SCHEMA, schemaText } from '../../.ci/config-docs.ts'

const HINT = 'run `node .ci/config-docs.ts`'

test('the reference of the config says what the schema says', async t => {
  t.equal(readFileSync(README, 'utf8'), readmeText(), HINT)
  t.match(readmeText(), /`server\.listen` \| host:port \| `127\.0\.0\.1:8080`/)
  t.match(readmeText(), /`routes\[\]\.pipeline\[\]\.on_error`/)
})

test('the schema for editors is that of the built-in plugins', async t => {
  t.equal(readFileSync(SCHEMA, 'utf8'), await schemaText(), HINT)
})
