// Row G18: restarts by SIGTERM under load lose no request. The next process listens on the same port
// (server.reuse_port) before the old one is told to go; clients never retry.
import { Agent, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { KEY, proofFolder, startGateway } from './gateway-process.ts'

const short = process.argv.includes('--short')
const RESTARTS = short ? 5 : 20
const CLIENTS = short ? 20 : 50
const NOTICE_MS = short ? 500 : 1000

interface Tally {
  ok: number
  streams: number
  failed: number
  reasons: Map<string, number>
}

const folder = proofFolder()
const port = await freePort()
const config = {
  version: 1,
  server: {
    listen: `127.0.0.1:${port}`,
    admin: false,
    data: folder,
    reuse_port: true,
    drain: { notice: `${NOTICE_MS}ms`, streams: '30s' }
  },
  plugins: {
    keys: { use: 'auth-api-key' },
    router: { use: 'model-router', config: { models: { demo: 'demo/demo' } } },
    log: { use: 'log-stdout' }
  },
  providers: { demo: { use: 'provider-demo', config: { delay: '2ms' } } },
  routes: [{ name: 'api', match: { path: '/v1/*' }, pipeline: ['keys', 'router', 'log'] }]
}

const tally: Tally = { ok: 0, streams: 0, failed: 0, reasons: new Map() }
let running = true
let gateway = await startGateway(folder, config)
const clients = Array.from({ length: CLIENTS }, (_, index) => client(index))
const rows: number[] = []
for (let restart = 1; restart <= RESTARTS; restart++) {
  const next = await startGateway(folder, config)
  const code = await gateway.stop('SIGTERM')
  if (code !== 0) count(`exit code ${code}`)
  rows.push(lines(gateway.stdout()))
  gateway = next
  process.stderr.write(`restart ${restart}/${RESTARTS}: ${tally.ok} ok, ${tally.failed} failed\n`)
}
running = false
await Promise.all(clients)
await gateway.stop('SIGTERM')
rows.push(lines(gateway.stdout()))
const logged = rows.reduce((sum, count) => sum + count, 0)
const passed = tally.failed === 0 && logged === tally.ok && tally.ok > RESTARTS * CLIENTS
process.stdout.write(
  `${JSON.stringify({ proof: 'restart', passed, restarts: RESTARTS, clients: CLIENTS, requests: tally.ok, streams: tally.streams, failed: tally.failed, logged, reasons: Object.fromEntries(tally.reasons) })}\n`
)
process.exit(passed ? 0 : 1)

/** A kept-alive client that asks again and again, every fourth time for a stream, and forgives nothing. */
async function client(index: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let turn = 0; running; turn++) {
    const stream = (turn + index) % 4 === 0
    try {
      await ask(agent, stream)
      tally.ok++
      if (stream) tally.streams++
    } catch (error) {
      count((error as Error).message)
    }
  }
  agent.destroy()
}

function ask(agent: Agent, stream: boolean): Promise<void> {
  const body = JSON.stringify({ model: 'demo', stream, messages: [{ role: 'user', content: 'count to three' }] })
  return new Promise((resolve, reject) => {
    const req = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path: '/v1/chat/completions',
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      },
      res => {
        let text = ''
        res.setEncoding('utf8')
        res.on('data', piece => {
          text += piece
        })
        res.on('error', reject)
        res.on('close', () => {
          if (!res.complete) reject(new Error('broken off'))
        })
        res.on('end', () => {
          if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`))
          else if (stream && !text.endsWith('data: [DONE]\n\n')) reject(new Error('stream without its end'))
          else if (!stream && !text.endsWith('}')) reject(new Error('half a body'))
          else resolve()
        })
      }
    )
    req.on('error', reject)
    req.end(body)
  })
}

function count(reason: string): void {
  tally.failed++
  tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
}

function lines(text: string): number {
  return text.split('\n').filter(line => line !== '').length
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as AddressInfo
      server.close(() => resolve(free))
    })
  })
}
