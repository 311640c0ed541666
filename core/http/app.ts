import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { createServer, type RequestListener, type Server } from 'node:http'
import { isIP } from 'node:net'
import type { RequestBody } from '@headgate/api'
import { admit, refuse, serve } from '../run/lifecycle.ts'
import { Exchange } from '../run/exchange.ts'
import { Fault } from '../run/fault.ts'
import { Reply } from '../run/reply.ts'
import { JsonBody } from '../wire/body.ts'
import { scanBody } from '../wire/scan.ts'
import { ENDPOINTS, endpointOf, type Endpoint } from '../wire/operations.ts'
import { credentialOf } from './credential.ts'
import { checkRequestLine } from './request-line.ts'
import { faultOfFramework } from './framework-fault.ts'
import { sendBare } from './bare.ts'
import { connectionOf } from './client-connection.ts'
import { hardenServer, onClientError } from './connection.ts'
import { health } from './health.ts'
import type { Gateway } from '../load/gateway.ts'

const EXCHANGE = Symbol('exchange')
interface Carrier {
  [EXCHANGE]?: Exchange
}

/**
 * The public listener: every operation with the same way in. It holds no state of its own; each
 * request reads the current snapshot of the gateway.
 */
export function createApp(gateway: Gateway): FastifyInstance {
  const { server } = gateway.config
  const app = Fastify({
    logger: false,
    bodyLimit: server.body_limit,
    trustProxy: server.trust_proxy as boolean | string | string[],
    return503OnClosing: false,
    forceCloseConnections: false,
    requestIdHeader: false,
    genReqId: () => '',
    exposeHeadRoutes: false,
    clientErrorHandler: onClientError,
    frameworkErrors: (error, _request, reply) => {
      bare(gateway, reply, faultOfFramework(error as FastifyError))
    },
    serverFactory: handler => listener(gateway, handler)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => {
    onFrameworkError(gateway, error as FastifyError, request, reply)
  })
  app.setNotFoundHandler((request, reply) => {
    notFound(gateway, request, reply)
  })
  app.register(health, { gateway })
  app.head('/', (_request, reply) => {
    reply.send()
  })
  for (const endpoint of ENDPOINTS) addOperation(app, gateway, endpoint)
  return app
}

function listener(gateway: Gateway, handler: RequestListener): Server {
  const { timeout, max_connections: most } = gateway.config.server
  const interval = Math.min(1000, timeout.headers || 1000, timeout.request || 1000)
  // Node answers a missing Host without the envelope; `checkRequestLine` does it with one.
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    requestTimeout: timeout.request,
    headersTimeout: timeout.headers,
    keepAliveTimeout: timeout.keep_alive,
    connectionsCheckingInterval: interval,
    noDelay: true,
    requireHostHeader: false
  })
  return hardenServer(server, most, {
    handler,
    refuse: (ex, fault) => refuseBroken(gateway, ex, fault),
    refused: fault => countRefused(gateway, fault)
  })
}

/** Every answer to what never became an exchange is counted, since no record speaks of it. */
function countRefused(gateway: Gateway, fault: Fault): void {
  gateway.runtime.counters.add('headgate_refused_total', { code: fault.code })
  if (fault.status === 408) gateway.runtime.counters.add('headgate_shed_total', { point: 'slow' })
}

function bare(gateway: Gateway, reply: FastifyReply, fault: Fault): void {
  countRefused(gateway, fault)
  sendBare(reply.raw, fault)
}

function addOperation(app: FastifyInstance, gateway: Gateway, endpoint: Endpoint): void {
  app.route({
    method: endpoint.method,
    url: endpoint.path.replace('{id}', '*'),
    onRequest: async (request, reply) => {
      const ex = open(gateway, endpoint, request, reply)
      if (ex === undefined) return reply
      try {
        await admit(ex)
      } catch (error) {
        reply.hijack()
        await refuse(ex, error)
        gateway.settle(ex)
        return reply
      }
      return undefined
    },
    handler: async (request, reply) => {
      reply.hijack()
      const ex = (request as Carrier)[EXCHANGE]!
      const body = bodyOf(endpoint, request.body)
      if (body instanceof Error) await refuse(ex, body)
      else {
        ex.bodyBytes = request.body instanceof Buffer ? request.body.length : 0
        await serve(ex, body)
      }
      gateway.settle(ex)
    }
  })
}

/** The exchange of a request, or undefined when it was answered already. */
function open(gateway: Gateway, endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): Exchange | undefined {
  const fault = checkRequestLine(request.raw)
  const snapshot = gateway.current
  const path = pathOf(request.raw.url ?? '/')
  const route =
    fault === undefined
      ? snapshot.match({
          method: request.method,
          path,
          host: request.hostname,
          header: name => request.headers[name] as string | undefined
        })
      : undefined
  if (route === undefined) {
    reply.hijack()
    bare(gateway, reply, fault ?? unknownPath(request.method, path))
    return undefined
  }
  const ex = new Exchange({
    runtime: gateway.runtime,
    snapshot,
    route,
    wire: endpoint.operation,
    method: request.method,
    path,
    headers: request.headers,
    ip: addressOf(request),
    reply: new Reply(reply.raw, { stallMs: gateway.runtime.writeStallMs, closing: () => gateway.draining }),
    credential: credentialOf(request.headers)
  })
  ;(request as Carrier)[EXCHANGE] = ex
  gateway.track(ex)
  const connection = connectionOf(request.raw.socket)
  if (connection !== undefined) connection.exchange = ex
  return ex
}

/** The client's address; what a proxy passes on is believed only when it is one. */
function addressOf(request: FastifyRequest): string {
  return isIP(request.ip) === 0 ? (request.raw.socket.remoteAddress ?? '') : request.ip
}

function bodyOf(endpoint: Endpoint, raw: unknown): JsonBody<RequestBody> | null | Error {
  if (endpoint.method === 'GET') return null
  const bytes = raw instanceof Buffer ? raw : Buffer.alloc(0)
  try {
    return new JsonBody<RequestBody>(bytes, scanBody(bytes))
  } catch (error) {
    return error as Error
  }
}

function onFrameworkError(gateway: Gateway, error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const fault = faultOfFramework(error)
  const ex = (request as Carrier)[EXCHANGE]
  reply.hijack()
  if (ex === undefined) return bare(gateway, reply, fault)
  refuseBroken(gateway, ex, fault)
}

/** Ends an exchange whose body cannot be had: too large, malformed, too slow. */
function refuseBroken(gateway: Gateway, ex: Exchange, fault: Fault): void {
  if (ex.fault !== null) return
  if (fault.status === 408) gateway.runtime.counters.add('headgate_shed_total', { point: 'slow' })
  void refuse(ex, fault).then(() => gateway.settle(ex))
}

function notFound(gateway: Gateway, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  const path = pathOf(request.raw.url ?? '/')
  bare(gateway, reply, checkRequestLine(request.raw) ?? unknownPath(request.method, path))
}

function unknownPath(method: string, path: string): Fault {
  const endpoint = endpointOf(path)
  if (endpoint !== undefined && endpoint.method !== method)
    return new Fault('client', 405, 'method_not_allowed', `This path takes ${endpoint.method}.`, { headers: { allow: endpoint.method } })
  const doubled = path.startsWith('/v1/v1/') ? ' The base URL of your client ends in /v1 twice.' : ''
  return new Fault('client', 404, 'unknown_url', `Unknown request URL: ${method} ${printable(path)}.${doubled}`)
}

function printable(path: string): string {
  return path.replace(/[^\x21-\x7e]/g, '?').slice(0, 200)
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
