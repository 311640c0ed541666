import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import type { ErrorKind } from '@headgate/api'
import { clientError } from '../../core/wire/client-error.ts'
import { classify } from '../../core/wire/upstream-error.ts'

const FIXTURES = new URL('../../../shared/fixtures/', import.meta.url)

function json(path: string): { [field: string]: unknown } {
  return JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8')) as { [field: string]: unknown }
}

const SAID = { error: { message: 'said', type: 'some_type', code: 'some_code', param: 'x' } }

test('U17 U18 every status has its kind, retry class and label', async t => {
  const cases: [number, ErrorKind, string, string, string][] = [
    [400, 'invalid_request', 'C', '4xx', 'some_code'],
    [401, 'authentication', 'C', 'auth', 'upstream_auth'],
    [402, 'quota', 'C', 'quota', 'insufficient_quota'],
    [403, 'permission', 'C', 'auth', 'upstream_auth'],
    [404, 'not_found', 'C', '4xx', 'some_code'],
    [408, 'timeout', 'B', '4xx', 'upstream_timeout'],
    [409, 'invalid_request', 'C', '4xx', 'some_code'],
    [413, 'request_too_large', 'C', '4xx', 'some_code'],
    [422, 'invalid_request', 'C', '4xx', 'some_code'],
    [424, 'server_error', 'B', '4xx', 'upstream_error'],
    [429, 'rate_limit', 'A', '429', 'rate_limit_exceeded'],
    [500, 'server_error', 'B', '5xx', 'upstream_error'],
    [502, 'server_error', 'B', '5xx', 'upstream_error'],
    [503, 'overloaded', 'A', '5xx', 'upstream_overloaded'],
    [504, 'server_error', 'B', '5xx', 'upstream_error'],
    [524, 'server_error', 'B', '5xx', 'upstream_error'],
    [529, 'overloaded', 'A', '529', 'upstream_overloaded'],
    [302, 'bad_response', 'C', 'redirect', 'upstream_bad_response']
  ]
  for (const [status, kind, retryClass, result, code] of cases) {
    t.match(classify(status, {}, SAID), { status, kind, retryClass, result, code }, String(status))
  }
})

test('codes and words of the body say more than the status', async t => {
  const kindOf = (status: number, error: object): ErrorKind => classify(status, {}, { error }).kind
  t.equal(kindOf(429, { code: 'insufficient_quota' }), 'quota')
  t.equal(kindOf(429, { type: 'insufficient_quota' }), 'quota')
  t.equal(kindOf(400, { code: 'model_not_found' }), 'not_found')
  t.equal(kindOf(400, { code: 'content_filter', message: 'filtered' }), 'content_filter')
  t.equal(kindOf(400, { message: 'API key not valid. Please pass a valid API key.' }), 'authentication')
  t.equal(kindOf(503, { code: 'slow_down' }), 'overloaded')
  t.equal(kindOf(500, { type: 'overloaded_error' }), 'overloaded')
  t.equal(kindOf(500, { code: 'model_not_found' }), 'server_error', 'a server error is believed')
  t.equal(kindOf(401, { code: 'model_not_found' }), 'authentication')
})

test('U21 a prompt that is too long is known in every wording, and its code is preserved', async t => {
  for (const error of [
    { code: 'context_length_exceeded', message: 'x' },
    { message: "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens." },
    { message: 'prompt is too long: 210000 tokens > 200000 maximum', type: 'invalid_request_error' },
    { message: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).' },
    { message: 'Input is too long for requested model.' }
  ]) {
    const found = classify(400, {}, { error })
    t.match(found, { kind: 'context_length', code: 'context_length_exceeded', retryClass: 'C', result: 'ctx' }, error.message)
    t.match(clientError(found), { status: 400, type: 'invalid_request_error', code: 'context_length_exceeded', message: error.message })
  }
})

test('U25 an error under a 200 counts as what it says', async t => {
  t.match(classify(200, {}, { error: { message: 'm', code: 429 } }), {
    kind: 'rate_limit',
    retryClass: 'A',
    status: 200,
    result: 'soft_error'
  })
  t.match(classify(200, {}, { error: { message: 'm', type: 'invalid_request_error', code: 'tool_use_failed', status_code: 400 } }), {
    kind: 'invalid_request',
    code: 'tool_use_failed',
    retryClass: 'C'
  })
  t.match(classify(200, {}, { error: { message: 'm', type: 'invalid_request_error' } }), { kind: 'invalid_request' })
  t.match(classify(200, {}, { error: { message: 'm' } }), { kind: 'server_error', retryClass: 'B' })
  t.match(classify(200, {}, { error: 'boom' }), { kind: 'server_error' })
  t.match(clientError(classify(200, {}, { error: { message: 'm', code: 'tool_use_failed', type: 'invalid_request_error' } })), {
    status: 400,
    code: 'tool_use_failed',
    message: 'm'
  })
})

test('what is no JSON is judged by its status', async t => {
  for (const body of ['<html>nginx</html>', null, undefined, 5, []]) {
    const found = classify(503, {}, body)
    t.match(found, { kind: 'overloaded', message: 'the provider answered with status 503' })
    t.notMatch(clientError(found).message, /nginx/)
  }
})

test("a reading of the provider wins, and what it leaves out is the core's", async t => {
  const found = classify(400, { 'retry-after': '1' }, SAID, { kind: 'rate_limit', retryAfterMs: 250 })
  t.match(found, {
    kind: 'rate_limit',
    retryClass: 'A',
    code: 'rate_limit_exceeded',
    retryAfterMs: 250,
    message: 'said',
    param: 'x',
    type: 'some_type'
  })
  t.match(classify(400, {}, {}, { code: 'c', message: 'm', type: 't', param: null }), {
    kind: 'invalid_request',
    code: 'c',
    message: 'm',
    type: 't',
    param: null
  })
})

