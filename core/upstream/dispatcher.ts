import { lookup as dnsLookup } from 'node:dns'
import { isIP } from 'node:net'
import { failure } from './failure.ts'
import { isAllowed } from './guard.ts'
import type { Lookup } from './lookup.ts'
import { UpstreamPool } from './pool.ts'
import type { Dispatcher, Upstream, UpstreamOptions } from './types.ts'

export type { Upstream } from './types.ts'

/** What every connection of a dispatcher has in common. */
export interface DispatcherOptions {
  /** Resolves names; by default that of the system. Its answers are checked. */
  readonly lookup?: Lookup
  /** PEM certificates to trust instead of the built-in ones. */
  readonly ca?: string | readonly string[]
}

/** Makes the owner of all outgoing connections. It reads no proxy settings, follows no redirects and knows no Unix sockets. */
export function createDispatcher(options: DispatcherOptions = {}): Dispatcher {
  return new Pools(options.lookup ?? dnsLookup, options.ca ?? null)
}

/** A pool and how many upstreams share it. */
interface Shared {
  readonly pool: UpstreamPool
  readonly key: string
  users: number
}

class Pools implements Dispatcher {
  readonly #lookup: Lookup
  readonly #ca: string | readonly string[] | null
  readonly #shared = new Map<string, Shared>()
  /** Pools with work, also those that nobody can open any more. */
  readonly #live = new Set<UpstreamPool>()
  #closed = false

  constructor(lookup: Lookup, ca: string | readonly string[] | null) {
    this.#lookup = lookup
    this.#ca = ca
  }

  open(options: UpstreamOptions): Upstream {
    if (this.#closed) throw failure('closed')
    checkOrigin(options)
    const { origin, connections, keepAliveMs, connectTimeoutMs, allowPrivate } = options
    const key = JSON.stringify([new URL(origin).origin, connections, keepAliveMs, connectTimeoutMs, allowPrivate])
    let shared = this.#shared.get(key)
    if (shared === undefined) {
      shared = { pool: new UpstreamPool(options, this.#lookup, this.#ca), key, users: 0 }
      this.#shared.set(key, shared)
      this.#live.add(shared.pool)
    }
    shared.users++
    return this.#upstream(shared)
  }

  async close(deadline: AbortSignal): Promise<void> {
    this.#closed = true
    this.#shared.clear()
    const pools = [...this.#live]
    const cut = (): void => {
      for (const pool of pools) void pool.destroy()
    }
    const ends = pools.map(pool => this.#end(pool))
    if (deadline.aborted) cut()
    else deadline.addEventListener('abort', cut, { once: true })
    await Promise.all(ends)
    deadline.removeEventListener('abort', cut)
  }

  #upstream(shared: Shared): Upstream {
    let open = true
    return {
      request: request => (open ? shared.pool.request(request) : Promise.reject(failure('closed'))),
      stats: () => shared.pool.stats(),
      close: async () => {
        if (!open) return
        open = false
        if (--shared.users > 0) return
        if (this.#shared.get(shared.key) === shared) this.#shared.delete(shared.key)
        await this.#end(shared.pool)
      }
    }
  }

  async #end(pool: UpstreamPool): Promise<void> {
    await pool.close()
    this.#live.delete(pool)
  }
}

/** Refuses at once what could never be connected to. */
function checkOrigin({ origin, allowPrivate }: UpstreamOptions): void {
  if (!URL.canParse(origin)) throw failure('egress_denied')
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(origin)
  const web = protocol === 'http:' || protocol === 'https:'
  if (!web || pathname !== '/' || search !== '' || hash !== '' || username !== '' || password !== '') throw failure('egress_denied')
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  if (isIP(host) !== 0 && !isAllowed(host, allowPrivate)) throw failure('egress_denied')
}
