// What stages before the answer may not do.
import { definePlugin, stateKey, type AttemptCtx, type AuthenticateCtx, type GuardCtx, type ReceiveCtx, type RequestCtx, type RetryCtx, type RouteCtx } from '@headgate/api'

const configSchema = { type: 'object', additionalProperties: false, properties: {} } as const
const count = stateKey<number>('types/count')

export const receive = (ctx: ReceiveCtx): void => {
  ctx.set(count, 1)
  // @ts-expect-error another type than the key's
  ctx.set(count, 'one')
  // @ts-expect-error the body is not read yet
  ctx.request.toString()
  // @ts-expect-error nobody is authenticated yet
  ctx.principal.id.toString()
  // @ts-expect-error headers are read-only
  ctx.headers['x-a'] = 'b'
  // @ts-expect-error only `authenticate` sees the credential
  ctx.credential?.length.toString()
}

export const authenticate = (ctx: AuthenticateCtx): void => {
  ctx.credential?.use(text => text.length)
  // @ts-expect-error a secret has no readable value
  ctx.credential?.value.toString()
  // @ts-expect-error nothing to edit before the body is read
  ctx.edit()
}

export const request = (ctx: RequestCtx): void => {
  ctx.edit().model = 'other'
  for (const span of ctx.texts()) span.text = ''
  // @ts-expect-error the request is changed through edit()
  ctx.request.model = 'other'
  // @ts-expect-error at any depth
  ctx.request.messages![0]!.content = 'other'
  // @ts-expect-error lists too
  ctx.request.messages!.push({ role: 'user' })
  // @ts-expect-error where a text stands is not to be changed
  for (const span of ctx.texts()) span.path = ''
  // @ts-expect-error the answer does not exist yet
  ctx.response.toString()
  // @ts-expect-error targets are chosen later
  ctx.target.toString()
}

export const guard = (ctx: GuardCtx): void => {
  ctx.texts()
  // @ts-expect-error guards run side by side and change nothing
  ctx.edit()
  // @ts-expect-error nor leave anything behind
  ctx.set(count, 1)
  // @ts-expect-error nor tag
  ctx.tag('a', 'b')
  // @ts-expect-error nor answer
  ctx.respond({})
  // @ts-expect-error nor write a text
  for (const span of ctx.texts()) span.text = ''
}

export const route = (ctx: RouteCtx): void => {
  // @ts-expect-error a router plans, it does not edit
  ctx.edit()
  // @ts-expect-error a router does not answer
  ctx.respond({})
}

export const attempt = (ctx: AttemptCtx): void => {
  ctx.patch({ temperature: 0 })
  // @ts-expect-error an attempt patches, it does not edit
  ctx.edit()
  // @ts-expect-error the target is fixed
  ctx.target.model = 'other'
  // @ts-expect-error an attempt leaves no state
  ctx.set(count, 1)
}

export const retry = (ctx: RetryCtx): void => {
  // @ts-expect-error the error is read-only
  ctx.error.kind = 'quota'
  // @ts-expect-error so are the attempts
  ctx.attempts.pop()
  // @ts-expect-error nothing is edited between attempts
  ctx.edit()
}

definePlugin({
  name: 'returns',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a guard returns nothing
  setup: () => ({ guard: () => true })
})

definePlugin({
  name: 'answers',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error only what ctx.respond made is an answer
  setup: () => ({ request: () => ({ status: 200, body: {} }) })
})

definePlugin({
  name: 'principal',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a principal has an id
  setup: () => ({ authenticate: () => ({ owner: 'me' }) })
})

definePlugin({
  name: 'plan',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a plan is a list of targets
  setup: () => ({ route: () => ['openai/gpt-4.1'] })
})

definePlugin({
  name: 'decision',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error the decisions are retry, next and fail
  setup: () => ({ retry: () => ({ action: 'again' as const }) })
})
