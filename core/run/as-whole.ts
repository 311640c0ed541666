import { AnswerBody } from '../wire/answer-body.ts'
import type { StreamDialect } from '../wire/types.ts'
import type { Answer } from './answer.ts'
import type { AnswerStream, LiveEvent, LiveSink } from './answer-stream.ts'
import { failureOf } from './upstream-fault.ts'

/**
 * Puts a streamed answer together, for a client that asked for a whole one or a step that buffers.
 *
 * @throws {UpstreamFailure} when the stream breaks or ends without being finished
 */
export function asWhole(stream: AnswerStream, dialect: StreamDialect): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts = dialect.aggregator()
    const done = (): void => resolve({ status: 200, body: AnswerBody.made(parts.result()) })
    const sink: LiveSink = {
      events(events: readonly LiveEvent[]) {
        for (const event of events) if (event.chunk !== null) parts.push(event.chunk)
      },
      done,
      end() {
        if (stream.complete) done()
        else reject(failureOf('truncated'))
      },
      fail: reject
    }
    stream.attach(sink)
  })
}
