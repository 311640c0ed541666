import { test } from 'tap'
import { KIND_OF, type AuthenticateCtx, type Env, type Instance } from '@headgate/api'
import plugin from '../index.ts'

async function setup(config: unknown): Promise<Instance> {
  return plugin.setup({ config } as unknown as Env<unknown, Record<never, never>>)
}

test('everybody is the configured principal', async t => {
  const open = await setup({ id: 'anonymous' })
  const lab = await setup({ id: 'lab' })
  const ctx = {} as AuthenticateCtx
  t.same(await open.authenticate?.(ctx), { id: 'anonymous' })
  t.same(await lab.authenticate?.(ctx), { id: 'lab' }, 'two instances do not share anything')
  t.ok(Object.isFrozen(await open.authenticate?.(ctx)))
})

test('it asks for no secret and covers every operation', async t => {
  t.equal(plugin.secrets, undefined)
  t.ok(plugin.operations?.includes('models'))
  t.ok(plugin.operations?.includes('batches'))
  for (const hook of Object.keys(await setup({ id: 'x' }))) t.ok(hook in KIND_OF)
})
