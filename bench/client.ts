import { connect, type Socket } from 'node:net'
import { MessageReader } from './message-reader.ts'
import { KEY, type Job } from './jobs.ts'

/** One finished answer: how long it took, when each token came, and what was wrong with it. */
export interface Answer {
  readonly ms: number
  /** Milliseconds until the first token, and each token's way from the mock to here; empty when not streamed. */
  readonly firstToken: number
  readonly delays: readonly number[]
  readonly problem: string | undefined
}

const SENT = /^t(\d+)@(\d+) $/

/** A keep-alive connection that has one request under way at a time and checks every byte of meaning in its answer. */
export class Client {
  readonly #socket: Socket
  readonly #request: Buffer
  readonly #tagAt: number
  readonly #job: Job
  /** Tokens of all streams so far. */
  tokens = 0
  #done: (answer: Answer) => void = () => undefined
  #tag = ''
  #status = ''
  #text = ''
  #since = 0
  #next = 0
  #firstToken = 0
  #delays: number[] = []
  #ended = false
  #problem: string | undefined
  #waiting = false

  constructor(job: Job) {
    this.#job = job
    this.#request = requestOf(job)
    this.#tagAt = this.#request.indexOf('ping ') + 5
    const reader = new MessageReader({
      head: text => {
        this.#status = text.slice(9, 12)
      },
      data: bytes => this.#data(bytes),
      end: () => this.#finish()
    })
    this.#socket = connect({ port: job.port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', bytes => reader.push(bytes as Buffer))
    this.#socket.on('error', err => this.#fail(err.message))
    this.#socket.on('close', () => this.#fail('the connection was closed'))
  }

  /** Sends a request with a number of its own; `done` is called once. `since` is when it was due. */
  send(number: number, since: number, done: (answer: Answer) => void): void {
    this.#done = done
    this.#tag = String(number).padStart(8, '0')
    this.#request.write(this.#tag, this.#tagAt, 'latin1')
    this.#since = since
    this.#text = ''
    this.#next = 0
    this.#delays = []
    this.#ended = false
    this.#problem = undefined
    this.#waiting = true
    // The socket may keep the bytes after this returns, and the number in them changes with the next request.
    this.#socket.write(Buffer.from(this.#request))
  }

  /** Milliseconds since the request that is under way was due; 0 when there is none. */
  get waiting(): number {
    return this.#waiting ? performance.now() - this.#since : 0
  }

  close(): void {
    this.#done = () => undefined
    this.#socket.destroy()
  }

  #data(bytes: Buffer): void {
    this.#text += bytes.toString('latin1')
    if (this.#job.kind !== 'streams') return
    for (let end = this.#text.indexOf('\n\n'); end !== -1; end = this.#text.indexOf('\n\n')) {
      this.#event(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 2)
    }
  }

  #event(event: string): void {
    if (!event.startsWith('data: ')) return
    if (event === 'data: [DONE]') {
      this.#ended = true
      return
    }
    const token = (JSON.parse(event.slice(6)) as { choices: { delta?: { content?: string } }[] }).choices[0]?.delta?.content
    if (token === undefined || token === '') return
    const [, number, stamp] = SENT.exec(token) ?? []
    if (Number(number) !== this.#next) this.#problem ??= `token ${this.#next} is ${JSON.stringify(token)}`
    this.#next++
    this.tokens++
    const now = performance.now()
    if (this.#delays.length === 0) this.#firstToken = now - this.#since
    this.#delays.push(Number(process.hrtime.bigint() / 1000n - BigInt(stamp ?? 0)) / 1000)
  }

  #finish(): void {
    if (this.#status !== '200') this.#problem ??= `status ${this.#status}: ${this.#text.slice(0, 200)}`
    else if (this.#job.kind !== 'streams' && !this.#text.includes(`pong ${this.#tag} `)) this.#problem ??= `not the answer to ${this.#tag}`
    else if (this.#job.kind === 'streams') this.#checkStream()
    this.#settle()
  }

  #checkStream(): void {
    const expected = this.#job.chunks ?? 50
    if (this.#next !== expected) this.#problem ??= `${this.#next} tokens of ${expected}`
    if (!this.#ended) this.#problem ??= 'no [DONE]'
  }

  #fail(message: string): void {
    this.#problem ??= message
    this.#settle()
  }

  #settle(): void {
    const done = this.#done
    this.#done = () => undefined
    this.#waiting = false
    done({ ms: performance.now() - this.#since, firstToken: this.#firstToken, delays: this.#delays, problem: this.#problem })
  }
}

function requestOf(job: Job): Buffer {
  const prompt = `ping 00000000 chunks=${job.chunks ?? 0} every=${job.every ?? 0} `
  const content = prompt + 'lorem ipsum '.repeat(Math.ceil((job.prompt ?? 0) / 12))
  const body = JSON.stringify({
    model: 'bench',
    ...(job.kind === 'streams' ? { stream: true } : {}),
    messages: [{ role: 'user', content }]
  })
  return Buffer.from(
    'POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nuser-agent: bench\r\naccept: application/json\r\n' +
      `authorization: Bearer ${KEY}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    'latin1'
  )
}
