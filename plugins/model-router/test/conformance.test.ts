import { test } from 'tap'
import { testPlugin } from '@headgate/api/test'
import plugin from '../index.ts'

test('it keeps the contract', t =>
  testPlugin(t, plugin, {
    config: { models: { fast: 'upstream/real-model', 'gpt-*': 'upstream/*', big: ['upstream/a', 'upstream/b'] } },
    cases: [
      {
        name: 'a name is replaced by that of its target',
        request: { model: 'fast' },
        check({ requests }) {
          if ((JSON.parse(requests[0]!.body.toString()) as { model: string }).model !== 'real-model')
            throw new Error('another model was asked')
        }
      },
      { name: 'a pattern', request: { model: 'gpt-5' } },
      { name: 'a name that nothing serves', request: { model: 'unheard-of' }, expect: { status: 404, code: 'model_not_found' } },
      { name: 'the list of models', path: '/v1/models' },
      { name: 'one model', path: '/v1/models/fast' }
    ]
  }))
