import { AsyncResource } from 'node:async_hooks'
import { reject, type Exchange, type Instance, type Plugin } from '@headgate/api'
import {
  captureLog,
  createTestGateway,
  cut,
  hang,
  reply,
  stall,
  withFault,
  type TestGateway,
  type TestGatewayOptions
} from '@headgate/api/test'
import { test } from 'tap'
import { Counters } from '../../core/observe/counters.ts'
import { LogQueues } from '../../core/run/log-queues.ts'
import type { StepInfo } from '../../core/run/pipeline.ts'
import { pluginOf, said, streamedText } from '../plugin-of.ts'

type Ask = (gw: TestGateway) => Promise<unknown>
interface Ending {
  readonly options: TestGatewayOptions
  readonly ask: Ask
  readonly record: object
}

const plain: Ask = gw => gw.chat()
const streamed: Ask = gw => gw.chat({ stream: true })

/** A request over a socket that its client gives up once the upstream has it, or once the answer has begun. */
function abandoned(stream: boolean, afterBytes: boolean): Ask {
  return async gw => {
    const stop = new AbortController()
    const pending = fetch(`${gw.url}/v1/chat/completions`, {
      method: 'POST',
      signal: stop.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'x' }] })
    })
    pending.catch(() => undefined)
    await gw.upstream.until(() => gw.upstream.requests.length === 1)
    if (afterBytes) await (await pending).body!.getReader().read()
    stop.abort()
    await gw.upstream.until(() => gw.upstream.requests[0]!.aborted)
    await gw.settled()
  }
}

