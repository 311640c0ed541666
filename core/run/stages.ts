import type { ErrorReplacement, Principal, Respond, RetryDecision, Target } from '@headgate/api'
import { sealJson } from '../wire/copy.ts'
import type { Answer } from './answer.ts'
import type { Stage } from './chain.ts'
import {
  AttemptContext,
  AuthenticateContext,
  Ctx,
  ErrorContext,
  GuardContext,
  RequestContext,
  ResponseContext,
  RetryContext,
  RouteContext,
  type AttemptDraft,
  type RetryQuestion
} from './context.ts'
import type { Exchange } from './exchange.ts'
import type { Fault } from './fault.ts'

/** A hook that has nothing to return. Strict, because a value that is dropped is a mistake of its author. */
function nothing(value: unknown): undefined {
  if (value !== undefined) throw new TypeError(`the hook returned ${typeof value}, but returns nothing`)
  return undefined
}

/** What decides or changes refuses the request when it fails. */
export const DENY = { onError: 'deny' } as const

/** `receive`. */
export const RECEIVE: Stage<Ctx, undefined> = { onError: 'deny', make: (ex, info) => new Ctx(ex, info), take: nothing }

/** `authenticate`: the first principal ends the chain. */
export const AUTHENTICATE: Stage<AuthenticateContext, Principal> = {
  onError: 'deny',
  make: (ex, info) => new AuthenticateContext(ex, info),
  take(value) {
    if (value === undefined) return undefined
    const principal = value as Principal
    if (typeof value !== 'object' || value === null || typeof principal.id !== 'string' || principal.id === '')
      throw new TypeError('the hook returned no principal with an id')
    return Object.freeze({ ...principal })
  }
}

/** `request`: an answer ends the chain and marks the step that gave it. */
export const REQUEST: Stage<RequestContext, Respond> = {
  onError: 'deny',
  make: (ex, info) => new RequestContext(ex, info),
  take(value, ex, info) {
    if (value === undefined) return undefined
    const respond = value as Respond
    if (
      typeof value !== 'object' ||
      value === null ||
      respond.kind !== 'respond' ||
      typeof respond.body !== 'object' ||
      respond.body === null
    )
      throw new TypeError('the hook returned something that is no ctx.respond(…)')
    if (!Number.isInteger(respond.status) || respond.status < 200 || respond.status > 299)
      throw new TypeError('ctx.respond takes a 2xx status; throw reject(…) to deny')
    sealJson(respond.body)
    ex.answeredBy = info.index
    return respond
  },
  undo(ex) {
    const body = ex.body
    const before = body?.snapshot()
    return () => {
      if (body !== null && before !== undefined) body.restore(before)
    }
  }
}

/** `guard`. */
export const GUARD: Stage<GuardContext, undefined> = { onError: 'deny', make: (ex, info) => new GuardContext(ex, info), take: nothing }

/** `route`: each step works on the plan that the one before left. */
export const ROUTE: Stage<RouteContext, undefined> = {
  onError: 'deny',
  make: (ex, info) => new RouteContext(ex, info),
  argument: ex => ex.plan,
  take(value, ex) {
    if (value === undefined) return undefined
    if (!Array.isArray(value) || !value.every(isTarget)) throw new TypeError('the hook returned no list of targets')
    ex.plan = Object.freeze(value.map(target => Object.freeze({ provider: target.provider, model: target.model })))
    return undefined
  },
  undo(ex) {
    const before = ex.plan
    return () => {
      ex.plan = before
    }
  }
}

function isTarget(value: unknown): value is Target {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Target).provider === 'string' &&
    typeof (value as Target).model === 'string'
  )
}

/** `attempt`, for one try at one target. */
export function attemptStage(target: Target, number: number, draft: AttemptDraft): Stage<AttemptContext, undefined> {
  return {
    onError: 'deny',
    make: (ex, info) => new AttemptContext(ex, info, target, number, draft),
    take: nothing,
    undo() {
      const before = { headers: { ...draft.headers }, patch: { ...draft.patch } }
      return () => {
        Object.assign(draft, before)
      }
    }
  }
}

/** `retry`, about one failed attempt. A step that fails is passed over: the default decision remains. */
export function retryStage(question: RetryQuestion): Stage<RetryContext, RetryDecision> {
  return {
    onError: 'allow',
    make: (ex, info) => new RetryContext(ex, info, question),
    take(value) {
      if (value === undefined) return undefined
      const decision = value as RetryDecision
      if (typeof value !== 'object' || value === null || !ACTIONS.has(decision.action))
        throw new TypeError('the hook returned no retry decision')
      return decision
    }
  }
}

const ACTIONS: ReadonlySet<string> = new Set(['retry', 'next', 'fail'])

/** `response`, for one whole answer. */
export function responseStage(answer: Answer): Stage<ResponseContext, undefined> {
  return {
    onError: 'deny',
    make: (ex, info) => new ResponseContext(ex, info, answer),
    take: nothing,
    undo() {
      const before = answer.body.snapshot()
      return () => answer.body.restore(before)
    }
  }
}

/** `error`, about one fault. */
export function errorStage(fault: Fault): Stage<ErrorContext, ErrorReplacement> {
  return {
    onError: 'allow',
    detached: true,
    make: (ex: Exchange, info) => new ErrorContext(ex, info, fault),
    take(value) {
      if (value === undefined) return undefined
      const { status } = value as ErrorReplacement
      if (typeof value !== 'object' || value === null) throw new TypeError('the hook returned no error')
      if (status !== undefined && (!Number.isInteger(status) || status < 400 || status > 599))
        throw new TypeError('an error needs a status from 400 to 599')
      return value as ErrorReplacement
    }
  }
}
