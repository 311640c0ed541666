import { lookup } from 'node:dns'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'tap'
import { createConnector } from '../../core/upstream/connector.ts'
import { createDispatcher, isAllowed, scopeOf } from '../../core/upstream/index.ts'
import { failureOf, openUpstream, request } from './upstream-setup.ts'

const PRIVATE = [
  '0.0.0.0',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.1.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a00:1',
  '2002:7f00:1::',
  '2001::1',
  '2001:db8::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  '100::1'
]

const METADATA = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '100.100.100.200',
  '169.254.0.23',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
  'fe80::a9fe:a9fe%2',
  '::ffff:169.254.169.254',
  '::ffff:a9fe:a9fe',
  '::a9fe:a9fe',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b::169.254.169.254',
  '2002:a9fe:a9fe::1',
  '64:ff9b:1::a9fe:a9fe',
  '::ffff:168.63.129.16',
  ''
]

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '223.255.255.255',
  '2606:4700::1111',
  '2001:4860:4860::8888',
  '2a00:1450::1'
]

// Every spelling of an address that an URL parser or a resolver takes.
const LITERALS = [
  'http://127.0.0.1',
  'http://127.1',
  'http://2130706433',
  'http://0x7f000001',
  'http://0177.0.0.1',
  'http://0x7f.1',
  'http://0',
  'http://0.0.0.0',
  'http://10.1.2.3',
  'http://192.168.0.1',
  'http://169.254.169.254',
  'http://2852039166',
  'http://0xA9FEA9FE',
  'http://[::1]',
  'http://[::]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::7f00:1]',
  'http://[2002:7f00:1::]',
  'http://[fd00:ec2::254]',
  'http://[fe80::1]',
  'http://１２７.０.０.１',
  'http://127.0.0.1.',
  'https://127.0.0.1'
]

const FORMS = [
  'unix:///var/run/docker.sock',
  'unix:/tmp/s',
  'http+unix://%2Ftmp%2Fs',
  'file:///etc/passwd',
  'ftp://example.com',
  'example.com',
  '',
  'http://user:pass@example.com',
  'http://example.com@127.0.0.1',
  'http://example.com/v1',
  'http://example.com?x',
  'http://example.com#x'
]

function thrownBy(fn: () => unknown): unknown {
  try {
    return fn()
  } catch (error) {
    return error
  }
}

test('addresses are told apart', async t => {
  for (const address of PRIVATE) t.equal(scopeOf(address), 'private', address)
  for (const address of METADATA) t.equal(scopeOf(address), 'metadata', address)
  for (const address of PUBLIC) t.equal(scopeOf(address), 'public', address)
  t.notOk(isAllowed('10.0.0.1', false))
  t.ok(isAllowed('10.0.0.1', true))
  t.notOk(isAllowed('169.254.169.254', true), 'metadata is refused even where private addresses are allowed')
})

test('U3 no spelling of a private or metadata address is connected to', async t => {
  const dispatcher = createDispatcher()
  t.teardown(() => dispatcher.close(AbortSignal.abort()))
  const options = { connections: 1, keepAliveMs: 0, connectTimeoutMs: 100, allowPrivate: false }
  for (const origin of [...LITERALS, ...FORMS]) {
    t.match(
      thrownBy(() => dispatcher.open({ ...options, origin })),
      { kind: 'egress_denied', retryClass: 'C', result: 'egress_denied' },
      origin
    )
  }
  for (const origin of ['http://169.254.169.254', 'http://[::ffff:a9fe:a9fe]', 'http://[fd00:ec2::254]', 'http://0xA9FEA9FE', ...FORMS]) {
    t.match(
      thrownBy(() => dispatcher.open({ ...options, origin, allowPrivate: true })),
      { result: 'egress_denied' },
      `${origin} with allow_private`
    )
  }
  t.doesNotThrow(() => dispatcher.open({ ...options, origin: 'http://10.0.0.1', allowPrivate: true }))
})

test('U3 names that mean this machine are refused after they are resolved', async t => {
  let connections = 0
  const server = createServer(() => {
    connections++
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  for (const host of ['localhost', 'LOCALHOST']) {
    const upstream = openUpstream(t, `http://${host}:${port}`, { allowPrivate: false })
    t.match(await failureOf(request(upstream)), { kind: 'egress_denied', result: 'egress_denied', retryClass: 'C' }, host)
  }
  t.equal(connections, 0)
})

test('U3 a literal is refused before a connection is tried', async t => {
  let connections = 0
  const server = createServer(() => {
    connections++
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const connector = createConnector({ lookup, allowPrivate: false, timeoutMs: 1_000, ca: null })
  const target = { hostname: '127.0.0.1', protocol: 'http:', port: `${port}` }
  const error = await new Promise(resolve => connector.connect(target, (refused, _socket) => resolve(refused)))
  t.match(error, { result: 'egress_denied' })
  const open = createConnector({ lookup, allowPrivate: true, timeoutMs: 1_000, ca: null })
  const accepted = once(server, 'connection')
  const socket = await new Promise<Socket | null>(resolve => open.connect(target, (_error, made) => resolve(made)))
  await accepted
  socket?.destroy()
  t.equal(connections, 1, 'the second only')
})

test('U3 proxy settings of the environment are not read', async t => {
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) {
    const before = process.env[name]
    process.env[name] = 'http://127.0.0.1:9'
    t.teardown(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
  const server = createServer(socket => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const response = await request(openUpstream(t, `http://127.0.0.1:${port}`))
  t.equal((await response.read(10)).toString(), 'ok')
})