const shutDown: Ask = async gw => {
  const pending = fetch(`${gw.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}'
  })
  await (await pending).body!.getReader().read()
  await gw.close()
}

const throwing: Instance = {
  request() {
    throw new Error('bug')
  }
}
const denying: Instance = {
  guard() {
    throw reject(403, 'no', 'no')
  }
}

const ENDINGS: { readonly [what: string]: Ending } = {
  'an answer': {
    options: { upstream: said('hi') },
    ask: plain,
    record: { outcome: 'ok', response: { status_code: 200, stream_end: null }, error: null }
  },
  'a stream': { options: { upstream: streamedText(['hi']) }, ask: streamed, record: { outcome: 'ok', response: { stream_end: 'done' } } },
  'an answer of a step': {
    options: { plugins: { p: pluginOf('p', { request: ctx => ctx.respond({ choices: [] }) }) } },
    ask: plain,
    record: { outcome: 'ok', provider: { attempts: [] } }
  },
  'no key': {
    options: { auth: false, plugins: { p: pluginOf('p', { authenticate: () => undefined }) }, upstream: said('hi') },
    ask: plain,
    record: { outcome: 'rejected', response: { status_code: 401 }, error: { source: 'client' } }
  },
  'a malformed body': {
    options: { upstream: said('hi') },
    ask: gw => gw.request('POST', '/v1/chat/completions', '{"model":'),
    record: { outcome: 'rejected', response: { status_code: 400 } }
  },
  'a body of the wrong type': {
    options: { upstream: said('hi') },
    ask: gw => gw.request('POST', '/v1/chat/completions', 'x', { 'content-type': 'text/plain' }),
    record: { outcome: 'rejected', response: { status_code: 415 } }
  },
  'a denial': {
    options: { plugins: { p: pluginOf('p', denying) }, upstream: said('hi') },
    ask: plain,
    record: { outcome: 'rejected', response: { status_code: 403 }, error: { source: 'policy', plugin: 'p' } }
  },
  'a plugin bug': {
    options: { plugins: { p: pluginOf('p', throwing) }, upstream: said('hi') },
    ask: plain,
    record: { outcome: 'failed', response: { status_code: 500 }, error: { source: 'plugin', plugin: 'p' } }
  },
  'a plugin bug in a stream': {
    options: {
      plugins: {
        p: pluginOf('p', {
          stream() {
            throw new Error('bug')
          }
        })
      },
      upstream: streamedText(['hi'])
    },
    ask: streamed,
    record: { outcome: 'failed', response: { stream_end: 'plugin_error' } }
  },
  'a plugin bug in an error hook': {
    options: {
      plugins: {
        p: pluginOf('p', {
          ...denying,
          error() {
            throw new Error('bug')
          }
        })
      },
      upstream: said('hi')
    },
    ask: plain,
    record: { outcome: 'rejected', response: { status_code: 403 } }
  },
  'an upstream that refuses': {
    options: { upstream: reply({ status: 500 }) },
    ask: plain,
    record: { outcome: 'failed', error: { source: 'upstream' } }
  },
  'an upstream that dies in its stream': {
    options: { upstream: withFault(streamedText(['hi', 'more']), cut(320)) },
    ask: streamed,
    record: { outcome: 'failed', response: { stream_end: /upstream_error|truncated/ } }
  },
  'a deadline': {
    options: { upstream: hang(), route: { timeout: { total: '20ms' } } },
    ask: plain,
    record: { outcome: 'failed', response: { status_code: 504 } }
  },
  'a client that goes before the answer': {
    options: { upstream: hang(), listen: true },
    ask: abandoned(false, false),
    record: { outcome: 'client_closed', response: { status_code: 499 } }
  },
  'a client that goes in its stream': {
    options: { upstream: withFault(streamedText(['hi', 'more']), stall(320)), listen: true },
    ask: abandoned(true, true),
    record: { outcome: 'client_closed', response: { stream_end: 'client_closed' }, usage: { source: 'estimated' } }
  },
  'a shutdown': {
    options: { upstream: withFault(streamedText(['hi', 'more']), stall(320)), listen: true },
    ask: shutDown,
    record: { outcome: 'failed', response: { stream_end: 'drain_cut' }, error: { code: 'server_draining' } }
  }
}

for (const what in ENDINGS) {
  test(`log runs exactly once after ${what}, before the instance is closed`, async t => {
    const { options, ask, record } = ENDINGS[what]!
    const seen: string[] = []
    const witness = pluginOf('witness', {
      log() {
        seen.push('log')
      },
      close() {
        seen.push('close')
      }
    })
    const gw = await createTestGateway(t, { ...options, plugins: { ...(options.plugins as { [name: string]: Plugin }), witness } })
    await ask(gw)
    await gw.settled()
    t.equal(gw.exchanges.length, 1)
    t.match(gw.exchange, record)
    await gw.close()
    t.same(seen, ['log', 'close'])
    t.equal(gw.exchanges.length, 1)
  })
}

test('a condition on the body of a log step holds for requests that never had one', async t => {
  let rows = 0
  const picky = pluginOf('picky', {
    log() {
      rows++
    }
  })
  const gw = await createTestGateway(t, { plugins: { picky }, steps: { picky: { when: { model: 'test-*' } } }, upstream: said('hi') })
  await gw.request('POST', '/v1/chat/completions', '{"model":"test-model","messages":"\\ud8"}')
  await gw.chat()
  t.equal(gw.exchanges.length, 2)
  t.equal(rows, 1)
})

test('a log step that falls behind is never waited for, and past its bound the newest rows are dropped and counted', async t => {
  let finish: () => void = () => undefined
  let started = 0
  const blocked = new Promise<void>(resolve => {
    finish = resolve
  })
  const { log, lines } = captureLog()
  const counters = new Counters()
  const queues = new LogQueues(log, counters, new Int32Array(2), 2)
  const hook = (): Promise<void> => {
    started++
    return blocked
  }
  const info = { plugin: 'slow', id: 1, hooks: {}, scope: new AsyncResource('test') } as unknown as StepInfo
  for (let i = 0; i < 5; i++) queues.put({ info, hook: 'log', fn: hook }, {} as Exchange)
  t.equal(started, 2)
  t.equal(counters.get('headgate_log_dropped_total', { plugin: 'slow' }), 3)
  t.equal(lines.length, 1, 'one warning')
  finish()
  await queues.settled()
  queues.put({ info, hook: 'log', fn: hook }, {} as Exchange)
  t.equal(started, 3, 'it takes rows again')

  const gw = await createTestGateway(t, {
    plugins: { slow: pluginOf('slow', { log: () => new Promise(resolve => setTimeout(resolve, 20)) }) },
    upstream: said('hi'),
    listen: true
  })
  const since = performance.now()
  const answer = await fetch(`${gw.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"m","messages":[{"role":"user","content":"x"}]}'
  })
  t.equal(answer.status, 200)
  await answer.text()
  await gw.settled()
  t.ok(performance.now() - since >= 20, 'settled waits for the rows under way')
})

