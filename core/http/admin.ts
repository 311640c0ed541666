import Fastify, { type FastifyInstance } from 'fastify'
import type { Gateway } from '../load/gateway.ts'
import { Fault } from '../run/fault.ts'
import { sendBare } from './bare.ts'
import { health } from './health.ts'

/** The operator's listener, apart from the public one: health, readiness, metrics, and what is running. */
export function createAdmin(gateway: Gateway): FastifyInstance {
  const app = Fastify({ logger: false, bodyLimit: 1024 * 1024, return503OnClosing: false })
  app.register(health, { gateway, detailed: true })
  app.get('/metrics', (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(metrics(gateway))
  })
  app.get('/pipelines', (_request, reply) => {
    reply.send({
      generation: gateway.current.generation,
      routes: gateway.config.routes.map(route => ({
        name: route.name,
        match: route.match,
        pipeline: route.pipeline.map(step => (typeof step === 'string' ? step : step.plugin))
      }))
    })
  })
  app.setNotFoundHandler((_request, reply) => {
    reply.hijack()
    sendBare(reply.raw, new Fault('client', 404, 'unknown_url', 'The admin listener has /health, /ready, /metrics and /pipelines.'))
  })
  return app
}

function metrics(gateway: Gateway): string {
  const memory = process.memoryUsage()
  return (
    gateway.runtime.counters.text() +
    `headgate_active_requests ${gateway.active}\nheadgate_config_generation ${gateway.current.generation}\n` +
    `process_resident_memory_bytes ${memory.rss}\nprocess_heap_used_bytes ${memory.heapUsed}\n`
  )
}
