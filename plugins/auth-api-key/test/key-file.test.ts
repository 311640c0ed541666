import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Secret, type Log } from '@headgate/api'
import plugin from '../index.ts'
import { registerBootstrapKey } from '../first-key.ts'
import { isMinted, mintKey } from '../key.ts'
import type { KeyFile } from '../key-file.ts'
import { parseKeys } from '../key-record.ts'
import { withLock } from '../lock.ts'
import { folder, makeRig } from './context.ts'

const CHOSEN = 'hg_chosen-by-the-operator-0123456789'

test('the bootstrap key works in place of a printed one', async t => {
  const rig = await makeRig(t, { bootstrapKey: CHOSEN })
  t.same(rig.announced, [])
  t.match((await rig.ask(CHOSEN)).principal, { id: 'bootstrap' })
  t.notMatch(readFileSync(join(rig.dir, 'keys.json'), 'utf8'), CHOSEN)
  const again = await makeRig(t, { dir: rig.dir, bootstrapKey: CHOSEN })
  t.match((await again.run('keys list')).data, [{ id: 'bootstrap' }], 'it is registered once')
  await again.run('keys revoke', {}, ['bootstrap'])
  const third = await makeRig(t, { dir: rig.dir, bootstrapKey: CHOSEN })
  await t.rejects(third.ask(CHOSEN), { code: 'invalid_api_key' }, 'and stays revoked')
  const changed = await makeRig(t, { dir: rig.dir, bootstrapKey: `${CHOSEN}-2` })
  t.match((await changed.ask(`${CHOSEN}-2`)).principal, { id: 'bootstrap' }, 'a new one takes its place')
})

test('a weak bootstrap key is refused at setup', async t => {
  for (const key of ['hg_short', 'x'.repeat(40), `hg_${' '.repeat(40)}`]) await t.rejects(makeRig(t, { bootstrapKey: key }), /at least 32/)
})

test('a pepper of the config is used, and must be long', async t => {
  const pepper = new Secret('p'.repeat(32))
  const rig = await makeRig(t, { config: { pepper } })
  t.notOk(existsSync(join(rig.dir, 'pepper')))
  const key = rig.announced.map(line => line.trim()).find(isMinted)!
  t.ok((await rig.ask(key)).principal)
  const other = await makeRig(t, { dir: rig.dir, config: { pepper: new Secret('q'.repeat(32)) } })
  await t.rejects(other.ask(key), { code: 'invalid_api_key' })
  const throttle = { failures: 20, window: 60_000 }
  t.same(plugin.validate?.({ pepper, refresh: 1000, throttle }), [])
  const problems = plugin.validate!({ pepper: new Secret('short'), refresh: 10, throttle: { ...throttle, window: 10 } })
  t.same(
    problems.map(problem => problem.path),
    ['/pepper', '/refresh', '/throttle/window']
  )
})

test('keys without their pepper stop the start: a new pepper would void them in silence', async t => {
  const rig = await makeRig(t)
  rmSync(join(rig.dir, 'pepper'))
  await t.rejects(makeRig(t, { dir: rig.dir }), /pepper is gone/)
  writeFileSync(join(rig.dir, 'pepper'), 'short')
  await t.rejects(makeRig(t, { dir: rig.dir }), /fewer than 32/)
})

test('changes of the file reach a running gateway by themselves', async t => {
  const rig = await makeRig(t, { config: { refresh: 10 } })
  const { data } = await rig.run('keys create')
  const { id, key } = data as { id: string; key: string }
  t.match((await rig.ask(key)).principal, { id }, 'an unknown key makes it look at once')
  await rig.run('keys revoke', {}, [id])
  for (
    let i = 0;
    i < 100 &&
    (await rig.ask(key).then(
      () => true,
      () => false
    ));
    i++
  )
    await sleep(10)
  await t.rejects(rig.ask(key), { code: 'invalid_api_key' }, 'a revocation is noticed by looking regularly')
})

test('unknown keys make it look at the file at most four times a second', async t => {
  const rig = await makeRig(t, { config: { refresh: 3_600_000 } })
  await t.rejects(rig.ask(mintKey()), { code: 'invalid_api_key' })
  const { data } = await rig.run('keys create')
  const { key } = data as { key: string }
  rig.clock += 249
  await t.rejects(rig.ask(key), { code: 'invalid_api_key' }, 'too early')
  rig.clock += 1
  t.ok((await rig.ask(key)).principal)
})

