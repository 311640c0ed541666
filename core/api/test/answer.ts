import type { Chunk, ResponseBody } from '../index.ts'

/** What a client got, read as far as it can be read. */
export interface TestAnswer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | undefined }
  readonly raw: Buffer
  /** All answer text of choice 0, streamed or not. */
  readonly text: string
  /** The parsed body of an answer that is not streamed, else an empty object. */
  readonly json: ResponseBody
  /** The events of a stream, `[DONE]` apart. */
  readonly chunks: readonly Chunk[]
  /** True when the stream ended in its marker. */
  readonly done: boolean
  /** The error object, of the body or of the stream. */
  readonly error:
    | { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null }
    | undefined
}

/** Reads an answer of the gateway. */
export function readAnswer(status: number, headers: { readonly [name: string]: unknown }, raw: Buffer): TestAnswer {
  const plain: { [name: string]: string } = {}
  for (const name in headers) if (headers[name] !== undefined) plain[name] = String(headers[name])
  const isStream = plain['content-type']?.startsWith('text/event-stream') === true
  const body = raw.toString('utf8')
  return { status, headers: plain, raw, ...(isStream ? readStream(body) : readJson(body)) }
}

type Read = Pick<TestAnswer, 'text' | 'json' | 'chunks' | 'done' | 'error'>

function readStream(body: string): Read {
  const chunks: Chunk[] = []
  let text = ''
  let done = false
  let error: TestAnswer['error']
  for (const frame of body.split(/\r?\n\r?\n/)) {
    const data = frame
      .split(/\r?\n/)
      .filter(line => line.startsWith('data:'))
      .map(line => line.slice(5).trimStart())
      .join('\n')
    if (data === '') continue
    if (data === '[DONE]') {
      done = true
      continue
    }
    const chunk = JSON.parse(data) as Chunk
    if (chunk['error'] !== undefined && chunk['error'] !== null) {
      error = chunk['error'] as NonNullable<TestAnswer['error']>
      continue
    }
    chunks.push(chunk)
    // Streams of a broken upstream hold anything.
    const choice = chunk.choices?.find(one => typeof one === 'object' && one !== null && (one.index ?? 0) === 0)
    const piece = choice?.delta?.content ?? choice?.text
    if (typeof piece === 'string') text += piece
  }
  return { text, json: {}, chunks, done, error }
}

function readJson(body: string): Read {
  let json: ResponseBody = {}
  try {
    json = JSON.parse(body) as ResponseBody
  } catch {
    // Not everything that is served is JSON; `raw` has it.
    return { text: '', json, chunks: [], done: false, error: undefined }
  }
  const choice = json.choices?.[0]
  const content = choice?.message?.content ?? choice?.text
  return { text: typeof content === 'string' ? content : '', json, chunks: [], done: false, error: json['error'] as TestAnswer['error'] }
}
