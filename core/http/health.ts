import type { FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import type { Gateway } from '../load/gateway.ts'

/** What the health endpoints need. */
export interface HealthOptions {
  readonly gateway: Gateway
  /** True adds how much is under way, which only an operator should see. */
  readonly detailed?: boolean
}

/**
 * `/health` says that the process lives; `/ready` that it wants traffic: not before every instance
 * has started, and no longer once it drains. Shared by both listeners, so it does not encapsulate.
 */
export const health: FastifyPluginCallback<HealthOptions> = fp<HealthOptions>(
  (app, { gateway, detailed }, done) => {
    app.get('/health', (_request, reply) => {
      reply.send({ status: 'ok' })
    })
    app.get('/ready', (_request, reply) => {
      const status = gateway.ready ? 'ready' : 'not_ready'
      reply
        .code(gateway.ready ? 200 : 503)
        .send(detailed === true ? { status, draining: gateway.draining, active: gateway.active } : { status })
    })
    done()
  },
  { name: 'headgate-health', fastify: '5.x' }
)
