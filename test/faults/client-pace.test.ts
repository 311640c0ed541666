import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test, type Test } from 'tap'
import { createTestGateway, endless, reply, type TestGateway } from '@headgate/api/test'
import { checkEnvelope } from './envelope.ts'
import { rawChat, rawClient, type RawClient } from './raw-client.ts'

const ANSWER = { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }] }
const EVENT = `data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content: 'a'.repeat(8000) }, finish_reason: null }] })}\n\n`

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

test('C4 a client that stops reading a stream is cut off after write_stall', async t => {
  const gw = await createTestGateway(t, {
    upstream: endless(EVENT),
    server: { timeout: { write_stall: '150ms' }, heartbeat: '20ms' },
    listen: true
  })
  const client = await rawClient(t, gw.url)
  client.send(rawChat({ stream: true }))
  await client.until(() => client.bytes > 100_000)
  client.socket.pause()
  await until(() => gw.exchanges.length === 1)
  t.match(gw.exchange, {
    outcome: 'rejected',
    error: { source: 'client', code: 'client_stalled' },
    response: { status_code: 200, stream_end: 'limit' },
    provider: { attempts: [{ status: 200 }] }
  })
  await gw.upstream.until(() => gw.upstream.requests[0]!.aborted)
  client.socket.resume()
  await client.gone()
  t.notMatch(client.text.slice(-100), /\[DONE\]/)
})

test('C4 a client that stops reading a whole answer is cut off, one that reads slowly is not', async t => {
  const big = { id: 'x', choices: [{ index: 0, message: { role: 'assistant', content: 'b'.repeat(12_000_000) }, finish_reason: 'stop' }] }
  const gw = await createTestGateway(t, { upstream: reply({ json: big }), server: { timeout: { write_stall: '300ms' } }, listen: true })
  const stopped = await rawClient(t, gw.url)
  stopped.socket.pause()
  stopped.send(rawChat())
  await until(() => gw.exchanges.length === 1)
  t.match(gw.exchange, { outcome: 'rejected', error: { source: 'client', code: 'client_stalled' } })
  const slow = await rawClient(t, gw.url)
  const since = Date.now()
  let allowance = 0
  const read = setInterval(() => {
    allowance += 128 * 1024
    slow.socket.resume()
  }, 20)
  slow.socket.on('data', () => {
    if (slow.bytes > allowance) slow.socket.pause()
  })
  t.teardown(() => clearInterval(read))
  slow.send(rawChat())
  await until(() => gw.exchanges.length === 2)
  t.ok(Date.now() - since > 600, 'it took longer than the limit on one stall twice over')
  t.match(gw.exchange, { outcome: 'ok' })
  const answer = await slow.answer()
  t.ok(answer.complete)
  t.equal(answer.body.length, JSON.stringify(big).length)
})

/** An upstream that streams without end as fast as it may, and counts what it could get rid of. */
async function counting(t: Test): Promise<{ readonly origin: string; readonly sent: () => number }> {
  let sent = 0
  const flow = (response: ServerResponse): void => {
    let more = true
    while (more && !response.destroyed) {
      more = response.write(EVENT)
      sent += EVENT.length
    }
    response.once('drain', () => flow(response))
  }
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    flow(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent }
}

async function gatewayTo(t: Test, origin: string): Promise<TestGateway> {
  return createTestGateway(t, {
    listen: true,
    config: {
      version: 1,
      plugins: { open: { use: 'auth-none' }, router: { use: 'kit-router' }, recorder: { use: 'kit-recorder' } },
      providers: { upstream: { use: 'kit-provider', config: { base_url: `${origin}/v1` } } },
      routes: [{ name: 'all', match: { path: '/*' }, pipeline: ['open', 'router', 'recorder'] }]
    }
  })
}

