import type { lookup as dnsLookup, LookupAddress, LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { failure } from './failure.ts'
import { isAllowed } from './guard.ts'

/** Resolves a name to addresses; `dns.lookup` or something that behaves like it. */
export type Lookup = typeof dnsLookup

/**
 * A lookup for `net.connect` that hands over only addresses that may be connected to. Fails with
 * `egress_denied` where the name has none. `resolved` is called when the name has been resolved.
 */
export function guardedLookup(lookup: Lookup, allowPrivate: boolean, resolved: () => void): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true } as LookupOptions, (error, answer, family) => {
      if (error !== null && error !== undefined) return callback(error, [])
      const found: LookupAddress[] = typeof answer === 'string' ? [{ address: answer, family: family ?? 0 }] : answer
      const allowed = found.filter(entry => isAllowed(entry.address, allowPrivate))
      if (allowed.length === 0 && found.length > 0) return callback(failure('egress_denied'), [])
      const [first] = allowed
      if (first === undefined) return callback(failure('dns', 'ENOTFOUND'), [])
      resolved()
      if (options.all === true) return callback(null, allowed)
      callback(null, first.address, first.family)
    })
  }
}
