import { definePlugin, OPERATIONS } from '@headgate/api'
import { Budget } from './budget.ts'
import { configSchema, validate } from './config.ts'
import { decide } from './decision.ts'

/** Decides when a failed attempt is repeated, moved to the next target or given up. */
export default definePlugin({
  name: 'retry',
  apiVersion: 1,
  stability: 'beta',
  operations: OPERATIONS,
  configSchema,
  validate,
  setup({ config, now }) {
    const budget = new Budget(config.budget)
    return {
      attempt(ctx) {
        budget.attempted(ctx.target.provider, now())
      },
      retry(ctx) {
        return decide(ctx, config, budget, now())
      }
    }
  }
})
