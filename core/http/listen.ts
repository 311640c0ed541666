import { Server as NetServer, type AddressInfo, type Server } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { parseAddress } from '../config/address.ts'

/** An address that cannot be listened on, with what to do about it. */
export class ListenError extends Error {
  readonly code = 'HG_LISTEN'

  constructor(address: string, cause: NodeJS.ErrnoException) {
    super(`cannot listen on ${address}: ${REASONS[cause.code ?? ''] ?? cause.message}`, { cause })
    this.name = 'ListenError'
  }
}

const REASONS: { readonly [code: string]: string } = Object.freeze({
  EADDRINUSE: 'another process listens there; stop it, or choose another port with HEADGATE_LISTEN or server.listen',
  EACCES: 'this user may not use that port; ports below 1024 need rights',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no such address family; is IPv6 off?'
})

/** Opens a listener. Returns its URL. @throws {ListenError} */
export async function listen(app: FastifyInstance, address: string, options: { reusePort?: boolean } = {}): Promise<string> {
  const parsed = parseAddress(address)
  if (parsed === undefined) throw new ListenError(address, Object.assign(new Error('it is no host:port'), { code: '' }))
  await app.ready()
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(new ListenError(address, error))
    app.server.once('error', onError)
    app.server.listen({ host: parsed.host, port: parsed.port, reusePort: options.reusePort === true, backlog: 1024 }, () => {
      app.server.removeListener('error', onError)
      resolve()
    })
  })
  const bound = app.server.address() as AddressInfo
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

/**
 * Stops accepting and nothing else. `http.Server.close` would also close idle kept-alive
 * connections, on which a client may be sending its next request at this moment.
 */
export function stopAccepting(server: Server): void {
  if (server.listening) NetServer.prototype.close.call(server)
}
