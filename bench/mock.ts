// The upstream of every bench target, in its own process: answers at once, or streams tokens that
// carry their number and the time they were sent. Prints its port.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { MessageReader } from './message-reader.ts'

const PADDING = 'The quick brown fox jumps over the lazy dog. '.repeat(9)
const DONE = chunk('data: [DONE]\n\n') + '0\r\n\r\n'
const STREAM_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'

const server = createServer({ noDelay: true }, serve)
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})

function serve(socket: Socket): void {
  let parts: Buffer[] = []
  const reader = new MessageReader({
    head() {
      parts = []
    },
    data(bytes) {
      parts.push(bytes)
    },
    end() {
      answer(socket, parts.length === 1 ? parts[0]! : Buffer.concat(parts))
    }
  })
  socket.on('data', bytes => reader.push(bytes as Buffer))
  socket.on('error', () => socket.destroy())
}

function answer(socket: Socket, body: Buffer): void {
  const at = body.indexOf('ping ')
  const prompt = at === -1 ? 'ping 00000000' : body.toString('latin1', at, at + 40)
  if (body.includes('"stream":true')) return stream(socket, prompt, body.includes('"include_usage":true'))
  const text = completion(prompt.slice(5, 13))
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
}

/** The prompt says how many tokens, and how many milliseconds apart: `ping 00000042 chunks=50 every=20`. */
function stream(socket: Socket, prompt: string, usage: boolean): void {
  const [, chunks, every] = /chunks=(\d+) every=(\d+)/.exec(prompt) ?? []
  const total = Number(chunks ?? 50)
  let sent = 0
  socket.write(STREAM_HEAD + token(sent++))
  const timer = setInterval(
    () => {
      if (sent < total) return void socket.write(token(sent++))
      clearInterval(timer)
      socket.write(chunk(usage ? event('"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":50,"total_tokens":58}') : '') + DONE)
    },
    Number(every ?? 20)
  )
  socket.once('close', () => clearInterval(timer))
}

function token(number: number): string {
  const stamp = process.hrtime.bigint() / 1000n
  return chunk(event(`"choices":[{"index":0,"delta":{"content":"t${number}@${stamp} "},"finish_reason":null}]`))
}

function event(fields: string): string {
  return `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench",${fields}}\n\n`
}

function chunk(text: string): string {
  return text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`
}

function completion(number: string): string {
  return (
    '{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":' +
    `{"role":"assistant","content":"pong ${number} ${PADDING}"},"finish_reason":"stop"}],` +
    '"usage":{"prompt_tokens":8,"completion_tokens":50,"total_tokens":58}}'
  )
}
