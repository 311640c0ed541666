/** A typed name for per-request state: written with `ctx.set`, read with `ctx.get`. */
export interface StateKey<T> {
  readonly kind: 'state'
  readonly name: string
  /** Carries the type only; never present at run time. */
  readonly type?: T
}

/** A typed name for something one plugin offers to others, such as a counter store. */
export interface ServiceRef<T> {
  readonly kind: 'service'
  readonly name: string
  /** Carries the type only; never present at run time. */
  readonly type?: T
}

/** An implementation under its service name, as an instance returns it. */
export interface Provided {
  readonly ref: ServiceRef<unknown>
  readonly impl: unknown
}

/** Names a piece of per-request state. Two keys with one name are the same state, in whatever copy of the package they were made. */
export function stateKey<T>(name: string): StateKey<T> {
  return Object.freeze({ kind: 'state', name })
}

/** Names a service. By convention the name is the plain noun (`kv`) or `package/noun`. */
export function service<T>(name: string): ServiceRef<T> {
  return Object.freeze({ kind: 'service', name })
}

/** Offers `impl` as the service `ref`; goes into the `services` list of an instance. */
export function provide<T>(ref: ServiceRef<T>, impl: T): Provided {
  return Object.freeze({ ref, impl })
}
