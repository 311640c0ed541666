import type { Channel, Chunk, Operation, RequestBody, ResponseBody, TextSpan, Usage } from '@headgate/api'

/** What the lifecycle needs to know of one event of a streamed answer. */
export interface ChunkFacts {
  /** True when it carries something of the answer: text, reasoning, a tool call, a finish reason. A role alone is not content. */
  readonly content: boolean
  /** True when a choice got its finish reason in it. */
  readonly finished: boolean
  /** The usage it carries, if it is valid. */
  readonly usage: Usage | null
  /** True when it carries usage and nothing else, so that it can be hidden from a client that did not ask. */
  readonly usageOnly: boolean
  /** The error object it carries, if any. */
  readonly error: unknown
  /** Something out of order that is passed on all the same: duplicate finish, broken index, … */
  readonly anomaly: boolean
}

/** One text delta inside a chunk; assigning `text` changes the chunk. */
export interface Delta {
  readonly channel: Channel
  text: string
}

/** Puts chunks together to the answer that an unstreamed request would have had. */
export interface Aggregator {
  push(chunk: Chunk): void
  result(): ResponseBody
}

/** Reads the chunks of one answer in order. Never throws, whatever shape a chunk has. */
export interface StreamReader {
  read(chunk: Chunk): ChunkFacts
  /** True once at least one choice was seen and every choice seen has its finish reason: the stream may end here. */
  complete(): boolean
}

/** How the streamed answers of an operation look. */
export interface StreamDialect {
  /** A reader with the state of one answer (finish reasons seen, usage seen). */
  reader(): StreamReader
  /** The text deltas of a chunk, in order; empty ones too. */
  deltas(chunk: Chunk): Delta[]
  /** True when, after its texts were emptied, nothing is left in the chunk worth sending. */
  isEmpty(chunk: Chunk): boolean
  /** A chunk like `template` (id, model, created, …; one that carried `channel`) that carries only `text` on `channel`. */
  textChunk(template: Chunk, channel: Channel, text: string): Chunk
  aggregator(): Aggregator
  /** The events of a whole answer, for answers that were made or buffered but are asked for as a stream. */
  split(body: ResponseBody, includeUsage: boolean): Chunk[]
  /** Last frame of a clean stream (`[DONE]`), or null where the dialect has none. */
  readonly done: string | null
}

/** One client operation: its request and answer shapes and all the places where text stands in them. */
export interface WireOperation {
  readonly name: Operation
  /** Checks what routing needs and the types of the fields that the gateway reads; everything else is let through. @throws {Reject} 400 with `param` */
  validate(body: RequestBody): void
  /** Live spans: assigning `text` writes into `body`. */
  requestTexts(body: RequestBody): TextSpan[]
  /** Live spans: assigning `text` writes into `body`. */
  responseTexts(body: ResponseBody): TextSpan[]
  /** Usage of a whole answer; null where there is none or it is not valid. */
  usage(body: ResponseBody): Usage | null
  /** Null where the operation does not stream. */
  readonly stream: StreamDialect | null
}
