import type { WireOperation } from './types.ts'

/** `GET /v1/models` and `GET /v1/models/{id}`: no body, no text, no tokens. */
export const models: WireOperation = Object.freeze<WireOperation>({
  name: 'models',
  validate: () => undefined,
  requestTexts: () => [],
  responseTexts: () => [],
  usage: () => null,
  stream: null
})
