import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { Ajv2020 } from 'ajv/dist/2020.js'
import plugin from '../index.ts'
import { exchange, makeRig } from './context.ts'

const schema = JSON.parse(readFileSync(new URL('../schema.json', import.meta.url), 'utf8')) as object
const fits = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(schema)

const KEY = `hg_${'k'.repeat(49)}`

test('each request is one line in the form of schema.json', async t => {
  const rig = await makeRig(t)
  await rig.instance.log?.(exchange())
  await rig.instance.log?.(
    exchange({
      operation: null,
      route: null,
      api_key_id: null,
      api_key_hash: null,
      trace_id: 'ab'.repeat(16),
      response: { status_code: 401, body: null, body_bytes: 0, stream_end: null },
      timing: { total_latency_ms: 1, provider_latency_ms: null, first_token_ms: null, overhead_ms: 1 },
      usage: {
        prompt_tokens: null,
        completion_tokens: null,
        total_tokens: null,
        cached_tokens: null,
        cache_write_tokens: null,
        reasoning_tokens: null,
        source: 'none'
      },
      provider: { name: null, model_requested: null, model_resolved: null, attempts: [] },
      outcome: 'rejected',
      error: { source: 'policy', code: 'invalid_api_key', plugin: 'keys', detail: 'inner cause' },
      metadata: {}
    })
  )
  const lines = await rig.lines()
  t.equal(lines.length, 2)
  for (const line of lines) t.ok(fits(JSON.parse(line)), JSON.stringify(fits.errors))
  t.same(Object.keys(JSON.parse(lines[0]!)), [
    'log_id',
    'timestamp_utc',
    'direction',
    'trace_id',
    'request_id',
    'api_key_id',
    'api_key_hash',
    'endpoint',
    'operation',
    'route',
    'request',
    'response',
    'timing',
    'usage',
    'provider',
    'outcome',
    'error',
    'metadata'
  ])
  t.match(JSON.parse(lines[1]!), { error: { source: 'policy', code: 'invalid_api_key' } })
  t.notMatch(lines[1], /inner cause/, 'causes are for the trace, not for the request log')
})

test('bodies are written only when asked for, and only small ones', async t => {
  const off = await makeRig(t)
  await off.instance.log?.(exchange())
  t.notMatch((await off.lines()).join(), /prompt text|answer text/)
  const on = await makeRig(t, { bodies: true })
  await on.instance.log?.(exchange())
  await on.instance.log?.(exchange({ request: { headers: {}, body: 'x', body_bytes: 65_537, stream: false } }))
  const [small, large] = (await on.lines()).map(line => JSON.parse(line))
  t.match(small, { request: { body: { secret: 'prompt text' } }, response: { body: { text: 'answer text' } } })
  t.equal(large.request.body, null)
  t.ok(fits(small) && fits(large))
})

test('headers are an allow-list, and no credential can be on it', async t => {
  const rig = await makeRig(t, { headers: ['Content-Type', 'authorization', 'x-absent'] })
  await rig.instance.log?.(
    exchange({
      request: {
        headers: { 'content-type': 'application/json', authorization: 'Bearer x', 'user-agent': 'curl' },
        body: null,
        body_bytes: 0,
        stream: false
      }
    })
  )
  t.same(JSON.parse((await rig.lines())[0]!).request.headers, { 'content-type': 'application/json' })
  const problems = plugin.validate!({ headers: ['accept', 'Authorization', 'x-api-key', 'Cookie'] })
  t.same(
    problems.map(problem => problem.path),
    ['/headers/1', '/headers/2', '/headers/3']
  )
})

test('a key that a client put in a wrong place is masked', async t => {
  const rig = await makeRig(t, { bodies: true })
  await rig.instance.log?.(
    exchange({
      endpoint: `/v1/${KEY}`,
      metadata: { note: `my key is ${KEY}.` },
      request: { headers: { 'user-agent': KEY }, body: { key: KEY }, body_bytes: 10, stream: false }
    })
  )
  const pretty = await makeRig(t, { pretty: true })
  await pretty.instance.log?.(exchange({ operation: null, endpoint: `/v1/${KEY}`, request_id: KEY }))
  for (const line of [...(await rig.lines()), ...(await pretty.lines())]) {
    t.notMatch(line, KEY)
    t.match(line, /hg_\*\*\*/)
  }
})

test('the line for people is one line, without anything that moves a cursor', async t => {
  const rig = await makeRig(t, { pretty: true })
  await rig.instance.log?.(exchange())
  await rig.instance.log?.(
    exchange({
      provider: { name: 'openai', model_requested: 'a\u001b[2J\nfake\u2028\u202e', model_resolved: null, attempts: [] },
      outcome: 'failed',
      error: { source: 'upstream', code: 'upstream_error' },
      usage: { ...exchange().usage, source: 'none' }
    })
  )
  const lines = await rig.lines()
  t.equal(lines.length, 2)
  t.equal(lines[0], '00:00:00.000  200  chat  fast → openai/gpt  121ms  first 40ms  3+5 tokens  key ci  req-1')
  t.match(lines[1], /failed {2}upstream\/upstream_error/)
  t.notMatch(lines[1], /[\u0000-\u001f\u2028\u202e]/)
})

test('a file is never pretty by itself', async t => {
  const rig = await makeRig(t, { pretty: 'auto' })
  await rig.instance.log?.(exchange())
  t.ok(fits(JSON.parse((await rig.lines())[0]!)))
})
