import type { Facts } from './facts.ts'

/** A compiled condition. */
export type Predicate = (facts: Facts) => boolean

/** The condition that holds for every request, by identity: a step with it needs no test. */
export function always(): boolean {
  return true
}

/** The condition that holds for no request, by identity: a step with it never runs. */
export function never(): boolean {
  return false
}

/** A known outcome as a condition. */
export function constant(value: boolean): Predicate {
  return value ? always : never
}

/** Turns a condition round. */
export function negate(predicate: Predicate): Predicate {
  if (predicate === always) return never
  if (predicate === never) return always
  return facts => !predicate(facts)
}

/** Holds when all do; what is constant is gone. */
export function every(predicates: readonly Predicate[]): Predicate {
  if (predicates.includes(never)) return never
  const open = predicates.filter(predicate => predicate !== always)
  if (open.length === 0) return always
  return open.length === 1 ? (open[0] ?? always) : facts => holdAll(open, facts)
}

/** Holds when at least one does; what is constant is gone. */
export function some(predicates: readonly Predicate[]): Predicate {
  if (predicates.includes(always)) return always
  const open = predicates.filter(predicate => predicate !== never)
  if (open.length === 0) return never
  return open.length === 1 ? (open[0] ?? never) : facts => holdOne(open, facts)
}

function holdAll(predicates: readonly Predicate[], facts: Facts): boolean {
  for (let i = 0; i < predicates.length; i++) {
    if (predicates[i]?.(facts) === false) return false
  }
  return true
}

function holdOne(predicates: readonly Predicate[], facts: Facts): boolean {
  for (let i = 0; i < predicates.length; i++) {
    if (predicates[i]?.(facts) === true) return true
  }
  return false
}
