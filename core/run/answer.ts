import type { AnswerBody } from '../wire/answer-body.ts'

/** A whole answer on its way to the client. */
export interface Answer {
  readonly status: number
  readonly body: AnswerBody
}
