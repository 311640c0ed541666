import { reject, type RequestCtx } from '@headgate/api'
import { matchesPattern } from './model-pattern.ts'

/**
 * Denies a model that the caller may not use, with the words for a model that does not exist, so
 * that keys cannot be used to list the models of others. Operations that name no model are denied
 * too to a restricted caller, except the list of models, which the router filters.
 *
 * @throws {Reject} 404 `model_not_found`
 */
export function enforceModels(ctx: RequestCtx): void {
  const { models } = ctx.principal
  if (models === undefined || ctx.operation === 'models') return
  const { model } = ctx
  for (const pattern of models) if (matchesPattern(pattern, model)) return
  throw reject(404, 'model_not_found', `The model \`${model.slice(0, 128)}\` does not exist or you do not have access to it.`, {
    param: 'model',
    type: 'invalid_request_error'
  })
}
