import { stateKey, type StateKey } from './keys.ts'

/** Who is calling, as an `authenticate` hook found out. Never holds the credential itself. */
export interface Principal {
  /** Stable id of the key or subject; goes into logs and metrics. */
  readonly id: string
  /** SHA-256 of the credential in hex, or undefined where there is none. */
  readonly keyHash?: string
  readonly owner?: string
  readonly team?: string
  readonly project?: string
  readonly scopes?: readonly string[]
  /** Model patterns (`*` is any run of characters) this caller may use; undefined is all. */
  readonly models?: readonly string[]
  readonly metadata?: { readonly [key: string]: string }
}

/** The principal as state: written by the core after `authenticate`, so `reads: [principal]` needs an authenticate step earlier in the list. */
export const principal: StateKey<Principal> = stateKey('principal')
