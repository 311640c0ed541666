import type { Channel, Chunk, Transform } from '@headgate/api'
import type { Delta, StreamDialect } from '../wire/types.ts'
import { ShapeError, StreamLimitError } from './limit.ts'

/** Makes the transformer of one step for one text channel; undefined lets the channel pass untouched. */
export type CreateTransform = (channel: Channel) => Transform | undefined | void

/** The most characters that a transformer may make of one delta, and the most chunks of one chunk. */
const TEXT_LIMIT = 8 * 1024 * 1024
const CHUNK_LIMIT = 1024

/** A text channel that is open: its transformer, and the last chunk that carried it. */
interface Open {
  readonly channel: Channel
  readonly transform: Transform | undefined
  template: Chunk
}

/** What a `stream` hook returned. @throws {ShapeError} when it is neither a transformer nor nothing; a promise of one is neither */
export function checkTransform(made: Transform | undefined | void): Transform | undefined {
  if (made === undefined) return undefined
  if (typeof made === 'object' && made !== null && !('then' in made) && isMember(made.text) && isMember(made.end) && isMember(made.chunk))
    return made
  throw new ShapeError(`stream must return a transformer or nothing, got ${made === null ? 'null' : typeof made}`)
}

function isMember(value: unknown): boolean {
  return value === undefined || typeof value === 'function'
}

/** A text of a transformer. @throws {ShapeError} when it is none @throws {StreamLimitError} when it is too long */
export function checkText(text: unknown, method: string): string {
  if (typeof text !== 'string')
    throw new ShapeError(`${method} of a stream transformer must return a string, got ${text === null ? 'null' : typeof text}`)
  if (text.length > TEXT_LIMIT)
    throw new StreamLimitError('transform', `${method} of a stream transformer returned more than ${TEXT_LIMIT} characters`)
  return text
}

/** Chunks of a transformer. @throws {ShapeError} when they are none @throws {StreamLimitError} when they are too many */
export function checkChunks(result: unknown): readonly Chunk[] {
  if (result === null) return []
  const chunks: readonly unknown[] = Array.isArray(result) ? result : [result]
  if (chunks.length > CHUNK_LIMIT)
    throw new StreamLimitError('transform', `chunk of a stream transformer returned more than ${CHUNK_LIMIT} chunks`)
  for (const chunk of chunks) {
    if (typeof chunk !== 'object' || chunk === null || Array.isArray(chunk))
      throw new ShapeError('chunk of a stream transformer must return a chunk, a list of chunks or null')
  }
  return chunks as readonly Chunk[]
}

/** The texts that belong together: a model is done with one such block of its answer when it begins another. Reasoning may stand in several channels at once. */
function sameBlock(a: Channel, b: Channel): boolean {
  return a.kind === b.kind && (a.index === b.index || a.kind === 'reasoning')
}

function sameChannel(a: Channel, b: Channel): boolean {
  return a.choice === b.choice && a.index === b.index && a.kind === b.kind
}

/** The choices that get their finish reason in a chunk. */
function finishedIn(chunk: Chunk): number[] {
  const finished: number[] = []
  if (!Array.isArray(chunk.choices)) return finished
  for (const choice of chunk.choices) if (choice?.finish_reason) finished.push(choice.index ?? 0)
  return finished
}

/** One step's transformers over one answer: one for each text channel, so that text held back never mixes. */
export class TransformStage {
  readonly #dialect: StreamDialect
  readonly #create: CreateTransform
  readonly #open = new Map<string, Open>()
  #first: Open | undefined
  /** The channel of the last delta: most chunks go on where the one before stopped. */
  #last: Open | undefined

  constructor(dialect: StreamDialect, create: CreateTransform) {
    this.#dialect = dialect
    this.#create = create
  }

  /** What becomes of a chunk. The same object comes back when nothing was changed. */
  chunk(chunk: Chunk): Chunk[] {
    const deltas = this.#dialect.deltas(chunk)
    for (const delta of deltas) this.#channel(delta.channel, chunk)
    const hook = this.#first?.transform
    if (hook?.chunk === undefined) return this.#texts(chunk, deltas, false)
    const out: Chunk[] = []
    for (const seen of checkChunks(hook.chunk(chunk))) out.push(...this.#texts(seen, this.#dialect.deltas(seen), true))
    return out
  }

  /** The stream is over: what every open channel still holds. */
  end(): Chunk[] {
    const out: Chunk[] = []
    for (const [key, open] of this.#open) this.#close(key, open, out)
    return out
  }

  #channel(channel: Channel, template: Chunk): Open {
    const last = this.#last
    if (last !== undefined && sameChannel(last.channel, channel)) {
      last.template = template
      return last
    }
    const key = `${channel.choice}/${channel.kind}/${channel.index}`
    let open = this.#open.get(key)
    if (open === undefined) {
      open = { channel, transform: checkTransform(this.#create(channel)), template }
      this.#open.set(key, open)
      this.#first ??= open
    }
    open.template = template
    this.#last = open
    return open
  }

  /** `seen`: a hook had the chunk in its hands and may have changed it in place, so it cannot count as untouched. */
  #texts(chunk: Chunk, deltas: readonly Delta[], seen: boolean): Chunk[] {
    let changed = false
    const out: Chunk[] = []
    for (const delta of deltas) {
      const before = delta.text
      if (before === '') continue
      this.#leave(delta.channel, deltas, out)
      const { transform } = this.#channel(delta.channel, chunk)
      if (transform?.text === undefined) continue
      const text = checkText(transform.text(before), 'text')
      if (text === before) continue
      delta.text = text
      changed = true
    }
    for (const choice of finishedIn(chunk)) if (this.#finish(choice, deltas, out)) changed = true
    if (!changed) out.push(seen ? { ...chunk } : chunk)
    else if (!this.#dialect.isEmpty(chunk)) out.push({ ...chunk })
    return out
  }

  /** A choice goes on in `to`: its other blocks are over. Channels that stand in the same chunk stay open until it has passed. */
  #leave(to: Channel, deltas: readonly Delta[], out: Chunk[]): void {
    for (const [key, open] of this.#open) {
      const { channel } = open
      if (channel.choice !== to.choice || sameBlock(channel, to) || lastOf(deltas, channel) !== undefined) continue
      this.#close(key, open, out)
    }
  }

  /** A choice is over: what it holds goes into this very chunk where the channel stands in it, else before it. */
  #finish(choice: number, deltas: readonly Delta[], out: Chunk[]): boolean {
    let changed = false
    for (const [key, open] of this.#open) {
      if (open.channel.choice !== choice) continue
      const last = lastOf(deltas, open.channel)
      if (last === undefined) {
        this.#close(key, open, out)
        continue
      }
      const held = this.#ended(key, open)
      if (held === '') continue
      last.text += held
      changed = true
    }
    return changed
  }

  /** Takes a channel off the list and returns what its transformer held back. */
  #ended(key: string, open: Open): string {
    this.#open.delete(key)
    if (this.#last === open) this.#last = undefined
    return open.transform?.end === undefined ? '' : checkText(open.transform.end(), 'end')
  }

  #close(key: string, open: Open, out: Chunk[]): void {
    const held = this.#ended(key, open)
    if (held !== '') out.push(this.#dialect.textChunk(open.template, open.channel, held))
  }
}

/** The last delta of a channel in a chunk. */
function lastOf(deltas: readonly Delta[], channel: Channel): Delta | undefined {
  for (let i = deltas.length - 1; i >= 0; i--) {
    const delta = deltas[i] as Delta
    if (sameChannel(delta.channel, channel)) return delta
  }
  return undefined
}
