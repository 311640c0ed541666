import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { LineWriter } from '../writer.ts'
import { exchange, makeRig } from './context.ts'

function openFile(t: Test): { fd: number; read: () => string } {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-writer-'))
  const path = join(dir, 'out')
  const fd = openSync(path, 'a')
  t.teardown(() => {
    closeSync(fd)
    rmSync(dir, { recursive: true, force: true })
  })
  return { fd, read: () => readFileSync(path, 'utf8') }
}

test('lines arrive whole and in order', async t => {
  const { fd, read } = openFile(t)
  const writer = new LineWriter(fd, 10_000, err => {
    throw err
  })
  const expected: string[] = []
  for (let i = 0; i < 2000; i++) {
    const line = `${i} ${'é'.repeat(i % 700)}`
    expected.push(line)
    writer.push(line)
  }
  await writer.flush(AbortSignal.timeout(5000))
  t.equal(read(), expected.join('\n') + '\n')
  t.equal(writer.dropped, 0)
})

test('what does not fit the queue is dropped and counted, by lines and by size', async t => {
  const { fd, read } = openFile(t)
  const writer = new LineWriter(fd, 10, err => {
    throw err
  })
  for (let i = 0; i < 25; i++) writer.push(String(i))
  t.equal(writer.dropped, 15)
  await writer.flush(AbortSignal.timeout(5000))
  t.equal(read(), '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n', 'the oldest stay')
  writer.push('later')
  await writer.flush(AbortSignal.timeout(5000))
  t.match(read(), /later/, 'and it goes on')
  const large = new LineWriter(fd, 10, err => {
    throw err
  })
  for (let i = 0; i < 4; i++) large.push('x'.repeat(5 * 1024 * 1024))
  t.equal(large.dropped, 1)
  large.stop()
  t.equal(large.dropped, 4)
})

test('a reader that went away ends the writing, not the process', async t => {
  const script = `
    import { LineWriter } from ${JSON.stringify(new URL('../writer.ts', import.meta.url).href)}
    const closed = []
    const writer = new LineWriter(1, 1000, err => { closed.push(err.code) })
    process.stdin.once('data', async () => {
      for (let i = 0; i < 100; i++) writer.push('line')
      await writer.flush(AbortSignal.timeout(2000))
      writer.push('more')
      await writer.flush(AbortSignal.timeout(2000))
      process.stderr.write(JSON.stringify({ closed, dropped: writer.dropped }))
      process.exit(0)
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'pipe'] })
  let report = ''
  child.stderr.on('data', (text: Buffer) => {
    report += text.toString()
  })
  child.stdout.destroy()
  child.stdin.write('go\n')
  t.equal(
    await new Promise(resolve => {
      child.once('close', resolve)
    }),
    0
  )
  t.same(JSON.parse(report), { closed: ['EPIPE'], dropped: 101 })
})

test('a reader that is slow gets everything', async t => {
  const script = `
    import { LineWriter } from ${JSON.stringify(new URL('../writer.ts', import.meta.url).href)}
    process.stdout._handle?.setBlocking?.(false)
    const writer = new LineWriter(1, 10000, err => { throw err })
    for (let i = 0; i < 2000; i++) writer.push(String(i).padEnd(500, '.'))
    await writer.flush(AbortSignal.timeout(5000))
    process.exit(writer.dropped)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.pause()
  setTimeout(() => {
    child.stdout.resume()
  }, 50)
  let got = ''
  child.stdout.on('data', (text: Buffer) => {
    got += text.toString()
  })
  child.stdout.pause()
  t.equal(
    await new Promise(resolve => {
      child.once('close', resolve)
    }),
    0
  )
  t.equal(got.split('\n').length, 2001)
})

test('lost lines are reported at the end', async t => {
  const rig = await makeRig(t, { queue: 2 })
  for (let i = 0; i < 5; i++) await rig.instance.log?.(exchange())
  t.equal((await rig.lines()).length, 2)
  t.match(rig.warned, [{ facts: { dropped: 3 }, message: /lost/ }])
})

test("after close nothing is written to a descriptor that may be somebody else's", async t => {
  const rig = await makeRig(t)
  await rig.instance.log?.(exchange())
  t.equal((await rig.lines()).length, 1)
  await rig.instance.log?.(exchange())
  await rig.instance.close?.(AbortSignal.timeout(100))
  t.equal((await rig.lines()).length, 1)
})
