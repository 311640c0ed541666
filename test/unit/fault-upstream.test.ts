import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'tap'
import {
  closeAfterEach,
  cut,
  drip,
  endless,
  fin,
  garbage,
  gzipBomb,
  hang,
  headerBomb,
  informational,
  raw,
  redirect,
  refusedOrigin,
  replay,
  reply,
  reset,
  resetAt,
  resetOnReuse,
  script,
  slice,
  splitBytes,
  sse,
  stall,
  startFaultUpstream,
  withFault,
  wrongLength,
  type FaultUpstream,
  type Reply
} from '../../core/api/test/upstream.ts'

const GET = 'GET /a?b HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n\r\n'

/** What a bare client saw: all bytes, each read, and how the connection ended. */
interface Seen {
  readonly text: string
  readonly reads: readonly string[]
  readonly end: 'fin' | 'reset' | 'open'
}

/** Sends bytes and reads until the connection ends, or until `enough` says so. */
function exchange(
  upstream: FaultUpstream,
  bytes: string | readonly string[],
  enough: (text: string) => boolean = () => false
): Promise<Seen> {
  return new Promise(resolve => {
    const socket = connect(upstream.port, '127.0.0.1')
    const reads: string[] = []
    const done = (end: Seen['end']): void => {
      socket.destroy()
      resolve({ text: reads.join(''), reads, end })
    }
    socket.on('data', chunk => {
      reads.push(chunk.toString('latin1'))
      if (enough(reads.join(''))) done('open')
    })
    socket.on('end', () => done('fin'))
    socket.on('error', () => done('reset'))
    for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part)
  })
}

const ANSWER = reply({ status: 201, headers: { 'x-b': ['1', '2'] }, body: 'hello' })
const WIRE = 'HTTP/1.1 201 Status\r\nx-b: 1\r\nx-b: 2\r\ncontent-length: 5\r\n\r\nhello'

test('an answer is sent as it stands, on a connection that is kept', async t => {
  const upstream = await startFaultUpstream(t, ANSWER)
  const seen = await exchange(upstream, GET + GET, text => text.length >= 2 * WIRE.length)
  t.equal(seen.text, WIRE + WIRE, 'two pipelined requests are answered in turn')
  t.match(upstream.requests[0], { method: 'GET', path: '/a?b', headers: { host: 'x', 'x-a': '1, 2' }, aborted: false, connection: 1 })
  t.equal(upstream.requests.length, 2)
  t.equal(upstream.bytesReceived, 2 * GET.length)
  const closing = await exchange(upstream, GET.replace('X-A: 1', 'Connection: close'))
  t.equal(closing.end, 'fin')
})

test('requests are read however they are cut and framed', async t => {
  const upstream = await startFaultUpstream(t, ANSWER)
  const length = 'POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\n{"ü":1'
  const chunked = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\ntrailer: 1\r\n\r\n'
  for (const bytes of [length, chunked]) {
    await exchange(upstream, bytes, text => text.endsWith('hello'))
    await exchange(upstream, bytes.split(''), text => text.endsWith('hello'))
  }
  t.strictSame(
    upstream.requests.map(request => request.body.toString()),
    ['{"ü":1', '{"ü":1', 'abc0123456789', 'abc0123456789']
  )
})

test('what is not HTTP is dropped and counted', async t => {
  const upstream = await startFaultUpstream(t, ANSWER)
  for (const bytes of ['nonsense\r\n\r\n', 'GET / HTTP/1.1\r\nbad header\r\n\r\n', 'POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n'])
    await exchange(upstream, bytes)
  t.equal(upstream.malformed, 3)
  t.equal(upstream.requests.length, 0)
})

test('a script gives a step to each request and repeats the last', async t => {
  const upstream = await startFaultUpstream(
    t,
    script([reply({ body: 'one' }), (request, index) => reply({ body: `${request.path} ${index}` })])
  )
  const bodies: string[] = []
  for (let i = 0; i < 3; i++) bodies.push((await exchange(upstream, GET, text => /\r\n\r\n./.test(text))).text.split('\r\n\r\n')[1]!)
  t.strictSame(bodies, ['one', '/a?b 1', '/a?b 2'])
  upstream.use(reply({ body: 'other' }))
  t.match((await exchange(upstream, GET, text => text.endsWith('other'))).text, /other/)
  t.throws(() => script([]), RangeError)
})

