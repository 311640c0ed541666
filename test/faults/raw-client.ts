import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: { readonly [name: string]: string }
  /** The body with its framing taken off, as far as it came. */
  readonly body: string
  /** False while some of it is missing. */
  readonly complete: boolean
}

interface Waiter {
  readonly condition: () => boolean
  readonly resolve: () => void
}

/** A client below HTTP: sends the bytes it is told to and reads every answer, interim ones apart. */
export class RawClient {
  readonly socket: Socket
  /** Bytes that came so far. */
  bytes = 0
  /** True once the server has finished sending. */
  ended = false
  /** True once the connection is gone. */
  closed = false
  /** Code of the error that ended the connection, if one did. */
  error: string | undefined
  #waiting: Waiter[] = []
  #pieces: Buffer[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', bytes => {
      this.#pieces.push(bytes)
      this.bytes += bytes.length
      this.#changed()
    })
    socket.on('end', () => {
      this.ended = true
      this.#changed()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code
    })
    socket.on('close', () => {
      this.closed = true
      this.#changed()
    })
  }

  get received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0] ?? Buffer.alloc(0)
  }

  get text(): string {
    return this.received.toString('latin1')
  }
  get answers(): RawAnswer[] {
    return readAnswers(this.received)
  }

  send(...parts: readonly (string | Uint8Array)[]): this {
    for (const part of parts) this.socket.write(part)
    return this
  }

  /** Resolves when the condition holds, or when the connection is gone and nothing more can come. */
  until(condition: () => boolean): Promise<void> {
    if (condition() || this.closed) return Promise.resolve()
    return new Promise(resolve => {
      this.#waiting.push({ condition, resolve })
    })
  }

  /** The answer with this number, complete. @throws {Error} when the connection ends without it */
  async answer(index = 0): Promise<RawAnswer> {
    await this.until(() => this.answers[index]?.complete === true || this.ended)
    const found = this.answers[index]
    if (found === undefined) throw new Error(`no answer ${index}: ${JSON.stringify(this.text.slice(0, 500))} ${this.error ?? ''}`)
    return found
  }

  gone(): Promise<void> {
    return this.until(() => this.closed)
  }

  #changed(): void {
    const still: Waiter[] = []
    for (const waiter of this.#waiting) {
      if (waiter.condition() || this.closed) waiter.resolve()
      else still.push(waiter)
    }
    this.#waiting = still
  }
}

/** A connection to a gateway, closed with the test. */
export async function rawClient(
  t: { teardown(fn: () => unknown): void },
  url: string,
  options: { allowHalfOpen?: boolean } = {}
): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: options.allowHalfOpen ?? false })
  await once(socket, 'connect')
  t.teardown(() => socket.destroy())
  return new RawClient(socket)
}

/** A request as bytes. `content-length` is added where there is a body. */
export function rawRequest(method: string, path: string, headers: readonly string[] = [], body?: string | Uint8Array): Buffer {
  const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`]
  const head = [`${method} ${path} HTTP/1.1`, 'host: gateway', ...length, ...headers, '', ''].join('\r\n')
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body ?? '')])
}

/** A chat request as bytes. */
export function rawChat(body: object | string = {}, headers: readonly string[] = []): Buffer {
  const text =
    typeof body === 'string' ? body : JSON.stringify({ model: 'test-model', messages: [{ role: 'user', content: 'hello' }], ...body })
  return rawRequest('POST', '/v1/chat/completions', ['content-type: application/json', ...headers], text)
}

function readAnswers(bytes: Buffer): RawAnswer[] {
  const found: RawAnswer[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return found
    const [line = '', ...lines] = bytes.toString('latin1', at, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map(header => [header.slice(0, header.indexOf(':')).toLowerCase(), header.slice(header.indexOf(':') + 1).trim()])
    )
    const status = Number(line.split(' ')[1])
    at = end + 4
    if (status < 200) continue
    const { body, next, complete } =
      headers['transfer-encoding'] === 'chunked' ? chunked(bytes, at) : sized(bytes, at, Number(headers['content-length'] ?? 0))
    found.push({ status, headers, body, complete })
    at = next
  }
}

function sized(bytes: Buffer, at: number, length: number): { body: string; next: number; complete: boolean } {
  return { body: bytes.toString('utf8', at, at + length), next: at + length, complete: bytes.length >= at + length }
}

function chunked(bytes: Buffer, from: number): { body: string; next: number; complete: boolean } {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    const size = line < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (Number.isNaN(size) || bytes.length < line + 4 + size)
      return { body: Buffer.concat(parts).toString(), next: bytes.length, complete: false }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 4 + size
    if (size === 0) return { body: Buffer.concat(parts).toString(), next: at, complete: true }
  }
}
