// What stages behind the answer may not do.
import { definePlugin, stateKey, type ErrorCtx, type Exchange, type ResponseCtx, type StreamCtx } from '@headgate/api'

const configSchema = { type: 'object', additionalProperties: false, properties: {} } as const
const count = stateKey<number>('types/count')

export const response = (ctx: ResponseCtx): void => {
  ctx.edit().id = 'other'
  // @ts-expect-error there is an answer already
  ctx.respond({})
  // @ts-expect-error the answer is changed through edit()
  ctx.response.id = 'other'
  // @ts-expect-error the request has been sent
  ctx.request.model = 'other'
  // @ts-expect-error the status is what it is
  ctx.status = 201
}

export const stream = (ctx: StreamCtx): void => {
  // @ts-expect-error text is changed by the transformer
  ctx.texts()
  // @ts-expect-error a stream has no whole answer to edit
  ctx.edit()
  // @ts-expect-error state is written before the answer begins
  ctx.set(count, 1)
  // @ts-expect-error the channel is what it is
  ctx.channel.choice = 1
}

export const error = (ctx: ErrorCtx): void => {
  // @ts-expect-error the error is replaced by what is returned
  ctx.error.status = 500
  // @ts-expect-error the body may not have been read
  ctx.request.toString()
}

export const log = (exchange: Exchange): void => {
  // @ts-expect-error the record is frozen
  exchange.outcome = 'ok'
  // @ts-expect-error at any depth
  exchange.provider.attempts[0]!.status = 200
  // @ts-expect-error and holds no credential
  exchange.credential?.toString()
}

definePlugin({
  name: 'transformer',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a transformer is synchronous
  setup: () => ({ stream: () => ({ text: async (delta: string) => delta }) })
})

definePlugin({
  name: 'later',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error the hook that makes it is too
  setup: () => ({ stream: async () => undefined })
})

definePlugin({
  name: 'replacement',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a status is a number
  setup: () => ({ error: () => ({ status: '500' }) })
})

definePlugin({
  name: 'sink',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error log returns nothing
  setup: () => ({ log: () => 1 })
})
