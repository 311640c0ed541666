// Rows C1, C2 and figure R9: clients that go away before and during answers. The upstream must notice
// within 100 ms (p99), every request must have its one record, and nothing may be left open.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KEY, proofFolder, startGateway } from './gateway-process.ts'

const short = process.argv.includes('--short')
const COUNTED = short ? 200 : 1000
const CONCURRENT = 20
/** The first ones meet a process that has compiled nothing yet; they must all be accounted for, but their times are not counted. */
const WARM_UP = 100
const LIMIT_MS = 100

/** When the client of a request went away, by the number it wrote into its message. */
const goneAt = new Map<number, number>()
const noticed: number[] = []
let open = 0
let arrived = 0
let closed = 0

const upstream = createServer(serve)
await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', () => resolve()))
const { port } = upstream.address() as AddressInfo
const folder = proofFolder()
const gateway = await startGateway(folder, {
  version: 1,
  server: { listen: '127.0.0.1:0', admin: false, data: folder, drain: { notice: '0s', streams: '5s' } },
  plugins: {
    keys: { use: 'auth-api-key' },
    router: { use: 'model-router', config: { models: { '*': 'up/*' } } },
    again: { use: 'retry' },
    log: { use: 'log-stdout' }
  },
  providers: { up: { use: 'provider-openai', config: { base_url: `http://127.0.0.1:${port}/v1` } } },
  routes: [{ name: 'api', match: { path: '/v1/*' }, pipeline: ['keys', 'router', 'again', 'log'] }]
})
const target = new URL(gateway.url)

const ABORTS = COUNTED + WARM_UP
let next = 0
await Promise.all(
  Array.from({ length: CONCURRENT }, async () => {
    while (next < ABORTS) await abortOne(next++)
  })
)
const deadline = Date.now() + 5000
while ((open > 0 || rows().length < ABORTS) && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 25))
const left = open
await gateway.stop('SIGTERM')
upstream.closeAllConnections()
upstream.close()

noticed.sort((one, two) => one - two)
const logged = rows()
const aborted = logged.filter(row => row.outcome === 'client_closed').length
const p99 = noticed[Math.ceil(noticed.length * 0.99) - 1] ?? Infinity
const figures = {
  aborts: COUNTED,
  warm_up: WARM_UP,
  reached_upstream: arrived,
  upstream_aborted: closed,
  p50_ms: round(noticed[noticed.length >> 1] ?? Infinity),
  p99_ms: round(p99),
  max_ms: round(noticed.at(-1) ?? Infinity),
  rows: logged.length,
  rows_client_closed: aborted,
  distinct_rows: new Set(logged.map(row => row.log_id)).size,
  sockets_left: left
}
const passed =
  p99 <= LIMIT_MS && closed === arrived && logged.length === ABORTS && figures.distinct_rows === ABORTS && aborted === ABORTS && left === 0
process.stdout.write(`${JSON.stringify({ proof: 'abort', passed, ...figures })}\n`)
process.exit(passed ? 0 : 1)

/** A client that goes away at a moment of its own: before the head, or in the middle of a stream. */
function abortOne(id: number): Promise<void> {
  const during = id % 2 === 0
  const body = JSON.stringify({
    model: during ? 'stream' : 'silent',
    stream: id % 4 < 2,
    messages: [{ role: 'user', content: String(id) }]
  })
  return new Promise(resolve => {
    const req = request({
      host: target.hostname,
      port: target.port,
      path: '/v1/chat/completions',
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    })
    const leave = (): void => {
      goneAt.set(id, performance.now())
      req.destroy()
    }
    req.on('response', res => {
      res.on('error', () => undefined)
      res.once('data', () => setTimeout(leave, id % 40))
    })
    req.on('error', () => undefined)
    req.on('close', () => resolve())
    req.end(body)
    if (!during || id % 4 >= 2) setTimeout(leave, 30 + (id % 50))
  })
}

/** Never answers, or streams without end, until its client is gone. */
function serve(req: IncomingMessage, res: ServerResponse): void {
  let text = ''
  req.on('data', piece => {
    text += piece
  })
  req.on('end', () => {
    const { model, stream, messages } = JSON.parse(text) as { model: string; stream?: boolean; messages: [{ content: string }] }
    const id = Number(messages[0].content)
    arrived++
    open++
    let timer: NodeJS.Timeout | undefined
    if (model === 'stream' && stream === true) {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      timer = setInterval(
        () =>
          res.write(`data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content: 'word ' }, finish_reason: null }] })}\n\n`),
        10
      )
    }
    res.on('close', () => {
      clearInterval(timer)
      open--
      closed++
      if (id >= WARM_UP) noticed.push(performance.now() - (goneAt.get(id) ?? performance.now()))
    })
  })
}

function rows(): { log_id: string; outcome: string }[] {
  return gateway
    .stdout()
    .split('\n')
    .filter(line => line.endsWith('}'))
    .map(line => JSON.parse(line) as { log_id: string; outcome: string })
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