test('U5 U6 U7 U8 connections end where and how they are told to', async t => {
  const stream = sse(['a', 'b'])
  const head = 'HTTP/1.1 200 Status\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
  const cases: [Reply, string, Seen['end']][] = [
    [withFault(stream, cut(12)), `${head}9\r\ndata: a\n\n\r\n3\r\ndat\r\n`, 'fin'],
    [withFault(stream, fin(9)), `${head}9\r\ndata: a\n\n\r\n`, 'fin'],
    [withFault(stream, reset(9)), `${head}9\r\ndata: a\n\n\r\n`, 'reset'],
    [withFault(stream, reset('headers')), head, 'reset'],
    [withFault(ANSWER, cut(2)), WIRE.slice(0, -3), 'fin'],
    [withFault(ANSWER, closeAfterEach()), WIRE, 'fin'],
    [reply({ body: 'x', framing: 'close' }), 'HTTP/1.1 200 Status\r\nconnection: close\r\n\r\nx', 'fin'],
    [raw('anything'), 'anything', 'fin'],
    [resetAt('request'), '', 'reset'],
    [resetAt('connect'), '', 'reset']
  ]
  const upstream = await startFaultUpstream(
    t,
    cases.map(([step]) => step)
  )
  for (const [, text, end] of cases) t.match(await exchange(upstream, GET), { text, end })
  t.equal(upstream.requests.length, cases.length - 1, 'a reset on connecting takes no request')
  t.ok(
    upstream.requests.every(request => !request.aborted),
    'the client aborted none of them'
  )
  await upstream.until(() => upstream.sockets === 0)
  t.equal(upstream.connections, cases.length)
})

test('U10 U11 silence lasts until the client goes, which is recorded', async t => {
  const steps = [hang(), withFault(ANSWER, stall(2)), withFault(sse(['a']), stall())]
  const upstream = await startFaultUpstream(t, steps)
  for (let i = 0; i < steps.length; i++) {
    const client = connect(upstream.port, '127.0.0.1')
    client.write(GET)
    await upstream.until(() => upstream.requests.length === i + 1)
    t.equal(upstream.requests[i]?.aborted, false)
    client.destroy()
    await upstream.until(() => upstream.requests[i]!.aborted)
    t.type(upstream.requests[i]?.abortedAt, 'number')
  }
  upstream.use(hang('connect'))
  const silent = connect(upstream.port, '127.0.0.1')
  silent.write(GET)
  await upstream.until(() => upstream.sockets === 1)
  silent.destroy()
  await upstream.until(() => upstream.sockets === 0)
  t.equal(upstream.requests.length, 3)
})

test('U12 U13 drips and endless streams go on until the client has gone', async t => {
  const upstream = await startFaultUpstream(t, [
    withFault(reply({ body: 'abc' }), drip(1, 5)),
    endless('data: x\n\n'),
    withFault(reply({ body: 'x'.repeat(9) }), drip(1, 60_000))
  ])
  const dripped = await exchange(upstream, GET, text => text.endsWith('abc'))
  t.ok(dripped.reads.length >= 3)
  await exchange(upstream, GET, text => text.length > 50_000)
  await exchange(upstream, GET, text => text.endsWith('\r\n\r\nx'))
  await upstream.until(() => upstream.requests.length === 3 && upstream.requests[1]!.aborted && upstream.requests[2]!.aborted)
})

test('U26 U27 U28 U33 bombs and other bad answers look like what they are', async t => {
  const steps = [
    garbage(8),
    redirect('http://169.254.169.254/', 302),
    gzipBomb(1_000_000),
    gzipBomb(1_000, 3),
    headerBomb(30_000),
    withFault(ANSWER, informational(2)),
    withFault(ANSWER, wrongLength(-1))
  ]
  const upstream = await startFaultUpstream(
    t,
    steps.map(step => withFault(step, closeAfterEach()))
  )
  const texts: string[] = []
  for (const _ of steps) texts.push((await exchange(upstream, GET)).text)
  t.match(texts[0], /application\/json\r\ncontent-length: 8\r\n\r\n.{8}$/s)
  t.match(texts[1], /^HTTP\/1.1 302 .*\r\nlocation: http:\/\/169.254.169.254\/\r\n/)
  t.ok(texts[2]!.length < 2_000, 'a bomb is small')
  t.match(texts[3], /content-encoding: gzip, gzip, gzip\r\n/)
  t.ok(texts[4]!.indexOf('\r\n\r\n') > 30_000)
  t.match(texts[5], /^(HTTP\/1.1 103 Interim\r\n[^\r]*\r\n\r\n){2}HTTP\/1.1 201/)
  t.match(texts[6], /content-length: 4\r\n\r\nhello$/)
})

test('U29 bodies are cut where they are told to be', async t => {
  const bytes = Buffer.from('aü🙂b')
  const sizes = (split: Parameters<typeof splitBytes>[1]): number[] => splitBytes(bytes, split).map(piece => piece.length)
  t.strictSame(sizes('whole'), [8])
  t.strictSame(sizes('every-byte'), [1, 1, 1, 1, 1, 1, 1, 1])
  t.strictSame(sizes(3), [3, 3, 2])
  t.strictSame(sizes([5, 2, 2, 99, 0]), [2, 3, 3])
  t.strictSame(sizes('inside-characters'), [2, 2, 1, 1, 2])
  t.strictSame(splitBytes(Buffer.alloc(0), 'every-byte'), [])
  t.throws(() => splitBytes(bytes, 0), RangeError)
  const upstream = await startFaultUpstream(t, [sse('data: 1\n\n', { split: [4] }), withFault(ANSWER, slice([3, 40]))])
  t.match((await exchange(upstream, GET, text => text.endsWith('0\r\n\r\n'))).text, /\r\n\r\n4\r\ndata\r\n5\r\n: 1\n\n\r\n0\r\n\r\n$/)
  const sliced = await exchange(upstream, GET, text => text === WIRE)
  t.strictSame(
    sliced.reads.map(read => read.length),
    [3, 40, WIRE.length - 43]
  )
})

