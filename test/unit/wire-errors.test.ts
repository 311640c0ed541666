import { test } from 'tap'
import { errorBody, readOpenAIError, streamErrorFrame, typeOf } from '../../core/wire/errors.ts'
import { retryAfterMs } from '../../core/wire/retry-after.ts'

test("an error body is OpenAI's envelope, whole", async t => {
  t.equal(
    errorBody({ status: 400, code: 'invalid_json', message: 'no "JSON"' }),
    '{"error":{"message":"no \\"JSON\\"","type":"invalid_request_error","param":null,"code":"invalid_json"}}'
  )
  t.same(JSON.parse(errorBody({ status: 500, type: 'custom', code: null, message: 'm', param: 'a[0]' })), {
    error: { message: 'm', type: 'custom', param: 'a[0]', code: null }
  })
})

test('types follow from status and code', async t => {
  t.equal(typeOf(401, 'invalid_api_key'), 'invalid_request_error')
  t.equal(typeOf(404, 'model_not_found'), 'invalid_request_error')
  t.equal(typeOf(429, 'rate_limit_exceeded'), 'rate_limit_error')
  t.equal(typeOf(429, 'insufficient_quota'), 'insufficient_quota')
  t.equal(typeOf(500, null), 'server_error')
  t.equal(typeOf(504, 'upstream_timeout'), 'server_error')
})

test('U7 the error frame of a stream is one event, whatever the message holds', async t => {
  const frame = streamErrorFrame({ status: 502, code: 'upstream_error', message: 'a\n\ndata: [DONE]\r\n' })
  t.match(frame, /^data: \{[^\n\r]*\}\n\n$/)
  t.equal(JSON.parse(frame.slice(6)).error.message, 'a\n\ndata: [DONE]\r\n')
})

test('errors are read out of every shape that servers use', async t => {
  const none = { message: null, type: null, code: null, param: null, status: null }
  const cases: [unknown, object][] = [
    [{ error: { message: 'm', type: 't', param: 'p', code: 'c' } }, { ...none, message: 'm', type: 't', param: 'p', code: 'c' }],
    [{ error: { message: 'm', code: 429, metadata: { raw: 'x' } } }, { ...none, message: 'm', status: 429 }],
    [{ error: { message: 'm', code: '404' } }, { ...none, message: 'm', status: 404 }],
    [
      { error: { message: 'm', type: 'invalid_request_error', code: 'tool_use_failed', status_code: 400 } },
      { ...none, message: 'm', type: 'invalid_request_error', code: 'tool_use_failed', status: 400 }
    ],
    [{ error: 'model not found' }, { ...none, message: 'model not found' }],
    [
      { error: { code: 'content_filter', message: 'm', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      { ...none, message: 'm', code: 'content_filter' }
    ],
    [{ error: { message: 'm', innererror: { code: 'inner' } } }, { ...none, message: 'm', code: 'inner' }],
    [{ message: 'm' }, { ...none, message: 'm' }],
    [
      { object: 'error', message: 'm', type: 'BadRequestError', param: null, code: 400 },
      { ...none, message: 'm', type: 'BadRequestError', status: 400 }
    ],
    [{ detail: 'Not Found' }, { ...none, message: 'Not Found' }],
    [{ detail: [{ loc: ['body', 'x'], msg: 'field required', type: 'missing' }] }, { ...none, message: 'field required' }],
    [
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      { ...none, message: 'Overloaded', type: 'overloaded_error' }
    ],
    [
      { error: { code: 404, message: 'm', status: 'NOT_FOUND' } },
      { ...none, message: 'm', type: 'NOT_FOUND', code: 'NOT_FOUND', status: 404 }
    ],
    [
      [{ error: { code: 429, message: 'm', status: 'RESOURCE_EXHAUSTED' } }],
      { ...none, message: 'm', type: 'RESOURCE_EXHAUSTED', code: 'RESOURCE_EXHAUSTED', status: 429 }
    ],
    [{ error: {} }, none]
  ]
  for (const [body, expected] of cases) t.same(readOpenAIError(body), expected, JSON.stringify(body))
  for (const body of [
    null,
    undefined,
    5,
    'text',
    [],
    [1, 2],
    {},
    { choices: [] },
    { error: null },
    { error: '' },
    { message: { role: 'assistant' } },
    { detail: {} }
  ]) {
    t.equal(readOpenAIError(body), null, JSON.stringify(body))
  }
})

const NOW = Date.parse('2026-11-23T10:00:00Z')

test('U15 the time to wait is sane, whatever the upstream says', async t => {
  const wait = (headers: { [name: string]: string }, body: unknown = null): number | null => retryAfterMs(headers, body, NOW)
  t.equal(wait({}), null)
  t.equal(wait({ 'retry-after': '5' }), 5000)
  t.equal(wait({ 'retry-after': ' 1.5 ' }), 1500)
  t.equal(wait({ 'retry-after': '0' }), 0)
  t.equal(wait({ 'retry-after-ms': '1574', 'retry-after': '1' }), 1574)
  t.equal(wait({ 'retry-after-ms': 'soon', 'retry-after': '1' }), 1000)
  t.equal(wait({ 'retry-after': 'Mon, 23 Nov 2026 10:00:30 GMT' }), 30_000)
  t.equal(wait({ 'retry-after': 'Mon, 23 Nov 2026 09:00:00 GMT' }), null)
  for (const huge of ['3600', '3601', '99999999999999999999', '1' + '0'.repeat(400)])
    t.ok([3_600_000, null].includes(wait({ 'retry-after': huge })), huge)
  t.equal(wait({ 'retry-after': '86400' }), 3_600_000)
  t.equal(wait({ 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }), 3_600_000)
  for (const garbage of ['-1', '-5', 'abc', '', '1e9', '0x10', 'NaN', 'Infinity', '2026-11-23', 'Monday', '1,2', '5s'])
    t.equal(wait({ 'retry-after': garbage }), null, garbage)
  const google = (retryDelay: unknown): object => ({
    error: {
      details: [
        null,
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure' },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }
      ]
    }
  })
  t.equal(wait({}, google('34.4s')), 34_400)
  t.equal(wait({}, [google('2s')]), 2000)
  t.equal(wait({ 'retry-after': '1' }, google('34.4s')), 1000)
  for (const garbage of ['-1s', 'x', 5, null]) t.equal(wait({}, google(garbage)), null)
})
