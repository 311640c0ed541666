import { createHmac } from 'node:crypto'
import { definePlugin } from '@headgate/api'
import { test, type Test } from 'tap'
import { createTestGateway, reply, type TestGateway } from '@headgate/api/test'
import { checkEnvelope } from './envelope.ts'
import { rawChat, rawClient, rawRequest, type RawAnswer } from './raw-client.ts'

const NOTHING = { type: 'object', additionalProperties: false, properties: {} } as const
const ANSWER = reply({ json: { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] } })
const PEPPER = 'pepper-of-the-test-0123456789-0123456789'
const KEYS = {
  good: 'hg_good_0123456789_0123456789_0123456789',
  narrow: 'hg_narrow_0123456789_0123456789_01234567',
  expired: 'hg_expired_0123456789_0123456789_0123456',
  revoked: 'hg_revoked_0123456789_0123456789_0123456'
}

/** A gateway with keys and models, as a company would run it. */
async function company(t: Test, throttle: object = { failures: 0 }): Promise<TestGateway> {
  const created = '2026-01-01T00:00:00.000Z'
  const extra: { readonly [name: string]: object } = {
    narrow: { models: ['cheap-*'] },
    expired: { expires: '2026-01-02T00:00:00.000Z' },
    revoked: { revoked: '2026-01-02T00:00:00.000Z' }
  }
  const keys = Object.entries(KEYS).map(([name, key]) => ({
    id: name,
    name,
    prefix: key.slice(0, 10),
    digest: createHmac('sha256', PEPPER).update(key).digest('hex'),
    created,
    ...extra[name]
  }))
  const folder = t.testdir({ 'keys.json': JSON.stringify({ version: 1, keys }) })
  return createTestGateway(t, {
    upstream: ANSWER,
    listen: true,
    config: {
      version: 1,
      plugins: {
        keys: { use: 'auth-api-key', config: { file: `${folder}/keys.json`, pepper: PEPPER, throttle } },
        router: { use: 'model-router', config: { models: { 'cheap-a': ['upstream/a'], 'dear-b': ['upstream/b'] } } },
        recorder: { use: 'kit-recorder' }
      },
      providers: { upstream: { use: 'kit-provider', config: { base_url: '${UPSTREAM}/v1' } } },
      routes: [{ name: 'all', match: { path: '/*' }, pipeline: ['keys', 'router', 'recorder'] }]
    }
  })
}

async function ask(t: Test, gw: TestGateway, body: object, headers: readonly string[]): Promise<RawAnswer> {
  const client = await rawClient(t, gw.url)
  const answer = await client.send(rawChat(body, headers)).answer()
  await gw.settled()
  return answer
}

test('C16 an unknown model is a 404, and a forbidden one is the same 404', async t => {
  const gw = await company(t)
  const unknown = await ask(t, gw, { model: 'no-such' }, [`authorization: Bearer ${KEYS.good}`])
  checkEnvelope(t, unknown, { status: 404, code: 'model_not_found', param: 'model', source: 'gateway' })
  t.match(gw.exchange, { outcome: 'rejected', error: { code: 'model_not_found' }, provider: { model_requested: 'no-such', attempts: [] } })
  const forbidden = await ask(t, gw, { model: 'dear-b' }, [`authorization: Bearer ${KEYS.narrow}`])
  checkEnvelope(t, forbidden, { status: 404, code: 'model_not_found', param: 'model', source: 'gateway' })
  t.equal(forbidden.body.replaceAll('dear-b', 'no-such'), unknown.body, 'the same words')
  t.strictSame(Object.keys(forbidden.headers), Object.keys(unknown.headers), 'the same headers')
  t.equal((await ask(t, gw, { model: 'cheap-a' }, [`authorization: Bearer ${KEYS.narrow}`])).status, 200)
  t.equal((await ask(t, gw, { model: 'dear-b' }, [`x-api-key: ${KEYS.good}`])).status, 200)
  t.equal(gw.upstream.requests.length, 2)
})