test('C4 a stream whose client does not read holds the upstream back and at most 256 KB', async t => {
  const upstream = await counting(t)
  const gw = await gatewayTo(t, upstream.origin)
  const sockets = watchSockets(t)
  const clients: RawClient[] = []
  for (let i = 0; i < 24; i++) clients.push(await rawClient(t, gw.url))
  for (const client of clients) {
    client.socket.pause()
    client.send(rawChat({ stream: true }))
  }
  let last = -1
  let same = 0
  while (same < 8) {
    await new Promise(resolve => setTimeout(resolve, 25))
    same = upstream.sent() === last && last > 0 ? same + 1 : 0
    last = upstream.sent()
  }
  t.pass('the upstream is held back')
  const ports = [Number(new URL(gw.url).port), Number(new URL(upstream.origin).port)]
  let held = 0
  for (const socket of sockets)
    if (socket.localPort === ports[0] || socket.remotePort === ports[1]) held += socket.readableLength + socket.writableLength
  const each = Math.round(held / clients.length / 1024)
  t.ok(each > 1 && each <= 256, `${each} KB are held for each`)
  for (const client of clients) client.socket.resetAndDestroy()
  await until(() => gw.exchanges.length === clients.length)
})

/** Collects every socket that is opened in this process from now on. */
function watchSockets(t: Test): Set<Socket> {
  const sockets = new Set<Socket>()
  const add = (message: unknown): void => {
    sockets.add((message as { socket: Socket }).socket)
  }
  for (const name of ['net.server.socket', 'net.client.socket']) {
    subscribe(name, add)
    t.teardown(() => unsubscribe(name, add))
  }
  return sockets
}

const SLOW = { timeout: { headers: '150ms', request: '300ms' } }

test('C5 slow headers and slow bodies get a 408 and a closed connection, others are served meanwhile', async t => {
  const gw = await createTestGateway(t, { upstream: reply({ json: ANSWER }), server: SLOW, listen: true })
  const head = await rawClient(t, gw.url)
  const body = await rawClient(t, gw.url)
  const text = rawChat().toString()
  drip(t, head, text.slice(0, text.indexOf('\r\n\r\n')))
  const split = text.indexOf('\r\n\r\n') + 10
  body.send(text.slice(0, split))
  drip(t, body, text.slice(split))
  const silent = await rawClient(t, gw.url)
  silent.send('POST /v1/chat/')
  let served = 0
  const others = (async () => {
    while (!head.ended || !body.ended) {
      const other = await rawClient(t, gw.url)
      if ((await other.send(rawChat()).answer()).status === 200) served++
    }
  })()
  for (const [name, client] of Object.entries({ head, body, silent })) {
    checkEnvelope(t, await client.answer(), { status: 408, code: 'request_timeout' }, name)
    t.equal((await client.answer()).headers['connection'], 'close')
    await client.gone()
  }
  await others
  t.ok(served > 0, `${served} others were served`)
  t.equal(gw.exchanges.filter(({ outcome }) => outcome === 'ok').length, served)
  t.match(
    gw.exchanges.filter(({ outcome }) => outcome !== 'ok'),
    [
      {
        outcome: 'rejected',
        error: { source: 'client', code: 'request_timeout' },
        response: { status_code: 408 },
        provider: { attempts: [] }
      }
    ],
    'the one that had a head is recorded'
  )
  t.equal(gw.upstream.requests.length, served)
  t.equal(gw.count('headgate_shed_total', { point: 'slow' }), 3)
})

/** Sends a byte every 10 ms, so slowly that it never gets to the end. */
function drip(t: Test, client: RawClient, text: string): void {
  let at = 0
  const timer = setInterval(() => {
    if (client.closed || client.ended || at >= text.length - 1) return clearInterval(timer)
    client.send(text[at++]!)
  }, 10)
  t.teardown(() => clearInterval(timer))
}

test('C5 a connection that is only opened is closed without a word, one that is kept alive when its time is up', async t => {
  const gw = await createTestGateway(t, {
    upstream: reply({ json: ANSWER }),
    server: { timeout: { headers: '100ms', request: '200ms', keep_alive: '100ms' } },
    listen: true
  })
  const idle = await rawClient(t, gw.url)
  const kept = await rawClient(t, gw.url)
  await kept.send(rawChat()).answer()
  await Promise.all([idle.gone(), kept.gone()])
  t.equal(kept.answers.length, 1, 'no further answer')
})
