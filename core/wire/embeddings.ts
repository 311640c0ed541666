import type { RequestBody, TextSpan } from '@headgate/api'
import { checkCount, checkModel, checkPresent, checkText, invalidType, isInput } from './check.ts'
import { SpanList } from './span.ts'
import type { WireOperation } from './types.ts'
import { readUsage } from './usage.ts'

function validate(body: RequestBody): void {
  checkModel(body)
  checkPresent(body, 'input')
  if (!isInput(body.input)) throw invalidType('input', 'a string, or a list of strings, of tokens or of lists of tokens')
  checkText(body, 'encoding_format', 'encoding_format')
  checkCount(body, 'dimensions')
}

function requestTexts(body: RequestBody): TextSpan[] {
  const list = new SpanList()
  list.textOrList(body, 'input', 'input')
  return list.spans
}

/** `POST /v1/embeddings`. Its answers hold no text and are never streamed. */
export const embeddings: WireOperation = Object.freeze<WireOperation>({
  name: 'embeddings',
  validate,
  requestTexts,
  responseTexts: () => [],
  usage: body => readUsage(body.usage),
  stream: null
})
