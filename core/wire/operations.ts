import type { Operation } from '@headgate/api'
import { chat } from './chat.ts'
import { completions } from './completions.ts'
import { embeddings } from './embeddings.ts'
import { models } from './models.ts'
import type { WireOperation } from './types.ts'

/** A public endpoint: what a method and a path ask for. */
export interface Endpoint {
  readonly method: 'GET' | 'POST'
  /** Path without the query; `{id}` at the end stands for the rest of the path, which may hold slashes. */
  readonly path: string
  readonly operation: WireOperation
}

/** Every endpoint that is served, in the order in which reports print them. */
export const ENDPOINTS: readonly Endpoint[] = Object.freeze([
  { method: 'POST', path: '/v1/chat/completions', operation: chat },
  { method: 'POST', path: '/v1/completions', operation: completions },
  { method: 'POST', path: '/v1/embeddings', operation: embeddings },
  { method: 'GET', path: '/v1/models', operation: models },
  { method: 'GET', path: '/v1/models/{id}', operation: models }
] as const)

const BY_NAME: ReadonlyMap<Operation, WireOperation> = new Map(ENDPOINTS.map(({ operation }) => [operation.name, operation]))

/** The wire module of an operation; undefined where none is served yet. */
export function operationOf(name: Operation): WireOperation | undefined {
  return BY_NAME.get(name)
}

/** True when `path` is one that the endpoint serves, whatever the method. */
function serves(endpoint: Endpoint, path: string): boolean {
  if (!endpoint.path.endsWith('{id}')) return endpoint.path === path
  const prefix = endpoint.path.length - '{id}'.length
  return path.length > prefix && path.startsWith(endpoint.path.slice(0, prefix))
}

/** The endpoint that serves a path without its query, or undefined. The method is the caller's to compare: another one is a 405. */
export function endpointOf(path: string): Endpoint | undefined {
  for (const endpoint of ENDPOINTS) if (serves(endpoint, path)) return endpoint
  return undefined
}
