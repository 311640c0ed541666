import { stripVTControlCharacters } from 'node:util'
import { test } from 'tap'
import { ERROR_CODES } from '@headgate/api'
import { ConfigError } from '../../core/config/diagnostics.ts'
import { formatDiagnostics } from '../../core/config/format.ts'
import { createValidator } from '../../core/config/validate.ts'
import { suggest } from '../../core/config/suggest.ts'
import type { Diagnostic } from '../../core/config/types.ts'
import { load, mistakes } from './config-folder.ts'

const EXAMPLE = `version: 1
plugins:
  auth: { use: auth-none }
  limiter:
    use: rate-limit
    config:
      limitt: 100
      window: 60
      by: team
routes:
  - name: all
    match: { path: /v1/* }
    pipeline: [auth, limitr, openai]
`

const LIMITER = {
  type: 'object',
  additionalProperties: false,
  required: ['limit'],
  properties: {
    limit: { type: 'integer' },
    window: { type: 'string', format: 'duration' },
    by: { type: 'string', enum: ['key', 'user', 'model'] }
  }
} as const

test('P18 G3 four mistakes, one report, word for word', t => {
  const { config, document, report } = load(t, EXAMPLE)
  t.equal(report.failed, false)
  report.add({
    code: 'HG_CONFIG_REFERENCE',
    path: ['routes', 0, 'pipeline', 1],
    message: 'no plugin instance named "limitr"',
    hint: 'did you mean "limiter"?'
  })
  createValidator().compileSchema(LIMITER)(config.plugins.limiter?.config, {
    document,
    path: ['plugins', 'limiter', 'config'],
    report,
    label: 'limiter'
  })
  let error: unknown
  try {
    report.throwIfAny()
  } catch (thrown) {
    error = thrown
  }
  t.ok(error instanceof ConfigError)
  const { diagnostics } = error as ConfigError
  t.equal(
    formatDiagnostics(diagnostics, { color: false, cwd: t.testdirName }),
    `headgate.yaml:7:7 limiter: unknown option "limitt"
    7 |       limitt: 100
      |       ^^^^^^ did you mean "limit"?

headgate.yaml:8:15 limiter: expected string, got number
    8 |       window: 60
      |               ^^ write "60s"?

headgate.yaml:9:11 limiter: "team" is not one of "key", "user", "model"
    9 |       by: team
      |           ^^^^

headgate.yaml:13:22 no plugin instance named "limitr"
   13 |     pipeline: [auth, limitr, openai]
      |                      ^^^^^^ did you mean "limiter"?`
  )
  t.match((error as ConfigError).message, '7 |       limitt: 100')
  t.end()
})

test('P18 diagnostics are data: one code each, sorted by place', t => {
  const list = mistakes(t, 'version: 2\nplugins:\n  a: {}\n  b: { use: x, timeout: soon }\nroutes: {}\nservr: {}\n')
  t.strictSame(
    list.map(({ code, line, col }) => [code, line, col]),
    [
      ['HG_CONFIG_INVALID', 1, 10],
      ['HG_CONFIG_MISSING', 3, 3],
      ['HG_CONFIG_INVALID', 4, 25],
      ['HG_CONFIG_INVALID', 5, 9],
      ['HG_CONFIG_UNKNOWN_OPTION', 6, 1]
    ]
  )
  for (const { code } of list) t.ok(code in ERROR_CODES)
  t.strictSame(JSON.parse(JSON.stringify(list)), list)
  t.end()
})

test('the same mistake is told once, and reports know what they are about', t => {
  const { report } = load(t, EXAMPLE)
  t.doesNotThrow(() => report.throwIfAny())
  for (let i = 0; i < 3; i++) report.add({ code: 'HG_CONFIG_REFERENCE', path: ['routes', 0, 'pipeline', 0], message: 'wrong' })
  t.equal(report.list.length, 1)
  t.equal(report.touches(['routes', 0]), true)
  t.equal(report.touches(['routes', 1]), false)
  t.equal(report.touches(['plugins']), false)
  t.end()
})