const BAD: { readonly [name: string]: readonly string[] } = {
  missing: [],
  empty: ['authorization: Bearer '],
  basic: ['authorization: Basic dTpw'],
  'not ours': ['authorization: Bearer sk-abc'],
  malformed: ['authorization: Bearer hg_x'],
  unknown: ['authorization: Bearer hg_unknown_0123456789_0123456789_01234567'],
  'too long': [`x-api-key: hg_${'x'.repeat(5000)}`],
  expired: [`authorization: Bearer ${KEYS.expired}`],
  revoked: [`x-api-key: ${KEYS.revoked}`],
  'two keys in one': [`authorization: Bearer ${KEYS.good} ${KEYS.good}`],
  'an underscore variant': [`x_api_key: ${KEYS.good}`]
}

/** What the plugin of the keys refuses itself; the rest no step knows. */
const KNOWN_FORM = ['malformed', 'unknown', 'too long', 'expired', 'revoked']

test('C17 every bad key is the same 401, recorded without a body', async t => {
  const gw = await company(t)
  const bodies = new Set<string>()
  for (const [name, headers] of Object.entries(BAD)) {
    const answer = await ask(t, gw, { model: 'cheap-a' }, headers)
    checkEnvelope(t, answer, { status: 401, code: 'invalid_api_key', source: KNOWN_FORM.includes(name) ? 'gateway' : 'client' }, name)
    bodies.add(answer.body)
    t.match(
      gw.exchange,
      {
        outcome: 'rejected',
        error: { code: 'invalid_api_key' },
        response: { status_code: 401 },
        request: { body: null },
        api_key_id: null,
        provider: { attempts: [] }
      },
      `${name} is recorded`
    )
    if (name in KEYS || name === 'unknown' || name === 'malformed') t.equal(gw.exchange.metadata['auth_failure'], name)
  }
  t.equal(bodies.size, 1, 'one text for all of them')
  t.equal(gw.upstream.requests.length, 0)
  t.equal((await ask(t, gw, { model: 'cheap-a' }, [`authorization: bearer ${KEYS.good}`])).status, 200)
})

test('C17 an unauthenticated body is not read', async t => {
  const gw = await company(t)
  const client = await rawClient(t, gw.url)
  client.send(rawRequest('POST', '/v1/chat/completions', ['content-type: application/json', 'content-length: 5000000']))
  checkEnvelope(t, await client.answer(), { status: 401, code: 'invalid_api_key' })
})

