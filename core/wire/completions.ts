import type { RequestBody, ResponseBody, TextSpan } from '@headgate/api'
import { checkCount, checkInteger, checkModel, checkNumber, checkPresent, checkStream, checkText, invalidType, isInput } from './check.ts'
import { completionsStream } from './completions-stream.ts'
import { SpanList } from './span.ts'
import type { WireOperation } from './types.ts'
import { readUsage } from './usage.ts'

function validate(body: RequestBody): void {
  checkModel(body)
  checkPresent(body, 'prompt')
  if (!isInput(body.prompt)) throw invalidType('prompt', 'a string, or a list of strings, of tokens or of lists of tokens')
  checkText(body, 'suffix', 'suffix')
  checkStream(body)
  checkCount(body, 'n')
  checkCount(body, 'best_of')
  checkInteger(body, 'max_tokens')
  checkNumber(body, 'temperature')
  checkNumber(body, 'top_p')
}

function requestTexts(body: RequestBody): TextSpan[] {
  const list = new SpanList()
  list.textOrList(body, 'prompt', 'prompt')
  list.text(body, 'suffix', 'prompt', 'suffix')
  return list.spans
}

function responseTexts(body: ResponseBody): TextSpan[] {
  const list = new SpanList()
  const choices: unknown = body.choices
  if (!Array.isArray(choices)) return list.spans
  for (let i = 0; i < choices.length; i++) {
    list.choice = choices[i] as object
    list.text(choices[i], 'text', 'answer', `choices[${i}].text`)
  }
  return list.spans
}

/** `POST /v1/completions`, the old text completion. */
export const completions: WireOperation = Object.freeze<WireOperation>({
  name: 'completions',
  validate,
  requestTexts,
  responseTexts,
  usage: body => readUsage(body.usage),
  stream: completionsStream
})
