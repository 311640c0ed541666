import { test } from 'tap'
import { makeRig } from './context.ts'

const PROVIDERS = { openai: ['gpt-4.1'], hub: ['meta-llama/llama 3'] }
const MODELS = { fast: 'openai/gpt-4.1', best: { alias: 'fast' }, 'gpt-*': 'openai/gpt-*', gone: 'azure/x', lost: { alias: 'gone' } }

function idsOf(answer: { body: { [field: string]: unknown } } | undefined): string[] {
  return (answer!.body['data'] as { id: string }[]).map(model => model.id)
}

test('the list has what can be served: names, aliases, advertised models', async t => {
  const rig = await makeRig({ models: MODELS }, PROVIDERS)
  const answer = rig.get('/v1/models')
  t.equal(answer?.status, 200)
  t.same(answer?.body, {
    object: 'list',
    data: [
      { id: 'fast', object: 'model', created: 1_900_000_000, owned_by: 'headgate' },
      { id: 'best', object: 'model', created: 1_900_000_000, owned_by: 'headgate' },
      { id: 'openai/gpt-4.1', object: 'model', created: 1_900_000_000, owned_by: 'openai' },
      { id: 'hub/meta-llama/llama 3', object: 'model', created: 1_900_000_000, owned_by: 'hub' }
    ]
  })
  t.same(idsOf(rig.get('/v1/models/')), idsOf(answer))
  const closed = await makeRig({ models: MODELS, direct: false }, PROVIDERS)
  t.same(idsOf(closed.get('/v1/models')), ['fast', 'best'])
})

test('C16 the list and each model show a caller only what it may use', async t => {
  const rig = await makeRig({ models: MODELS }, PROVIDERS)
  const principal = { id: 'narrow', models: ['best', 'hub/*'] }
  t.same(idsOf(rig.get('/v1/models', principal)), ['best', 'hub/meta-llama/llama 3'])
  t.equal(rig.get('/v1/models/best', principal)?.body['id'], 'best')
  t.throws(() => rig.get('/v1/models/fast', principal), { message: 'The model `fast` does not exist or you do not have access to it.' })
  t.same(idsOf(rig.get('/v1/models', { id: 'none', models: [] })), [])
})

test('a single model is found by its id, which may hold slashes and escapes', async t => {
  const rig = await makeRig({ models: MODELS }, PROVIDERS)
  t.same(rig.get('/v1/models/fast')?.body, { id: 'fast', object: 'model', created: 1_900_000_000, owned_by: 'headgate' })
  t.equal(rig.get('/v1/models/hub/meta-llama/llama%203')?.body['owned_by'], 'hub')
  t.equal(rig.get('/v1/models/hub%2Fmeta-llama%2Fllama%203')?.body['id'], 'hub/meta-llama/llama 3')
  t.equal(rig.get('/v1/models/gpt-4.1')?.body['owned_by'], 'openai', 'by the bare name under which it is served')
  for (const id of ['gone', 'lost', 'gpt-5', 'fast/', 'azure/x', '__proto__'])
    t.throws(() => rig.get(`/v1/models/${id}`), { status: 404, code: 'model_not_found' }, id)
  t.throws(() => rig.get('/v1/models/%ff'), { code: 'model_not_found' }, 'a broken escape is a model that is not there')
})

test('other methods and operations are left alone', async t => {
  const rig = await makeRig({ models: MODELS }, PROVIDERS)
  t.equal(rig.get('/v1/models/fast', { id: 'x' }, 'DELETE'), undefined)
  t.equal(rig.get('/v1/models', { id: 'x' }, 'HEAD')?.status, 200)
})
