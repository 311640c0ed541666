import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { isMinted } from '../key.ts'
import { makeRig } from './context.ts'

test('keys create prints the key once and keeps what it is told', async t => {
  const rig = await makeRig(t, { started: false })
  const { data, lines } = await rig.run('keys create', {
    name: 'ci',
    expires: '30d',
    model: ['demo', 'gpt-*'],
    owner: 'ann',
    team: 'web',
    project: 'shop',
    scope: ['admin']
  })
  const made = data as { id: string; key: string }
  t.ok(isMinted(made.key))
  t.equal(lines.filter(line => line.includes(made.key)).length, 1)
  t.match(made, {
    name: 'ci',
    state: 'active',
    expires: '2030-01-31T00:00:00.000Z',
    owner: 'ann',
    team: 'web',
    project: 'shop',
    scopes: ['admin'],
    models: ['demo', 'gpt-*']
  })
  t.notOk('digest' in made)
  t.ok(existsSync(join(rig.dir, 'pepper')), 'works before the first start')

  await rig.instance.start?.()
  t.same(rig.announced, [], 'there is a key, so the start makes none')
  t.match((await rig.ask(made.key)).principal, { id: made.id, owner: 'ann', team: 'web', project: 'shop', scopes: ['admin'] })
})

test('keys list shows state, never a key', async t => {
  const rig = await makeRig(t, { started: false })
  t.same((await rig.run('keys list')).lines, ['no keys'])
  const { data } = await rig.run('keys create', { name: 'a' })
  const { id, key } = data as { id: string; key: string }
  await rig.run('keys create', { name: 'b', expires: '1h' })
  await rig.run('keys revoke', {}, [id])
  rig.clock += 3_600_000
  const list = await rig.run('keys list')
  t.match(list.data, [
    { name: 'a', state: 'revoked' },
    { name: 'b', state: 'expired' }
  ])
  t.equal(list.lines.length, 3)
  t.notMatch(JSON.stringify(list), key)
  t.notMatch(JSON.stringify(list), /digest/)
})

test('keys revoke names one key and says when there is none', async t => {
  const rig = await makeRig(t, { started: false })
  const { data } = await rig.run('keys create')
  const { id } = data as { id: string }
  t.match(await rig.run('keys revoke', {}, [id]), {
    data: { state: 'revoked', revoked: '2030-01-01T00:00:00.000Z' },
    lines: [`${id} is revoked`]
  })
  rig.clock += 1000
  t.match(await rig.run('keys revoke', {}, [id]), { data: { revoked: '2030-01-01T00:00:00.000Z' }, lines: [`${id} was revoked before`] })
  await t.rejects(rig.run('keys revoke', {}, ['key_none']), /no key with the id/)
  await t.rejects(rig.run('keys revoke'), /give the id/)
})

test('wrong options are told before anything is written', async t => {
  const rig = await makeRig(t, { started: false })
  await t.rejects(rig.run('keys create', { expires: 'tomorrow' }), /neither a span/)
  await t.rejects(rig.run('keys create', { expires: '2001-01-01' }), /is past/)
  await t.rejects(rig.run('keys create', { name: ' ' }), /--name is empty/)
  await t.rejects(rig.run('keys create', { model: [''] }), /--model is empty/)
  t.notOk(existsSync(join(rig.dir, 'keys.json')))
})

test('the key file of the config is relative to the config', async t => {
  const rig = await makeRig(t, { config: { file: 'shared/team.json' } })
  t.ok(existsSync(join(rig.dir, 'shared/team.json')))
  t.notOk(existsSync(join(rig.dir, 'keys.json')))
})
