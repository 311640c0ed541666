/** A request in full. */
export interface ParsedRequest {
  readonly method: string
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Buffer
}

type Step = 'head' | 'body' | 'size' | 'chunk' | 'trailer'

/** Takes HTTP/1.1 requests out of a byte stream, however it is cut. Strict on purpose: what it cannot read is a bug of the client under test. */
export class RequestParser {
  #bytes: Buffer = Buffer.alloc(0)
  #step: Step = 'head'
  #need = 0
  #chunks: Buffer[] = []
  #head: Omit<ParsedRequest, 'body'> = { method: '', path: '', headers: {} }

  /** Adds bytes. */
  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
  }

  /** The next complete request, or null when more bytes are needed. @throws {Error} when the bytes are not a request */
  next(): ParsedRequest | null {
    for (;;) {
      const more = this.#advance()
      if (more === 'done') return this.#take()
      if (more === 'wait') return null
    }
  }

  #advance(): 'again' | 'wait' | 'done' {
    if (this.#step === 'head') return this.#readHead()
    if (this.#step === 'size') return this.#readSize()
    if (this.#step === 'trailer') {
      const line = this.#line()
      return line === null ? 'wait' : line === '' ? 'done' : 'again'
    }
    // A chunk is taken together with its line end.
    if (this.#bytes.length < this.#need + (this.#step === 'chunk' ? 2 : 0)) return 'wait'
    this.#chunks.push(this.#bytes.subarray(0, this.#need))
    this.#bytes = this.#bytes.subarray(this.#need)
    if (this.#step === 'body') return 'done'
    if (this.#line() !== '') throw new Error('chunk without its line end')
    this.#step = 'size'
    return 'again'
  }

  #readHead(): 'again' | 'wait' {
    const end = this.#bytes.indexOf('\r\n\r\n')
    if (end === -1) return 'wait'
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n')
    this.#bytes = this.#bytes.subarray(end + 4)
    const parts = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(first)
    if (parts === null) throw new Error('not a request line')
    const headers = parseHeaders(lines)
    this.#head = { method: parts[1]!, path: parts[2]!, headers }
    const chunked = headers['transfer-encoding'] === 'chunked'
    this.#step = chunked ? 'size' : 'body'
    this.#need = chunked ? 0 : Number(headers['content-length'] ?? 0)
    if (!Number.isSafeInteger(this.#need) || this.#need < 0) throw new Error('not a content length')
    return 'again'
  }

  #readSize(): 'again' | 'wait' {
    const line = this.#line()
    if (line === null) return 'wait'
    if (!/^[0-9a-f]+(;.*)?$/i.test(line)) throw new Error('not a chunk size')
    this.#need = Number.parseInt(line, 16)
    this.#step = this.#need === 0 ? 'trailer' : 'chunk'
    return 'again'
  }

  #line(): string | null {
    const end = this.#bytes.indexOf('\r\n')
    if (end === -1) return null
    const line = this.#bytes.toString('latin1', 0, end)
    this.#bytes = this.#bytes.subarray(end + 2)
    return line
  }

  #take(): ParsedRequest {
    const request = { ...this.#head, body: Buffer.concat(this.#chunks) }
    this.#chunks = []
    this.#step = 'head'
    return request
  }
}

function parseHeaders(lines: readonly string[]): { [name: string]: string } {
  const headers: { [name: string]: string } = {}
  for (const line of lines) {
    const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line)
    if (parts === null) throw new Error('not a header')
    const name = parts[1]!.toLowerCase()
    const before = headers[name]
    headers[name] = before === undefined ? parts[2]! : `${before}, ${parts[2]}`
  }
  return headers
}
