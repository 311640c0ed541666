import type { ChatMessage, Choice, Chunk, ResponseBody } from '../index.ts'

/** Where a text is cut: offsets in it. */
export type Cut = (text: string) => readonly number[]

/** A whole answer as the events of a stream, every text of it cut in pieces. */
export function piecesOf(body: ResponseBody, cut: Cut): Chunk[] {
  const { choices = [], usage: _usage, ...rest } = body
  const head = { ...rest, object: body.object === 'text_completion' ? 'text_completion' : 'chat.completion.chunk' }
  const chunks: Chunk[] = []
  for (const choice of choices)
    for (const part of partsOf(choice, cut)) chunks.push({ ...head, choices: [{ index: choice.index ?? 0, finish_reason: null, ...part }] })
  return chunks
}

function partsOf(choice: Choice, cut: Cut): object[] {
  const finish = choice.finish_reason ?? 'stop'
  if (choice.message === undefined) return [...pieces(choice.text ?? '', cut).map(text => ({ text })), { text: '', finish_reason: finish }]
  const deltas: object[] = [{ role: 'assistant', content: '' }, ...messageDeltas(choice.message, cut)]
  return [...deltas.map(delta => ({ delta })), { delta: {}, finish_reason: finish }]
}

function messageDeltas(message: ChatMessage, cut: Cut): object[] {
  const deltas: object[] = []
  for (const field of ['reasoning_content', 'content', 'refusal'] as const) {
    const text = message[field]
    if (typeof text === 'string') for (const piece of pieces(text, cut)) deltas.push({ [field]: piece })
  }
  message.tool_calls?.forEach((call, index) => {
    const text = call.function?.arguments ?? ''
    deltas.push({ tool_calls: [{ ...call, index, function: { ...call.function, arguments: '' } }] })
    for (const piece of pieces(text, cut)) deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] })
  })
  return deltas
}

function pieces(text: string, cut: Cut): string[] {
  const found: string[] = []
  let from = 0
  for (const at of [...cut(text), text.length]) {
    if (at <= from) continue
    found.push(text.slice(from, at))
    from = at
  }
  return found
}

const MAX_SINGLE = 128
const RANDOM = 16

/** Ways to cut a text of at most `length` characters: not at all, after every character, at each place alone, and at several places. */
export function cuts(length: number): Cut[] {
  const ways: Cut[] = [() => [], text => offsets(text)]
  const step = Math.max(1, Math.ceil(length / MAX_SINGLE))
  for (let at = 1; at < length; at += step) ways.push(text => offsets(text).filter((_, index) => index === at - 1))
  for (let seed = 1; seed <= RANDOM; seed++)
    ways.push(text => offsets(text).filter((_, index) => (index * 2_654_435_761 + seed * 40_503) % 7 < 2))
  return ways
}

/** The places between characters; a pair of surrogates is one. */
function offsets(text: string): number[] {
  const found: number[] = []
  let at = 0
  for (const character of text) {
    at += character.length
    if (at < text.length) found.push(at)
  }
  return found
}