test('U19 a refused key of the gateway is a 502, and the provider is not quoted', async t => {
  for (const status of [401, 403]) {
    const found = classify(
      status,
      {},
      { error: { message: 'Incorrect API key provided: sk-planted', code: 'invalid_api_key', type: 'x-planted', param: 'planted' } }
    )
    const told = clientError(found)
    t.match(told, { status: 502, type: 'server_error', code: 'upstream_auth', param: null })
    t.notMatch(JSON.stringify(told), /planted/)
    t.notMatch(found.message, /planted/, 'nor do retry hooks and the log see it')
  }
})

test('U14 U15 U16 limits keep their status; a sane wait is told', async t => {
  const limited = clientError(
    classify(429, { 'retry-after': '7.2' }, { error: { message: 'organization org-planted', type: 'tokens', code: 'rate_limit_exceeded' } })
  )
  t.match(limited, { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded', headers: { 'retry-after': '8' } })
  t.notMatch(limited.message, /planted/)
  t.equal(clientError(classify(429, { 'retry-after': '-1' }, {})).headers['retry-after'], undefined)
  t.equal(clientError(classify(429, { 'retry-after': '999999' }, {})).headers['retry-after'], '3600')
  t.equal(clientError(classify(429, { 'retry-after': '0' }, {})).headers['retry-after'], '1')
  const quota = clientError(classify(429, {}, { error: { code: 'insufficient_quota', message: 'm' } }))
  t.match(quota, { status: 429, type: 'insufficient_quota', code: 'insufficient_quota', headers: { 'x-should-retry': 'false' } })
})

test("U20 errors of the request come through in OpenAI's shape with their status", async t => {
  for (const status of [400, 404, 413, 422]) {
    t.match(clientError(classify(status, {}, SAID)), { status, type: 'some_type', code: 'some_code', message: 'said', param: 'x' })
  }
  t.match(clientError(classify(404, {}, { detail: 'Not Found' })), {
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    message: 'Not Found',
    param: null
  })
  t.match(clientError(classify(422, {}, { detail: [{ msg: 'field required' }] })), {
    status: 422,
    code: 'invalid_request',
    message: 'field required'
  })
  t.equal(clientError(classify(400, {}, { error: { message: 'x'.repeat(1e6) } })).message.length, 4096)
})

test('U17 U18 failures of the provider are told without its words', async t => {
  for (const status of [500, 502, 504]) {
    t.match(clientError(classify(status, {}, { error: { message: 'stack at /planted', code: 'planted' } })), {
      status: 502,
      type: 'server_error',
      code: 'upstream_error',
      message: 'the provider failed'
    })
  }
  t.match(clientError(classify(503, { 'retry-after': '2' }, SAID)), {
    status: 503,
    code: 'upstream_overloaded',
    headers: { 'retry-after': '2' }
  })
  t.match(clientError(classify(529, {}, SAID)), { status: 503, type: 'server_error', code: 'upstream_overloaded' })
})

test('U1 U2 U4 U5 U10 failures without an answer have their statuses', async t => {
  const failure = (kind: ErrorKind, code: string): object => {
    const {
      status,
      code: told,
      message
    } = clientError({
      kind,
      code,
      retryClass: 'A',
      status: null,
      message: 'connect ECONNREFUSED 10.0.0.1:443',
      retryAfterMs: null,
      result: 'refused'
    })
    t.notMatch(message, /10\.0\.0\.1|ECONN/)
    return { status, told }
  }
  t.same(failure('connect', 'upstream_unreachable'), { status: 502, told: 'upstream_unreachable' })
  t.same(failure('connect', 'upstream_dns'), { status: 502, told: 'upstream_dns' })
  t.same(failure('connect', 'upstream_tls'), { status: 502, told: 'upstream_tls' })
  t.same(failure('connect', 'upstream_reset'), { status: 502, told: 'upstream_reset' })
  t.same(failure('connect', 'ECONNREFUSED'), { status: 502, told: 'upstream_unreachable' })
  t.same(failure('timeout', 'upstream_timeout'), { status: 504, told: 'upstream_timeout' })
  t.same(failure('bad_response', 'upstream_truncated'), { status: 502, told: 'upstream_truncated' })
  t.same(failure('egress_denied', 'egress_denied'), { status: 502, told: 'egress_denied' })
})

test('a client is told when the gateway has tried enough', async t => {
  t.same(clientError(classify(500, {}, {}), { exhausted: true, attempts: 3 }).headers, {
    'x-should-retry': 'false',
    'x-headgate-attempts': '3'
  })
  t.same(clientError(classify(500, {}, {})).headers, {})
})

if (!existsSync(FIXTURES)) process.stderr.write('SKIPPED: ../shared/fixtures is not there, the recorded errors were not read\n')

test('recorded errors are understood', async t => {
  if (!existsSync(FIXTURES)) return
  let seen = 0
  for (const provider of readdirSync(FIXTURES, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
    for (const name of readdirSync(new URL(`${provider.name}/`, FIXTURES))) {
      const folder = `${provider.name}/${name}/`
      const expect = json(`${folder}expect.json`) as { outcome?: string; error?: { kind: string; retry_after_ms: number | null } }
      if (expect.outcome !== 'error' || expect.error === undefined || provider.name === 'bedrock') continue
      const meta = json(`${folder}meta.json`) as { status: number; response_headers: { [name: string]: string }; response_file: string }
      const found = classify(meta.status, meta.response_headers, json(folder + meta.response_file))
      seen++
      t.equal(found.retryAfterMs, expect.error.retry_after_ms, folder)
      t.equal(found.kind, expect.error.kind, folder)
    }
  }
  t.ok(seen >= 9)
})
