import { reject, type Reject } from '@headgate/api'

/** The answer for a model that is not there, and for one that the caller may not use: one text. */
export function notFound(model: string): Reject {
  return reject(404, 'model_not_found', `The model \`${model.slice(0, 128)}\` does not exist or you do not have access to it.`, {
    param: 'model',
    type: 'invalid_request_error'
  })
}
