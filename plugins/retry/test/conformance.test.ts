import { test } from 'tap'
import { reply, testPlugin } from '@headgate/api/test'
import plugin from '../index.ts'

test('it keeps the contract', t =>
  testPlugin(t, plugin, {
    config: { base: '1ms', jitter: 'none' },
    cases: [
      { name: 'nothing to repeat' },
      {
        name: 'an upstream that stays down',
        upstream: reply({ status: 503, json: {} }),
        expect: { status: 503, code: 'upstream_overloaded' }
      },
      {
        name: 'a request that is at fault is sent once',
        upstream: reply({ status: 400, json: { error: { message: 'no', type: 'invalid_request_error', param: null, code: 'nope' } } }),
        expect: { status: 400, code: 'nope' },
        check({ requests }) {
          if (requests.length !== 1) throw new Error(`${requests.length} requests`)
        }
      }
    ]
  }))
