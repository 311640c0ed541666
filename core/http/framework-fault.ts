import type { FastifyError } from 'fastify'
import { Fault } from '../run/fault.ts'

/** What the client is told when Fastify refuses a request before a step has seen its body. */
export function faultOfFramework(error: FastifyError): Fault {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Fault('client', 413, 'request_too_large', 'The request body is larger than this gateway accepts.', {
        headers: { connection: 'close' }
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Fault('client', 415, 'unsupported_media_type', 'Send the body as `Content-Type: application/json`.')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new Fault('client', 400, 'invalid_json', 'The request body is empty.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Fault('client', 400, 'invalid_request', 'The body does not have the announced length.', {
        headers: { connection: 'close' }
      })
    case 'FST_ERR_BAD_URL':
      return new Fault('client', 400, 'invalid_request', 'The path is not valid.')
  }
  const status = typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 500
  if (status < 500) return new Fault('client', status, 'invalid_request', 'The request could not be read.')
  return new Fault('internal', 500, 'internal_error', 'The gateway could not process the request.', {
    detail: `${error.code}: ${error.message}`,
    cause: error
  })
}