test('the record is frozen at every level', async t => {
  const observer = pluginOf('observer', {
    bodies: true,
    log(exchange) {
      const record = exchange as { [part: string]: unknown }
      for (const part of ['request', 'response', 'timing', 'usage', 'provider', 'hooks', 'warnings', 'client', 'metadata'])
        t.ok(Object.isFrozen(record[part]), part)
      t.same(
        [exchange, exchange.request.body, exchange.response.body, exchange.provider.attempts[0], exchange.hooks[0]].map(Object.isFrozen),
        [true, true, true, true, true]
      )
    }
  })
  const gw = await createTestGateway(t, { plugins: { observer }, upstream: said('hi') })
  await gw.chat()
  await gw.chat({ stream: true })
  t.equal(gw.exchanges.length, 2)
})

test('a client that goes away fires ctx.signal', async t => {
  let reason = ''
  const waiter = pluginOf('waiter', {
    request: ctx =>
      new Promise((_resolve, fail) => {
        ctx.signal.addEventListener('abort', () => {
          reason = 'aborted'
          fail(new Error('ended'))
        })
        arrived()
      })
  })
  let arrived: () => void = () => undefined
  const here = new Promise<void>(resolve => {
    arrived = resolve
  })
  const gw = await createTestGateway(t, { plugins: { waiter }, upstream: said('hi'), listen: true })
  const stop = new AbortController()
  const pending = fetch(`${gw.url}/v1/chat/completions`, {
    method: 'POST',
    signal: stop.signal,
    headers: { 'content-type': 'application/json' },
    body: '{"model":"m","messages":[{"role":"user","content":"x"}]}'
  })
  await here
  stop.abort()
  await t.rejects(pending)
  await gw.settled()
  t.equal(reason, 'aborted')
  t.match(gw.exchange, { outcome: 'client_closed', response: { status_code: 499 } })
  t.equal(gw.upstream.requests.length, 0)
})

test('an error hook says it in other words, also when it takes a moment', async t => {
  const softly = pluginOf('softly', {
    async error(ctx) {
      await new Promise(resolve => setTimeout(resolve, 5))
      t.match(ctx.error, { status: 504, source: 'upstream', code: 'upstream_timeout' })
      return { status: 503, code: 'later', message: 'try later' }
    }
  })
  const gw = await createTestGateway(t, { plugins: { softly }, upstream: hang(), route: { timeout: { total: '20ms' } } })
  const answer = await gw.chat()
  t.equal(answer.status, 503)
  t.match(answer.error, { code: 'later', message: 'try later', type: 'server_error' })
  t.match(gw.exchange, { response: { status_code: 503 }, error: { code: 'upstream_timeout' } }, 'the record keeps the cause')
})

test('an error hook that answers nonsense changes nothing', async t => {
  for (const nonsense of [{ status: 200 }, 'text', null, 7]) {
    const odd = pluginOf('odd', { ...denying, error: () => nonsense as never })
    const gw = await createTestGateway(t, { plugins: { odd }, upstream: said('hi') })
    const answer = await gw.chat()
    t.equal(answer.status, 403)
    t.equal(answer.error?.code, 'no')
  }
})

const never = (): Promise<never> => new Promise(() => undefined)
const SLOW: { readonly [hook: string]: { instance: Instance; status: number; upstream?: TestGatewayOptions['upstream'] } } = {
  receive: { instance: { receive: never }, status: 500 },
  authenticate: { instance: { authenticate: never }, status: 500 },
  request: { instance: { request: never }, status: 500 },
  guard: { instance: { guard: never }, status: 500 },
  route: { instance: { route: never }, status: 500 },
  attempt: { instance: { attempt: never }, status: 500 },
  retry: { instance: { retry: never }, status: 502, upstream: reply({ status: 500 }) },
  response: { instance: { response: never, stream: () => undefined }, status: 500 },
  error: { instance: { ...denying, error: never }, status: 403 }
}

for (const hook in SLOW) {
  test(`timeout ends ${hook} and its default policy holds`, async t => {
    const { instance, status, upstream = said('hi') } = SLOW[hook]!
    const gw = await createTestGateway(t, {
      auth: hook !== 'authenticate',
      plugins: { slow: pluginOf('slow', instance) },
      steps: { slow: { timeout: '5ms' } },
      upstream
    })
    t.equal((await gw.chat()).status, status)
    t.ok(gw.exchange.hooks.some(record => record.plugin === 'slow' && record.hook === hook && record.outcome === 'timeout'))
    t.equal(gw.count('headgate_plugin_errors_total', { plugin: 'slow', hook, kind: 'timeout' }), 1)
  })
}
