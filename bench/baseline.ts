// The floor that ratios refer to: node:http in front, undici's dispatch behind, headers and bytes
// passed on, nothing else. Usage: node bench/baseline.ts <mock port>
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

/** As much of undici as is used here. It is taken from where the core has it, to be the same copy. */
interface Undici {
  readonly Pool: new (origin: string, options: object) => { dispatch(options: object, handler: object): boolean }
}
interface Controller {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

// The length of a request is not passed on because undici counts it itself; that of an answer is.
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'])
const OWN = new Set([...HOP, 'host', 'content-length'])

const { Pool } = createRequire(new URL('../core/package.json', import.meta.url))('undici') as Undici
const pool = new Pool(`http://127.0.0.1:${process.argv[2] ?? ''}`, { connections: 1200, pipelining: 1, allowH2: false })

const server = createServer({ noDelay: true }, receive)
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => process.exit(0))

function receive(req: IncomingMessage, res: ServerResponse): void {
  if (req.url === '/health') return void res.end('{"status":"ok"}')
  const parts: Buffer[] = []
  req.on('data', part => parts.push(part as Buffer))
  req.on('end', () => forward(req, res, parts.length === 1 ? parts[0]! : Buffer.concat(parts)))
}

function forward(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  let upstream: Controller | undefined
  res.on('close', () => {
    if (!res.writableFinished) upstream?.abort(new Error('the client went away'))
  })
  res.on('drain', () => upstream?.resume())
  pool.dispatch(
    { path: req.url, method: req.method, headers: passed(req.headers, OWN), body },
    {
      onRequestStart(controller: Controller) {
        upstream = controller
      },
      onResponseStart(_: Controller, status: number, headers: Record<string, string>) {
        res.writeHead(status, passed(headers, HOP))
      },
      onResponseData(controller: Controller, bytes: Buffer) {
        if (!res.write(bytes)) controller.pause()
      },
      onResponseEnd() {
        res.end()
      },
      onResponseError(_: Controller, err: Error) {
        res.destroy(err)
      }
    }
  )
}

function passed(headers: Record<string, string | string[] | undefined>, dropped: ReadonlySet<string>): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !dropped.has(name)) kept[name] = value
  }
  return kept
}
