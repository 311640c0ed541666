import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { ConfigError } from '../../core/config/diagnostics.ts'
import { readDocument } from '../../core/config/document.ts'
import { mistakes } from './config-folder.ts'

const SECOND = 1000
const HUNDRED_MB = 100 * 1024 * 1024

/** Reads the file and proves that it was refused, soon and without much memory. */
function refused(t: Test, file: string): ConfigError | undefined {
  const memory = process.memoryUsage().rss
  const start = performance.now()
  let error: unknown
  try {
    readDocument(file, { env: {} })
  } catch (thrown) {
    error = thrown
  }
  t.ok(performance.now() - start < SECOND, 'in under a second')
  t.ok(process.memoryUsage().rss - memory < HUNDRED_MB, 'in under 100 MB')
  t.ok(error instanceof ConfigError)
  return error instanceof ConfigError ? error : undefined
}

function refusedText(t: Test, text: string): void {
  const file = join(t.testdir({ 'headgate.yaml': text }), 'headgate.yaml')
  const error = refused(t, file)
  t.equal(error?.code, 'HG_CONFIG_TOO_LARGE')
  t.ok(
    error?.diagnostics.every(entry => entry.line > 0 && entry.source !== ''),
    'at its place'
  )
}

test('G2 an alias bomb is refused before it goes off', t => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`)
  refusedText(t, lines.join('\n'))
  t.end()
})

test('G2 aliases cannot nest deeper than maps and lists', t => {
  const lines = ['a0: &a0 []']
  for (let i = 1; i < 200; i++) lines.push(`a${i}: &a${i} [*a${i - 1}]`)
  refusedText(t, lines.join('\n'))
  t.end()
})

test('G2 ten thousand levels are refused, however they are written', t => {
  const levels = 10_000
  for (const text of [
    '['.repeat(levels),
    '{a: '.repeat(levels),
    '- '.repeat(levels),
    '? '.repeat(levels),
    `${'['.repeat(levels)}${']'.repeat(levels)}`
  ])
    refusedText(t, text)
  t.end()
})

test('G2 sixty levels are fine', t => {
  const file = join(t.testdir({ 'headgate.yaml': `a: ${'['.repeat(60)}${']'.repeat(60)}\n` }), 'headgate.yaml')
  t.doesNotThrow(() => readDocument(file, { env: {} }))
  t.end()
})

test('G2 a file of 100 MB is not even read', t => {
  const file = join(t.testdir({ 'headgate.yaml': 'version: 1\n' }), 'headgate.yaml')
  truncateSync(file, HUNDRED_MB)
  const error = refused(t, file)
  t.equal(error?.code, 'HG_CONFIG_TOO_LARGE')
  t.match(error?.diagnostics, [{ line: 0, message: 'the file is larger than 1 MiB' }])
  t.end()
})

test('G2 a file without an end is refused', t => {
  t.equal(refused(t, '/dev/zero')?.code, 'HG_CONFIG_NOT_FOUND')
  t.end()
})

test('G2 a megabyte of small things is refused', t => {
  for (const piece of ['&a ', '- a\n', 'a: 1\n', '#\n', '---\n', '*a ', '!a ', '[],', '"'])
    refusedText(t, (piece === '[],' ? '[' : '') + piece.repeat(1_000_000 / piece.length))
  t.end()
})

test('G2 many small files are as large as one large file', t => {
  const files: Record<string, string> = { 'headgate.yaml': 'version: 1\ninclude: ["./d/*.yaml"]\n' }
  for (let i = 0; i < 300; i++) files[`d/${i}.yaml`] = `plugins: { p${i}: { use: x } }\n`
  t.match(mistakes(t, files).at(0), { code: 'HG_CONFIG_INCLUDE', message: 'more than 256 config files' })
  const large: Record<string, string> = { 'headgate.yaml': 'version: 1\ninclude: ["./d/*.yaml"]\n' }
  for (let i = 0; i < 12; i++) large[`d/${i}.yaml`] = `# ${'x'.repeat(1_000_000)}\n`
  t.match(mistakes(t, large).at(0), { code: 'HG_CONFIG_TOO_LARGE', message: 'the config files are larger than 10 MiB together' })
  t.end()
})

test('G2 variables cannot blow a config up', t => {
  const text = `version: 1\nserver: { data: "${'${BIG}'.repeat(1000)}" }\n`
  t.match(mistakes(t, text, { BIG: 'x'.repeat(100_000) }), [{ code: 'HG_CONFIG_TOO_LARGE', line: 2 }])
  t.end()
})

test('G2 a hostile include pattern ends', t => {
  const start = performance.now()
  t.strictSame(mistakes(t, `version: 1\ninclude: ["./${'*a'.repeat(200)}b"]\n`), [])
  t.ok(performance.now() - start < SECOND)
  t.end()
})
