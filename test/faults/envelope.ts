import type { Test } from 'tap'
import type { RawAnswer } from './raw-client.ts'

/** What an error has to say. */
export interface Expected {
  readonly status: number
  readonly code: string
  /** By default `invalid_request_error`. */
  readonly type?: string
  readonly param?: string | null
  /** By default `client`. */
  readonly source?: string
}

const WORDS_OF_OTHERS = /HPE_|ERR_|FST_|SyntaxError|Unexpected|JSON\.parse|node_modules|\.ts\b|\/work|\bat .*:\d+|127\.0\.0\.1:\d/

/** Checks that an answer is OpenAI's error envelope, with its headers and nothing of the inside. */
export function checkEnvelope(t: Test, answer: Pick<RawAnswer, 'status' | 'headers' | 'body'>, expected: Expected, name = ''): void {
  const { status, code, type = 'invalid_request_error', param, source = 'client' } = expected
  t.equal(answer.status, status, `${name} has status ${status}`)
  const envelope = JSON.parse(answer.body) as { error: { [field: string]: unknown } }
  t.strictSame(
    [...Object.keys(envelope), ...Object.keys(envelope.error).sort()],
    ['error', 'code', 'message', 'param', 'type'],
    `${name} has the envelope and nothing else`
  )
  t.match(envelope.error, { code, type, message: /\S/ }, `${name} says ${code}`)
  if (param !== undefined) t.equal(envelope.error['param'], param, `${name} names the field`)
  t.match(
    answer.headers,
    { 'content-type': 'application/json', 'x-request-id': /^[\w.:-]{1,128}$/, 'x-headgate-error-source': source },
    `${name} has its headers`
  )
  t.notMatch(answer.body, WORDS_OF_OTHERS, `${name} tells nothing of the inside`)
}
