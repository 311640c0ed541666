import type { ProviderView, RequestCtx, Respond } from '@headgate/api'
import { notFound } from './not-found.ts'
import { allows } from './pattern.ts'
import { planFor, soleOwner, type Resolver } from './plan.ts'

/** Owner of the names that the config defines. */
const OWNER = 'headgate'

/** One entry of `GET /v1/models`. */
interface Model {
  readonly id: string
  readonly object: 'model'
  /** Seconds since 1970. */
  readonly created: number
  readonly owned_by: string
}

/**
 * Answers `GET /v1/models` and `GET /v1/models/{id}` with what this caller may use and what is
 * there to serve it.
 *
 * @throws {Reject} 404 for a model that is not in the list
 */
export function answerModels(ctx: RequestCtx, resolver: Resolver, created: number): Respond | undefined {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return undefined
  const { models } = ctx.principal
  const id = idOf(ctx.path)
  if (id === '')
    return ctx.respond({ object: 'list', data: listModels(ctx.providers, resolver, created).filter(model => allows(models, model.id)) })
  const found =
    listModels(ctx.providers, resolver, created).find(model => model.id === id) ?? bareModel(id, ctx.providers, resolver, created)
  if (found === undefined || !allows(models, id)) throw notFound(id)
  return ctx.respond({ ...found })
}

function listModels(providers: readonly ProviderView[], resolver: Resolver, created: number): Model[] {
  const owners = new Map<string, string>()
  for (const { pattern } of resolver.book.rules) {
    if (pattern.stars === 0 && planFor(pattern.text, resolver, providers).length > 0) owners.set(pattern.text, OWNER)
  }
  if (resolver.direct) {
    for (const provider of providers) {
      for (const model of provider.models) {
        const id = `${provider.name}/${model}`
        if (!owners.has(id) && planFor(id, resolver, providers).length > 0) owners.set(id, provider.name)
      }
    }
  }
  return Array.from(owners, ([id, owner]) => ({ id, object: 'model', created, owned_by: owner }))
}

/** A model asked for by the bare name under which it is served too. */
function bareModel(id: string, providers: readonly ProviderView[], resolver: Resolver, created: number): Model | undefined {
  const owner = resolver.direct ? soleOwner(id, providers) : undefined
  return owner === undefined || planFor(id, resolver, providers).length === 0
    ? undefined
    : { id, object: 'model', created, owned_by: owner }
}

/** What follows `/models/`, decoded; it may hold slashes. Empty for the list. */
function idOf(path: string): string {
  const mark = '/models/'
  const start = path.indexOf(mark)
  if (start < 0) return ''
  const tail = path.slice(start + mark.length)
  try {
    return decodeURIComponent(tail)
  } catch {
    throw notFound(tail)
  }
}
