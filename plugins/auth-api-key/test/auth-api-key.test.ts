import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { isReject, type Reject } from '@headgate/api'
import { isMinted } from '../key.ts'
import { makeRig, requestCtx, type Rig } from './context.ts'

async function refusal(rig: Rig, key: string, ip?: string): Promise<Reject & { tags: { [name: string]: string } }> {
  try {
    await rig.ask(key, ip)
  } catch (err) {
    if (isReject(err)) return err as Reject & { tags: { [name: string]: string } }
    throw err
  }
  throw new Error('the key was accepted')
}

async function newKey(rig: Rig, options: { [name: string]: string | readonly string[] } = {}): Promise<{ id: string; key: string }> {
  const { data } = await rig.run('keys create', options)
  return data as { id: string; key: string }
}

test('M10 the first start makes one key, shows it once and stores only its digest', async t => {
  const rig = await makeRig(t)
  const key = rig.announced.map(line => line.trim()).find(line => line.startsWith('hg_'))!
  t.ok(isMinted(key), 'prefix, 256 bits, checksum')
  t.equal(key.length, 3 + 43 + 6)
  const { principal } = await rig.ask(key)
  t.match(principal, { id: 'first', keyHash: createHash('sha256').update(key).digest('hex') })

  const text = readFileSync(join(rig.dir, 'keys.json'), 'utf8')
  t.notMatch(text, key, 'the key is not in the file')
  const pepper = readFileSync(join(rig.dir, 'pepper'))
  t.equal(pepper.length, 32)
  t.equal(JSON.parse(text).keys[0].digest, createHmac('sha256', pepper).update(key).digest('hex'))
  for (const file of ['keys.json', 'pepper']) t.equal(statSync(join(rig.dir, file)).mode & 0o777, 0o600, `${file} is for its owner only`)
  t.same(readdirSync(rig.dir).sort(), ['keys.json', 'pepper'], 'no lock and no draft is left')

  const second = await makeRig(t, { dir: rig.dir })
  t.same(second.announced, [], 'the second start shows nothing')
  t.match((await second.ask(key)).principal, { id: 'first' })
})

test('C17 malformed, unknown, expired and revoked keys get one and the same answer', async t => {
  const rig = await makeRig(t)
  const revoked = await newKey(rig)
  const expiring = await newKey(rig, { expires: '1h' })
  await rig.run('keys revoke', {}, [revoked.id])
  t.match((await rig.ask(expiring.key)).principal, { id: expiring.id }, 'works until it expires')
  rig.clock += 3_600_000
  const bad = {
    malformed: 'hg_short',
    unknown: `hg_${'A'.repeat(49)}`,
    expired: expiring.key,
    revoked: revoked.key
  }
  const answers = new Set<string>()
  for (const [reason, key] of Object.entries(bad)) {
    const answer = await refusal(rig, key)
    t.equal(answer.tags['auth_failure'], reason, 'the log knows the reason')
    t.notMatch(answer.message, key)
    answers.add(JSON.stringify([answer.status, answer.code, answer.type, answer.message, answer.headers]))
  }
  t.equal(answers.size, 1, 'the client does not')
  t.match(JSON.parse([...answers][0]!), [401, 'invalid_api_key', 'invalid_request_error'])
  t.match(await refusal(rig, `hg_${'x'.repeat(100_000)}`), { status: 401 }, 'a huge key too')
})

test('C17 no credential, and one of another kind, are left to other steps', async t => {
  const rig = await makeRig(t)
  t.equal((await rig.ask(undefined)).principal, undefined)
  t.equal((await rig.ask('eyJhbGciOi.x.y')).principal, undefined)
  t.equal((await rig.ask('')).principal, undefined)
})

