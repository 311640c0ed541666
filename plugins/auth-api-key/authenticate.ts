import { reject, type AuthenticateCtx, type May, type Principal, type Reject } from '@headgate/api'
import { KEY_PREFIX } from './key.ts'
import type { Refusal } from './key-ring.ts'
import type { KeyWatch } from './key-watch.ts'
import type { Throttle } from './throttle.ts'

/** The one text for every reason, also the core's for no key at all, so that nobody learns whether a key ever existed. */
const REFUSED = 'No valid API key was given. Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`.'

/** What checking a key needs. */
export interface Parts {
  readonly watch: KeyWatch
  readonly throttle: Throttle
  readonly now: () => number
}

/**
 * Who the credential of a request belongs to; undefined where there is none or it is no key of
 * ours, so that another step may know it.
 *
 * @throws {Reject} 401 for a bad key, 429 for an address that has sent too many of them
 */
export function authenticate(ctx: AuthenticateCtx, parts: Parts): May<Principal | undefined> {
  const { credential } = ctx
  if (credential === undefined || !credential.use(hasPrefix)) return undefined
  const { watch, throttle, now } = parts
  const waitMs = throttle.waitMs(ctx.client.ip, now())
  if (waitMs > 0) throw tooMany(waitMs)
  const found = credential.use(key => watch.find(key, now()))
  if (found !== 'unknown' || !watch.mayLookAgain(now())) return settle(found, ctx, parts)
  return watch.refresh().then(() =>
    settle(
      credential.use(key => watch.find(key, now())),
      ctx,
      parts
    )
  )
}

function hasPrefix(key: string): boolean {
  return key.startsWith(KEY_PREFIX)
}

function settle(found: Principal | Refusal, ctx: AuthenticateCtx, { throttle, now }: Parts): Principal {
  if (typeof found !== 'string') return found
  throttle.failed(ctx.client.ip, now())
  ctx.tag('auth_failure', found)
  throw reject(401, 'invalid_api_key', REFUSED, { type: 'invalid_request_error' })
}

function tooMany(waitMs: number): Reject {
  const seconds = String(Math.ceil(waitMs / 1000))
  return reject(429, 'rate_limit_exceeded', `Too many failed attempts from this address. Try again in ${seconds} s.`, {
    headers: { 'retry-after': seconds }
  })
}
