import type { Channel, ResponseCtx, StreamCtx, TextSpan, Transform } from '@headgate/api'
import { checkText, checkTransform } from '../stream/stage.ts'
import type { ResponseContext } from './context.ts'

const CHOICE = /choices\[(\d+)\]/
const TOOL = /tool_calls\[(\d+)\]/

/**
 * The `response` hook of a plugin that has only a `stream` hook: each text of the answer goes
 * through a transformer of its own, so that a whole answer says what the streamed one would.
 */
export function responseFromStream(stream: (ctx: StreamCtx) => Transform | undefined | void): (ctx: ResponseCtx) => void {
  return function response(this: unknown, ctx: ResponseCtx): void {
    for (const span of ctx.texts()) {
      const made = checkTransform(stream.call(this, (ctx as ResponseContext).forChannel(channelOf(span))))
      if (made === undefined) continue
      if (made.text === undefined && made.chunk !== undefined)
        throw new TypeError('a transformer of whole chunks needs a response hook for answers that are not streamed')
      const head = made.text === undefined ? span.text : checkText(made.text(span.text), 'text')
      const tail = made.end === undefined ? '' : checkText(made.end(), 'end')
      span.text = head + tail
    }
  }
}

function channelOf(span: TextSpan): Channel {
  return { choice: Number(CHOICE.exec(span.path)?.[1] ?? 0), kind: span.kind, index: Number(TOOL.exec(span.path)?.[1] ?? 0) }
}
