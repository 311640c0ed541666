import { test } from 'tap'
import { makeRig } from './context.ts'

const TWO = { openai: ['gpt-4.1', 'gpt-4.1-mini'], local: ['qwen3:8b'] }

test('a name means its target, its list in order, or another name', async t => {
  const rig = await makeRig(
    {
      models: {
        fast: 'openai/gpt-4.1-mini',
        big: ['openai/gpt-4.1', 'local/qwen3:32b'],
        same: { strategy: 'ordered', targets: ['local/a', { target: 'openai/b' }] },
        best: { alias: 'big' },
        'gpt-4': { alias: 'openai/gpt-4.1' }
      }
    },
    TWO
  )
  t.same(rig.plan('fast'), ['openai/gpt-4.1-mini'])
  t.same(rig.plan('big'), ['openai/gpt-4.1', 'local/qwen3:32b'])
  t.same(rig.plan('same'), ['local/a', 'openai/b'])
  t.same(rig.plan('best'), rig.plan('big'))
  t.same(rig.plan('gpt-4'), ['openai/gpt-4.1'], 'an alias may name a provider')
})

test('the most specific name wins, whatever the order in the file', async t => {
  const rig = await makeRig(
    {
      models: { '*': 'local/any', 'gpt-*': 'openai/*', 'gpt-4*': 'openai/four-*', 'gpt-4.1': 'local/exact', '*-mini': 'local/mini-*' }
    },
    TWO
  )
  t.same(rig.plan('gpt-4.1'), ['local/exact'])
  t.same(rig.plan('gpt-4o'), ['openai/four-o'])
  t.same(rig.plan('gpt-5'), ['openai/5'])
  t.same(rig.plan('o4-mini'), ['local/mini-o4'])
  t.same(rig.plan('other'), ['local/any'])
})

test('stars carry over what they matched; without one the whole name', async t => {
  const rig = await makeRig(
    {
      models: { 'team/*/v*': 'local/*-*', plain: 'openai/*', 'meta-llama/*': 'local/*' }
    },
    TWO
  )
  t.same(rig.plan('team/red/v2'), ['local/red-2'])
  t.same(rig.plan('plain'), ['openai/plain'])
  t.same(rig.plan('meta-llama/llama-3/70b'), ['local/llama-3/70b'])
  t.same(rig.plan('team/$&/v$1'), ['local/$&-$1'], 'a name is never a replacement pattern')
})

test('names of providers and advertised models are served directly', async t => {
  const rig = await makeRig({}, { ...TWO, router: ['meta-llama/llama-3', 'shared'], other: ['shared'] })
  t.same(rig.plan('openai/o4'), ['openai/o4'])
  t.same(rig.plan('router/meta-llama/llama-3'), ['router/meta-llama/llama-3'])
  t.same(rig.plan('qwen3:8b'), ['local/qwen3:8b'])
  t.same(rig.plan('meta-llama/llama-3'), ['router/meta-llama/llama-3'], 'a bare name may hold a slash')
  t.throws(() => rig.plan('shared'), { code: 'model_not_found' }, 'two providers have it: which one is meant is not known')
  const closed = await makeRig({ direct: false, models: { fast: 'openai/gpt-4.1' } }, TWO)
  for (const model of ['openai/gpt-4.1', 'qwen3:8b']) t.throws(() => closed.plan(model), { code: 'model_not_found' })
  t.same(closed.plan('fast'), ['openai/gpt-4.1'])
})

test('a catch-all rule cannot be evaded by naming a provider', async t => {
  const rig = await makeRig({ models: { '*': 'local/qwen3:8b' } }, TWO)
  t.same(rig.plan('openai/gpt-4.1'), ['local/qwen3:8b'])
})

test('C16 targets whose provider is not configured are dropped, and nothing left is not found', async t => {
  const rig = await makeRig({ models: { big: ['azure/gpt-4.1', 'openai/gpt-4.1'], gone: ['azure/x'], lost: { alias: 'nowhere' } } }, TWO)
  t.same(rig.plan('big'), ['openai/gpt-4.1'])
  for (const model of ['gone', 'lost', 'unknown', 'azure/gpt-4.1', '', '/', 'openai/', 'constructor', '__proto__']) {
    t.throws(
      () => rig.plan(model),
      {
        status: 404,
        code: 'model_not_found',
        type: 'invalid_request_error',
        param: 'model',
        message: `The model \`${model}\` does not exist or you do not have access to it.`
      },
      model
    )
  }
})

test('a plan made by an earlier step stands', async t => {
  const rig = await makeRig({ models: { fast: 'openai/gpt-4.1' } }, TWO)
  t.same(rig.plan('fast', [{ provider: 'local', model: 'x' }]), ['local/x'])
  t.same(rig.plan('unknown', [{ provider: 'local', model: 'x' }]), ['local/x'])
})

test('weights share the requests, the others follow as fallbacks, heaviest first', async t => {
  const targets = [
    { target: 'openai/a', weight: 1 },
    { target: 'local/b', weight: 7 },
    { target: 'openai/c', weight: 2 },
    { target: 'local/spare', weight: 0 }
  ]
  const rig = await makeRig(
    { models: { mix: { strategy: 'weighted', targets }, list: targets, spare: [{ target: 'local/x', weight: 0 }] } },
    TWO
  )
  const first: { [target: string]: number } = {}
  for (let i = 0; i < 20_000; i++) {
    const plan = rig.plan('mix')
    first[plan[0]!] = (first[plan[0]!] ?? 0) + 1
    const rest = plan.slice(1)
    const expected = ['local/b', 'openai/c', 'openai/a', 'local/spare'].filter(target => target !== plan[0])
    if (rest.join() !== expected.join()) t.fail(`rest ${rest.join()}`)
  }
  // 20,000 draws: six standard deviations are less than 0.02 of them.
  t.ok(Math.abs(first['local/b']! / 20_000 - 0.7) < 0.02, `b ${first['local/b']}`)
  t.ok(Math.abs(first['openai/c']! / 20_000 - 0.2) < 0.02, `c ${first['openai/c']}`)
  t.ok(Math.abs(first['openai/a']! / 20_000 - 0.1) < 0.02, `a ${first['openai/a']}`)
  t.equal(first['local/spare'], undefined, 'weight 0 is never drawn')
  t.ok(new Set(Array.from({ length: 200 }, () => rig.plan('list')[0])).size > 1, 'a list with weights is weighted')
  t.same(rig.plan('spare'), ['local/x'])
})

test('weights count among the providers that are there', async t => {
  const rig = await makeRig(
    {
      models: {
        mix: [
          { target: 'azure/a', weight: 99 },
          { target: 'local/b', weight: 1 }
        ]
      }
    },
    TWO
  )
  t.same(rig.plan('mix'), ['local/b'])
})
