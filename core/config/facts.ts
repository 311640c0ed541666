import type { HookName } from '@headgate/api'

/** What a fact of a request can be. */
export type Fact = string | number | boolean | readonly string[] | undefined

/** The facts of one request, by the names that `when` uses. */
export interface Facts {
  /** Undefined for a fact that the request does not have. Header names are in lower case. */
  fact(name: string): Fact
}

/** What a fact is compared with. */
export type FactType = 'text' | 'number' | 'boolean'

/** The single facts with what they are. `header.<name>` and `principal.<field>` are families of texts. */
export const SINGLE_FACTS: { readonly [name: string]: FactType } = Object.freeze({
  route: 'text',
  operation: 'text',
  path: 'text',
  method: 'text',
  model: 'text',
  stream: 'boolean',
  tokens: 'number'
})

/** Fields of the principal that `when` may name, besides `principal.metadata.<key>`. */
export const PRINCIPAL_FIELDS: readonly string[] = Object.freeze(['id', 'owner', 'team', 'project', 'scopes', 'models'])

const EARLY: readonly string[] = Object.freeze(['route', 'operation', 'path', 'method', 'header'])
const ALL: readonly string[] = Object.freeze([...EARLY, 'principal', 'model', 'stream', 'tokens'])

/** The facts that are known when a hook runs; families by their first word. */
export function factsKnownAt(hook: HookName): readonly string[] {
  return hook === 'receive' || hook === 'authenticate' ? EARLY : ALL
}
