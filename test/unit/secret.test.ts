import { inspect } from 'node:util'
import { test } from 'tap'
import { Secret, isSecret } from '@headgate/api'

test('a secret does not print, whatever prints it', async t => {
  const secret = new Secret('sk-planted')
  const printed = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }, { depth: 5, showHidden: true })]
  for (const text of printed) t.notMatch(text, /planted/)
  t.equal(
    secret.use(value => value.length),
    10
  )
  t.equal(String(secret.prefixed('Bearer ')), '***')
  t.equal(
    secret.prefixed('Bearer ').use(value => value),
    'Bearer sk-planted'
  )
})

test('a secret is known across copies of the package', async t => {
  t.ok(isSecret(new Secret('a')))
  t.ok(isSecret({ [Symbol.for('@headgate/secret')]: true }))
  t.notOk(isSecret('a'))
  t.notOk(isSecret(null))
})