test('a file that turns bad leaves the keys in force and says so; at start it is an error', async t => {
  const rig = await makeRig(t, { config: { refresh: 10 } })
  const key = rig.announced.map(line => line.trim()).find(isMinted)!
  writeFileSync(join(rig.dir, 'keys.json'), '{"version": 1, "keys": [')
  for (let i = 0; i < 100 && rig.logged.length === 0; i++) await sleep(10)
  t.match(rig.logged[0], { level: 'error', message: /stay in force/ })
  t.ok((await rig.ask(key)).principal)
  await sleep(50)
  t.equal(rig.logged.length, 1, 'it says so once')
  writeFileSync(join(rig.dir, 'keys.json'), '{"version": 1, "keys": []}')
  for (
    let i = 0;
    i < 100 &&
    (await rig.ask(key).then(
      () => true,
      () => false
    ));
    i++
  )
    await sleep(10)
  await t.rejects(rig.ask(key), { code: 'invalid_api_key' }, 'a good file is taken again')
  writeFileSync(join(rig.dir, 'keys.json'), 'not JSON')
  await t.rejects(makeRig(t, { dir: rig.dir }))
})

test('a file that goes away takes its keys with it', async t => {
  const rig = await makeRig(t, { config: { refresh: 10 } })
  const key = rig.announced.map(line => line.trim()).find(isMinted)!
  rmSync(join(rig.dir, 'keys.json'))
  for (
    let i = 0;
    i < 100 &&
    (await rig.ask(key).then(
      () => true,
      () => false
    ));
    i++
  )
    await sleep(10)
  await t.rejects(rig.ask(key), { code: 'invalid_api_key' })
})

test('writers at the same time lose nothing', async t => {
  const rig = await makeRig(t)
  await Promise.all(Array.from({ length: 12 }, (_, i) => rig.run('keys create', { name: `n${i}` })))
  const { data } = await rig.run('keys list')
  t.equal((data as unknown[]).length, 13)
})

test('a lock left by a dead process is broken, a live one is waited for', async t => {
  const dir = folder(t)
  const path = join(dir, 'lock')
  writeFileSync(path, '')
  utimesSync(path, new Date(0), new Date(0))
  t.equal(await withLock(path, async () => 'got it'), 'got it')
  t.notOk(existsSync(path))
  const order: string[] = []
  await Promise.all([
    withLock(path, async () => {
      await sleep(30)
      order.push('first')
    }),
    sleep(5).then(() =>
      withLock(path, async () => {
        order.push('second')
      })
    )
  ])
  t.same(order, ['first', 'second'])
  await t.rejects(
    withLock(path, async () => {
      throw new Error('work failed')
    }),
    /work failed/
  )
  t.notOk(existsSync(path), 'released after a failure')
})

test('where the key file cannot be written the bootstrap key is held in memory', async t => {
  const warned: string[] = []
  const readOnly = {
    async read() {
      return []
    },
    async update() {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' })
    }
  }
  const source = {
    file: readOnly as unknown as KeyFile,
    pepper: Buffer.alloc(32),
    now: () => 0,
    log: {
      warn(_facts: object, message: string) {
        warned.push(message)
      }
    } as unknown as Log,
    announce() {
      throw new Error('nothing is to be shown')
    }
  }
  t.match(await registerBootstrapKey(new Secret(CHOSEN), source), [{ id: 'bootstrap' }])
  t.match(warned, [/held in memory/])
  const full = {
    ...readOnly,
    async update() {
      throw Object.assign(new Error('disk full'), { code: 'ENOSPC' })
    }
  }
  await t.rejects(registerBootstrapKey(new Secret(CHOSEN), { ...source, file: full as unknown as KeyFile }), /disk full/)
})

test('what is no key file is refused with its place', async t => {
  const good = { id: 'a', name: 'a', prefix: 'hg_a', digest: 'a'.repeat(64), created: '2030-01-01T00:00:00Z' }
  const bad: [unknown, RegExp][] = [
    [[], /version/],
    [{ version: 1, keys: [1] }, /keys\[0\] is not an object/],
    [{ version: 1, keys: [good, { ...good, id: 'b' }] }, /keys\[1\].*twice/],
    [{ version: 1, keys: [{ ...good, digest: 'x' }] }, /keys\[0\]\.digest/],
    [{ version: 1, keys: [{ ...good, expires: 'soon' }] }, /keys\[0\]\.expires/],
    [{ version: 1, keys: [{ ...good, models: 'gpt' }] }, /keys\[0\]\.models/],
    [{ version: 1, keys: [{ ...good, owner: 1 }] }, /keys\[0\]\.owner/],
    [{ version: 1, keys: [{ ...good, metadata: { a: 1 } }] }, /keys\[0\]\.metadata/]
  ]
  for (const [file, message] of bad) t.throws(() => parseKeys(JSON.stringify(file)), message)
  t.same(parseKeys(JSON.stringify({ version: 1, keys: [{ ...good, note: 'kept' }] })), [{ ...good, note: 'kept' }])
})