test('C17 an address that keeps failing is throttled before any digest is made', async t => {
  const rig = await makeRig(t, { config: { throttle: { failures: 3, window: 60_000 } } })
  const { key } = await newKey(rig)
  for (let i = 0; i < 3; i++) t.match(await refusal(rig, `hg_${i}`), { status: 401 })
  t.match(await refusal(rig, 'hg_again'), { status: 429, code: 'rate_limit_exceeded', headers: { 'retry-after': '60' } })
  t.match(await refusal(rig, key), { status: 429 }, 'a good key of that address waits too')
  t.ok((await rig.ask(key, '192.0.2.2')).principal, 'another address does not')
  t.equal((await rig.ask('other-credential')).principal, undefined, 'other credentials are none of its business')
  rig.clock += 59_500
  t.match(await refusal(rig, key), { headers: { 'retry-after': '1' } })
  rig.clock += 500
  t.ok((await rig.ask(key)).principal, 'after the window it may try again')
})

test('C17 the addresses of one IPv6 network count as one', async t => {
  const rig = await makeRig(t, { config: { throttle: { failures: 2, window: 60_000 } } })
  await refusal(rig, 'hg_a', '2001:db8:0:1::1')
  await refusal(rig, 'hg_b', '2001:0db8::1:ffff:0:0:2')
  t.match(await refusal(rig, 'hg_c', '2001:db8:0:1:2:3:4:5'), { status: 429 })
  t.match(await refusal(rig, 'hg_d', '2001:db8:0:2::1'), { status: 401 })
  await refusal(rig, 'hg_e', '::ffff:198.51.100.7')
  await refusal(rig, 'hg_f', '198.51.100.7')
  t.match(await refusal(rig, 'hg_g', '::ffff:198.51.100.7'), { status: 429 })
})

test('C17 the throttle forgets the oldest of more than 10,000 addresses, and can be turned off', async t => {
  const rig = await makeRig(t, { config: { throttle: { failures: 1, window: 60_000 } } })
  await refusal(rig, 'hg_x', '198.51.100.1')
  for (let i = 0; i < 10_000; i++) await refusal(rig, 'hg_x', `10.0.${i >> 8}.${i & 255}`)
  t.match(await refusal(rig, 'hg_x', '198.51.100.1'), { status: 401 }, 'forgotten')
  t.match(await refusal(rig, 'hg_x', '10.0.39.15'), { status: 429 }, 'remembered')
  const off = await makeRig(t, { config: { throttle: { failures: 0, window: 60_000 } } })
  for (let i = 0; i < 50; i++) t.match(await refusal(off, 'hg_x'), { status: 401 })
})

test('C16 a model the key may not use answers as one that does not exist', async t => {
  const rig = await makeRig(t)
  const { key } = await newKey(rig, { model: ['gpt-*-mini', 'demo'] })
  const principal = (await rig.ask(key)).principal!
  t.same(principal.models, ['gpt-*-mini', 'demo'])
  for (const model of ['demo', 'gpt-4.1-mini', 'gpt--mini']) t.doesNotThrow(() => rig.instance.request?.(requestCtx(principal, model)))
  for (const model of ['gpt-4.1', 'gpt-mini', 'demo2', 'x-demo', '']) {
    t.throws(() => rig.instance.request?.(requestCtx(principal, model)), {
      status: 404,
      code: 'model_not_found',
      param: 'model',
      message: `The model \`${model}\` does not exist or you do not have access to it.`
    })
  }
  t.doesNotThrow(() => rig.instance.request?.(requestCtx(principal, '', 'models')), 'the list is filtered by the router')
  t.throws(() => rig.instance.request?.(requestCtx(principal, '', 'batches')), { code: 'model_not_found' }, 'a batch could name any model')
  t.doesNotThrow(() => rig.instance.request?.(requestCtx({ id: 'free' }, 'anything')))
})

test('before start nobody is let in', async t => {
  const rig = await makeRig(t, { started: false })
  await t.rejects(rig.ask('hg_x'))
  await rig.instance.close?.(AbortSignal.timeout(10))
  await rig.instance.close?.(AbortSignal.timeout(10))
})
