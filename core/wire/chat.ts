import { ChatAggregator } from './chat-aggregate.ts'
import { chatDeltas, chatTextChunk, isEmptyChat } from './chat-deltas.ts'
import { chatReader } from './chat-reader.ts'
import { splitChat } from './chat-split.ts'
import { chatRequestTexts, chatResponseTexts } from './chat-texts.ts'
import { validateChat } from './chat-validate.ts'
import type { StreamDialect, WireOperation } from './types.ts'
import { readUsage } from './usage.ts'

/** The data of the last frame of a clean OpenAI stream. */
export const DONE = '[DONE]'

const stream: StreamDialect = Object.freeze({
  reader: chatReader,
  deltas: chatDeltas,
  isEmpty: isEmptyChat,
  textChunk: chatTextChunk,
  aggregator: () => new ChatAggregator(),
  split: splitChat,
  done: DONE
})

/** `POST /v1/chat/completions`. */
export const chat: WireOperation = Object.freeze<WireOperation>({
  name: 'chat',
  validate: validateChat,
  requestTexts: chatRequestTexts,
  responseTexts: chatResponseTexts,
  usage: body => readUsage(body.usage),
  stream
})
