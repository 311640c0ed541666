import type { ErrorKind, ErrorReading } from '@headgate/api'
import { readErrorBody, type ErrorFacts } from './error-body.ts'

const MAX_MESSAGE = 2000

const CONTEXT =
  /maximum context length|context[_ ](length|window|size)|prompt is too long|input is too long|too many (input )?tokens|exceeds? the maximum number of (input )?tokens/i
const QUOTA = /exceeded your current quota|insufficient[_ ](quota|balance|credits?|funds)|billing|payment required|out of credits/i
const BAD_KEY = /(incorrect|invalid) api[ -]?key/i
const NO_MODEL = /model.{0,200}(does not exist|not found|not available|decommissioned)|no such model|unknown model/i
const OVERLOADED = /server_is_overloaded|slow_down|engine_overloaded|overloaded/i
const FILTERED = /content[_ ](filter|policy)|content_policy_violation|ResponsibleAIPolicyViolation/i

/** Anything like a key of this or another service, also one that the upstream has half masked. */
const KEY_LIKE = /\b(sk|gsk|xai|pplx|csk|fw|tgp|hg)[-_][\w*.-]{5,}[\w*]/g

/** What an error answer says and, where its text tells more than its status, what kind of error it is. */
export function readError(status: number, body: unknown): ErrorReading | undefined {
  const facts = readErrorBody(body)
  if (facts === undefined) return undefined
  const kind = kindOf(status, facts)
  return {
    ...(kind !== undefined && { kind }),
    ...(facts.code !== undefined && { code: clean(facts.code) }),
    ...(facts.type !== undefined && { type: clean(facts.type) }),
    ...(facts.param !== undefined && { param: facts.param === null ? null : clean(facts.param) }),
    ...(facts.message !== undefined && { message: clean(facts.message) })
  }
}

function kindOf(status: number, facts: ErrorFacts): ErrorKind | undefined {
  // Cut before they are searched: a server may send megabytes.
  const code = (facts.code ?? '').slice(0, MAX_MESSAGE)
  const names = `${code} ${(facts.type ?? '').slice(0, MAX_MESSAGE)}`
  const message = (facts.message ?? '').slice(0, MAX_MESSAGE)
  if (status === 402) return 'quota'
  if (status === 429 || status === 403) return QUOTA.test(names) || QUOTA.test(message) ? 'quota' : undefined
  if (status === 503 || status === 529) return 'overloaded'
  if (status === 500 && OVERLOADED.test(names)) return 'overloaded'
  if (status < 400 || status >= 500) return undefined
  if (BAD_KEY.test(message) || code === 'invalid_api_key') return 'authentication'
  if (code === 'model_not_found' || code === 'DeploymentNotFound') return 'not_found'
  if (CONTEXT.test(names) || (CONTEXT.test(message) && status !== 404)) return 'context_length'
  if (FILTERED.test(names)) return 'content_filter'
  return (status === 400 || status === 422) && NO_MODEL.test(message) ? 'not_found' : undefined
}

function clean(text: string): string {
  return text.slice(0, MAX_MESSAGE).replace(KEY_LIKE, '$1-***')
}
