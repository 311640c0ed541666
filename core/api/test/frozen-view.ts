/** Members of contexts and of the exchange that a hook may only look at. */
const READ_ONLY: ReadonlySet<PropertyKey> = new Set([
  'request',
  'response',
  'principal',
  'headers',
  'client',
  'target',
  'error',
  'attempts',
  'remaining',
  'providers',
  'channel'
])

/** A copy of a JSON-like value that is frozen at every level, so that an illegal write throws where it is made. */
export function frozenCopy<T>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value
  const copy: { [name: string]: unknown } = {}
  for (const [name, item] of Object.entries(value)) copy[name] = frozenCopy(item)
  return Object.freeze(copy) as T
}

/** The same context, with everything read-only in it frozen at every level. */
export function frozenView<C extends object>(ctx: C): C {
  return new Proxy(ctx, {
    get(real, name) {
      const value = Reflect.get(real, name, real) as unknown
      if (typeof value === 'function') return value.bind(real) as unknown
      return READ_ONLY.has(name) ? frozenCopy(value) : value
    },
    set(_real, name) {
      throw new TypeError(`ctx.${String(name)} is not to be assigned`)
    }
  })
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