test('a secret that is written out is starred in every frame', t => {
  const key = 'sk-written-out-0123456789'
  const list = mistakes(t, `version: 1\nproviders:\n  up: { use: x, config: { api_key: ${key}, client-secret: '${key}' }, nonsense: 1 }\n`)
  t.equal(list.length, 1)
  t.notMatch(JSON.stringify(list), key)
  t.match(list[0]?.source, 'api_key: ************')
  const { document, report, config } = load(t, `version: 1\nproviders:\n  up: { use: x, config: { pass: ${key}, n: a } }\n`)
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: { pass: { type: 'string', format: 'secret', maxLength: 3 }, n: { type: 'number' } }
  } as const
  createValidator().compileSchema(schema)(config.providers.up?.config, {
    document,
    path: ['providers', 'up', 'config'],
    report,
    label: 'up'
  })
  t.strictSame(
    report.list.map(entry => entry.message),
    ['up: must have at most 3 characters', 'up: expected number, got string']
  )
  t.notMatch(JSON.stringify(report.list), key)
  t.end()
})

const DIAGNOSTIC: Diagnostic = {
  code: 'HG_CONFIG_INVALID',
  message: 'wrong',
  file: '/etc/headgate.yaml',
  line: 3,
  col: 4,
  length: 2,
  source: '\t\tab: cd'
}

test('frames: tabs are kept, long lines are cut, control characters are not printed', t => {
  const format = (change: Partial<Diagnostic>): string => formatDiagnostics([{ ...DIAGNOSTIC, ...change }], { color: false, cwd: '/etc' })
  t.equal(format({}), 'headgate.yaml:3:4 wrong\n    3 | \t\tab: cd\n      | \t\t ^^')
  const long = format({ source: `${'x'.repeat(400)}y${'z'.repeat(400)}`, col: 401, length: 1 })
  const [, line = '', caret = ''] = long.split('\n')
  t.ok(line.length < 200)
  t.equal(line[caret.indexOf('^')], 'y')
  t.equal(
    format({ source: 'a\u001b[2Jb', col: 1, length: 1, message: 'w\u0007' }),
    'headgate.yaml:3:4 w\ufffd\n    3 | a\ufffd[2Jb\n      | ^'.replace(':4', ':1')
  )
  t.equal(format({ line: 0, col: 0, length: 0, source: '', hint: 'try' }), 'headgate.yaml: wrong\n      try')
  t.equal(format({ file: '/other/x.yaml' }).split(':')[0], '/other/x.yaml')
  t.match(format({ source: 'short', col: 900, hint: 'there' }), 'short\n      there')
  t.end()
})

test('colour changes nothing but colour', t => {
  const list = [DIAGNOSTIC, { ...DIAGNOSTIC, line: 0 }]
  const coloured = formatDiagnostics(list, { color: true, cwd: '/etc' })
  t.match(coloured, '\u001b[')
  t.equal(stripVTControlCharacters(coloured), formatDiagnostics(list, { color: false, cwd: '/etc' }))
  t.end()
})

test('suggestions are near, and the nearest', t => {
  t.equal(suggest('limitt', ['limit', 'window']), 'limit')
  t.equal(suggest('limti', ['limit']), 'limit', 'a swap is one edit')
  t.equal(suggest('LISTEN', ['listens', 'listen']), 'listen', 'only case differs')
  t.equal(suggest('wndw', ['wide', 'window']), undefined)
  t.equal(suggest('abcdef', ['abxxef', 'abcxef']), 'abcxef')
  t.equal(suggest('by', ['key']), undefined)
  t.equal(suggest('ky', ['key']), 'key')
  t.equal(suggest('', ['a']), undefined)
  t.equal(suggest('same', ['same']), undefined)
  t.equal(suggest('x'.repeat(100_000), ['y'.repeat(100_000)]), undefined)
  t.end()
})
