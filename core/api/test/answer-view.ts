import type { TestAnswer } from './answer.ts'

type Fields = { readonly [name: string]: unknown }

/** What a client makes of an answer, whole or streamed. */
export interface AnswerView {
  readonly choices: readonly ChoiceView[]
  /** Everything in the body that is no choice, for embeddings and models. */
  readonly data: readonly unknown[]
}

/** One choice, its deltas joined. */
export interface ChoiceView {
  readonly index: number
  text: string
  reasoning: string
  refusal: string
  finish: string | null
  readonly calls: { id: string | null; name: string | null; arguments: string }[]
}

/** Reads an answer as a client does: from its public shape alone. */
export function viewOf(answer: TestAnswer): AnswerView {
  const choices = new Map<number, ChoiceView>()
  for (const part of answer.chunks.length > 0 ? answer.chunks : [answer.json]) {
    for (const choice of list(part.choices)) take(choices, choice)
  }
  return { choices: [...choices.values()].sort((a, b) => a.index - b.index), data: list(answer.json['data']) }
}

function take(choices: Map<number, ChoiceView>, choice: Fields): void {
  const index = typeof choice['index'] === 'number' ? choice['index'] : 0
  const view: ChoiceView = choices.get(index) ?? { index, text: '', reasoning: '', refusal: '', finish: null, calls: [] }
  choices.set(index, view)
  const message = fields(choice['delta'] ?? choice['message'])
  const content = message['content'] ?? choice['text']
  view.text += textOf(content, 'text')
  view.reasoning +=
    plain(message['reasoning_content'] ?? message['reasoning']) + textOf(Array.isArray(content) ? content : null, 'thinking')
  view.refusal += plain(message['refusal'])
  if (typeof choice['finish_reason'] === 'string') view.finish = choice['finish_reason']
  for (const call of list(message['tool_calls'])) takeCall(view, call)
}

function takeCall(view: ChoiceView, call: Fields): void {
  const at = typeof call['index'] === 'number' ? call['index'] : view.calls.length
  view.calls[at] ??= { id: null, name: null, arguments: '' }
  const known = view.calls[at]!
  const called = fields(call['function'])
  if (typeof call['id'] === 'string') known.id ??= call['id']
  if (typeof called['name'] === 'string') known.name ??= called['name']
  known.arguments += plain(called['arguments'])
}

/** A text, or the texts of a list of parts; parts of the kind `thinking` hold a list of their own. */
function textOf(content: unknown, kind: 'text' | 'thinking'): string {
  if (typeof content === 'string') return kind === 'text' ? content : ''
  let text = ''
  for (const part of list(content)) {
    if (part['type'] !== kind) continue
    text +=
      kind === 'text' ? plain(part['text']) : typeof part['thinking'] === 'string' ? part['thinking'] : textOf(part['thinking'], 'text')
  }
  return text
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : []
}