test('streams are made of frames, with the end the dialect has', async t => {
  const text = (answer: Reply): string => Buffer.concat(answer.payload).toString()
  t.equal(text(sse(['x', { a: 1 }])), 'data: x\n\ndata: {"a":1}\n\ndata: [DONE]\n\n')
  t.equal(text(sse([{ event: 'stop', data: { a: 1 } }])), 'event: stop\ndata: {"a":1}\n\n')
  t.equal(text(sse(['x'], { done: false })), 'data: x\n\n')
  t.equal(text(sse(': raw\n')), ': raw\n')
  t.equal(sse(['x', 'y']).payload.length, 3, 'one write an event')
})

test('U34 a connection is reset when it is used again', async t => {
  const upstream = await startFaultUpstream(t, withFault(ANSWER, resetOnReuse()))
  const socket = connect(upstream.port, '127.0.0.1')
  socket.write(GET)
  await new Promise(resolve => socket.once('data', resolve))
  const error = new Promise(resolve => socket.once('error', resolve))
  socket.write(GET)
  t.match(await error, { code: 'ECONNRESET' })
  t.equal(upstream.requests.length, 1)
})

test('U1 an origin on which nobody listens refuses', async t => {
  const socket = connect(Number(new URL(await refusedOrigin()).port), '127.0.0.1')
  t.match(await new Promise(resolve => socket.once('error', resolve)), { code: 'ECONNREFUSED' })
})

test('a case folder is replayed byte for byte', async t => {
  const dir = t.testdir({
    json: {
      'meta.json': JSON.stringify({
        status: 400,
        content_type: 'application/json',
        streaming: false,
        response_headers: { 'x-request-id': 'r', 'transfer-encoding': 'chunked' },
        response_file: 'b.json'
      }),
      'b.json': '{"error":1}'
    },
    stream: {
      'meta.json': JSON.stringify({ status: 200, content_type: 'text/event-stream', streaming: true, response_file: 's.sse' }),
      's.sse': 'data: ü\r\n\r\n'
    },
    bad: { 'meta.json': '{}' }
  })
  const upstream = await startFaultUpstream(t, [replay(`${dir}/json`), replay(`${dir}/stream`, { split: 'every-byte' })])
  t.equal(
    (await exchange(upstream, GET, text => text.endsWith('}'))).text,
    'HTTP/1.1 400 Status\r\ncontent-type: application/json\r\nx-request-id: r\r\ncontent-length: 11\r\n\r\n{"error":1}'
  )
  t.equal((await exchange(upstream, GET, text => text.endsWith('0\r\n\r\n'))).text.split('1\r\n').length, 13)
  t.throws(() => replay(`${dir}/bad`), /meta\.json needs/)
  t.throws(() => replay(`${dir}/none`))
  mkdirSync(`${dir}/none`)
  writeFileSync(`${dir}/none/meta.json`, 'x')
  t.throws(() => replay(`${dir}/none`))
})

test('every recorded exchange can be replayed', async t => {
  const root = new URL('../../../shared/fixtures/', import.meta.url)
  if (!existsSync(root)) {
    t.comment('NOT RUN: the recorded exchanges are not here')
    return
  }
  const { readdirSync, readFileSync } = await import('node:fs')
  let cases = 0
  for (const provider of readdirSync(root, { withFileTypes: true })) {
    if (!provider.isDirectory()) continue
    for (const name of readdirSync(new URL(`${provider.name}/`, root))) {
      const dir = new URL(`${provider.name}/${name}`, root).pathname
      if (!existsSync(`${dir}/meta.json`)) continue
      const meta = JSON.parse(readFileSync(`${dir}/meta.json`, 'utf8')) as { response_file: string }
      t.same(
        Buffer.concat(replay(dir, { split: 'inside-characters' }).payload),
        readFileSync(`${dir}/${meta.response_file}`),
        `${provider.name}/${name}`
      )
      cases++
    }
  }
  t.ok(cases > 50, `${cases} cases`)
})

test('everything is closed with the test', async t => {
  const closers: (() => unknown)[] = []
  const upstream = await startFaultUpstream(
    {
      teardown: fn => {
        closers.push(fn)
      }
    },
    hang()
  )
  const client = connect(upstream.port, '127.0.0.1')
  client.write(GET)
  await upstream.until(() => upstream.requests.length === 1)
  const closed = new Promise(resolve => client.once('close', resolve))
  for (const close of closers) await close()
  await closed
  t.equal(upstream.sockets, 0)
  await upstream.close()
})
