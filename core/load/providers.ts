import { isIP } from 'node:net'
import type { Diagnostics } from '../config/diagnostics.ts'
import type { GatewayConfig } from '../config/types.ts'
import type { ProviderRuntime } from '../run/pipeline.ts'
import { scopeOf } from '../upstream/guard.ts'
import type { Dispatcher, Upstream } from '../upstream/types.ts'
import { limitsOf } from './compile.ts'
import type { Entry, ProviderEntry } from './instance.ts'

const CONNECTIONS = 256
const KEEP_ALIVE_MS = 30_000
const CONNECT_MS = 5_000
const MAX_RESPONSE = 64 * 1024 * 1024

/** Opens a socket pool for each provider that needs one. Addresses that may not be connected to are in the report. */
export function openProviders(
  config: GatewayConfig,
  entries: readonly Entry[],
  dispatcher: Dispatcher,
  report: Diagnostics
): { providers: Map<string, ProviderRuntime>; close: () => Promise<void> } {
  const providers = new Map<string, ProviderRuntime>()
  const upstreams: Upstream[] = []
  for (const entry of entries) {
    if (entry.kind !== 'provider') continue
    const opened = openProvider(config, entry, dispatcher, report)
    if (opened === undefined) continue
    providers.set(entry.name, opened)
    if (opened.upstream !== null) upstreams.push(opened.upstream)
  }
  return {
    providers,
    close: async () => {
      await Promise.all(upstreams.map(upstream => upstream.close()))
    }
  }
}

function openProvider(
  config: GatewayConfig,
  entry: ProviderEntry,
  dispatcher: Dispatcher,
  report: Diagnostics
): ProviderRuntime | undefined {
  const settings = config.providers[entry.name]!
  const { instance, name } = entry
  const limits = limitsOf(settings.timeout)
  const base = { name, instance, limits, maxResponse: settings.max_response ?? MAX_RESPONSE, load: { active: 0, retrying: 0 } }
  if (instance.origin === undefined) return { ...base, upstream: null, prefix: '' }
  let url: URL
  try {
    url = new URL(instance.origin)
  } catch {
    report.add({
      code: 'HG_CONFIG_INVALID',
      path: ['providers', name],
      on: 'key',
      message: `${name}: the base URL of the provider is not a URL`
    })
    return undefined
  }
  const allowPrivate = settings.allow_private ?? isWrittenPrivate(url.hostname)
  try {
    const upstream = dispatcher.open({
      origin: url.origin,
      connections: settings.pool?.connections ?? CONNECTIONS,
      keepAliveMs: settings.pool?.keep_alive ?? KEEP_ALIVE_MS,
      connectTimeoutMs: limits.connect ?? CONNECT_MS,
      allowPrivate
    })
    return { ...base, upstream, prefix: url.pathname.replace(/\/+$/, '') }
  } catch {
    report.add({
      code: 'HG_CONFIG_INVALID',
      path: ['providers', name],
      on: 'key',
      message: `${name}: connections to the address of this provider are not allowed`,
      hint: 'private addresses need allow_private: true; metadata addresses are never reachable'
    })
    return undefined
  }
}

/**
 * An operator who writes a loopback or private address has said that it may be private. A name says
 * nothing about where it leads, so names need `allow_private`, `localhost` apart.
 */
function isWrittenPrivate(hostname: string): boolean {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  return isIP(host) !== 0 && scopeOf(host) === 'private'
}
