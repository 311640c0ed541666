import { definePlugin, OPERATIONS } from '@headgate/api'
import { configSchema } from './config.ts'
import { answerModels } from './model-list.ts'
import { notFound } from './not-found.ts'
import { planFor, type Resolver } from './plan.ts'
import { RuleBook } from './rule-book.ts'
import { validate } from './validate.ts'

/** Maps model names to targets, and answers what models there are. */
export default definePlugin({
  name: 'model-router',
  apiVersion: 1,
  stability: 'beta',
  operations: OPERATIONS,
  configSchema,
  validate,
  setup({ config, now }) {
    const resolver: Resolver = { book: new RuleBook(config.models), direct: config.direct }
    const created = Math.floor(now() / 1000)
    return {
      request(ctx) {
        return ctx.operation === 'models' ? answerModels(ctx, resolver, created) : undefined
      },
      route(ctx, plan) {
        if (plan.length > 0) return plan
        const { model } = ctx
        const targets = planFor(model, resolver, ctx.providers)
        if (targets.length === 0) throw notFound(model)
        return targets
      }
    }
  }
})