test('C17 an address with many bad keys is throttled, whatever it says in X-Forwarded-For', async t => {
  const gw = await company(t, { failures: 3, window: '60s' })
  const statuses: number[] = []
  for (let i = 0; i < 5; i++)
    statuses.push((await ask(t, gw, { model: 'cheap-a' }, [...BAD['unknown']!, `x-forwarded-for: 10.0.0.${i}`])).status)
  t.strictSame(statuses, [401, 401, 401, 429, 429])
  const throttled = await ask(t, gw, { model: 'cheap-a' }, [`authorization: Bearer ${KEYS.good}`])
  checkEnvelope(t, throttled, { status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error', source: 'gateway' })
  t.match(throttled.headers['retry-after'], /^[1-9]\d?$/)
})

test('C28 X-Forwarded-For counts only from a trusted proxy', async t => {
  const cases = [
    [false, '203.0.113.9', '127.0.0.1'],
    ['10.0.0.0/8', '203.0.113.9', '127.0.0.1'],
    ['127.0.0.1', '203.0.113.9', '203.0.113.9'],
    [['127.0.0.0/8'], '198.51.100.1, 203.0.113.9', '203.0.113.9'],
    [true, '203.0.113.9', '203.0.113.9'],
    [true, '<script>', '127.0.0.1'],
    [true, 'x'.repeat(5000), '127.0.0.1']
  ] as const
  for (const [trust, forwarded, expected] of cases) {
    const gw = await createTestGateway(t, { upstream: ANSWER, server: { trust_proxy: trust }, listen: true })
    await ask(t, gw, {}, [`x-forwarded-for: ${forwarded}`, 'forwarded: for=9.9.9.9', 'x-real-ip: 9.9.9.9', 'x-client-ip: 9.9.9.9'])
    t.equal(gw.exchange.client.ip, expected, `${String(trust)}: ${forwarded.slice(0, 40)}`)
    await gw.close()
  }
})

test('C28 underscore variants and names in Connection change nothing', async t => {
  const seen: { readonly [name: string]: string | undefined }[] = []
  const look = definePlugin({
    name: 'look',
    apiVersion: 1,
    configSchema: NOTHING,
    setup: () => ({
      receive: ctx => {
        seen.push(ctx.headers)
      }
    })
  })
  const gw = await createTestGateway(t, {
    plugins: { look },
    steps: { look: { when: { not: { 'header.x_team': 'a' } } } },
    upstream: ANSWER,
    listen: true
  })
  const answer = await ask(t, gw, {}, [
    'x-request-id: mine',
    'x_request_id: other',
    'x_api_key: k',
    'x_team: a',
    'x-team: b',
    'connection: keep-alive, x-request-id, content-length, authorization',
    'authorization: Bearer k',
    'keep-alive: timeout=9',
    'te: trailers'
  ])
  t.equal(answer.status, 200)
  t.equal(answer.headers['x-request-id'], 'mine')
  t.equal(seen.length, 1, 'a condition on an underscore variant never holds')
  t.strictSame(
    Object.keys(seen[0]!).filter(name => name.includes('_')),
    []
  )
  t.equal(seen[0]!['x-team'], 'b')
  const forwarded = gw.upstream.requests[0]!.headers
  for (const name of ['x-team', 'x_team', 'x_request_id', 'x_api_key', 'te', 'keep-alive', 'x-forwarded-for'])
    t.notOk(name in forwarded, `${name} is not forwarded`)
  t.equal(forwarded['authorization'], 'Bearer sk-upstream')
})

test('C29 a request id that is not harmless is replaced', async t => {
  const gw = await createTestGateway(t, { upstream: ANSWER, listen: true })
  for (const given of ['mine-1', 'A.b:c_d-9', 'x'.repeat(128)]) {
    t.equal((await ask(t, gw, {}, [`x-request-id: ${given}`])).headers['x-request-id'], given)
    t.equal(gw.exchange.request_id, given)
  }
  const hostile = [
    'x'.repeat(129),
    'x'.repeat(10_000),
    'a b',
    'a"b',
    '\u001b[31m',
    'a;b',
    '<b>',
    '\u00e9',
    '%0d%0aset-cookie:x',
    '${jndi:x}',
    ''
  ]
  for (const given of [
    ...hostile.map(value => [`x-request-id: ${value}`]),
    ['x-request-id: a', 'x-request-id: b'],
    ['x-request-id: a\r\nset-cookie: evil=1']
  ]) {
    const answer = await ask(t, gw, {}, given)
    const id = answer.headers['x-request-id']
    if (answer.status === 400) {
      t.match(given[0], /[\u001b]/, 'only what is no header at all is refused')
      continue
    }
    t.equal(answer.status, 200)
    if (given[0]!.includes('set-cookie:') && !given[0]!.includes('%')) t.equal(id, 'a', 'a line end ends the header')
    else t.match(id, /^req_[0-9a-f]{32}$/, JSON.stringify(given).slice(0, 50))
    t.notOk('set-cookie' in answer.headers)
    t.equal(gw.exchange.request_id, id)
  }
  const bare = await rawClient(t, gw.url)
  t.equal(
    (await bare.send(rawRequest('GET', '/nowhere', ['x-request-id: mine'])).answer()).headers['x-request-id'],
    'mine',
    'errors without an exchange carry it too'
  )
})
