import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ConfigError } from '../../core/config/diagnostics.ts'
import { readDocument } from '../../core/config/document.ts'
import { mistakes, printed, read } from './config-folder.ts'

test('G1 a syntax error is told with position and caret', t => {
  t.equal(
    printed(t, 'version: 1\nserver: { listen: "127.0.0.1:8080"\nroutes: []\n'),
    [
      'headgate.yaml:3:1 flow map in block collection must be sufficiently indented and end with a }',
      '    3 | routes: []',
      '      | ^'
    ].join('\n')
  )
  t.equal(mistakes(t, 'version: 1\nserver: { listen: "127.0.0.1:8080"\nroutes: []\n')[0]?.code, 'HG_CONFIG_SYNTAX')
  t.end()
})

test('G1 a tab as indentation is told as such', t => {
  t.equal(
    printed(t, 'version: 1\nserver:\n\tlisten: 127.0.0.1:1\n'),
    ['headgate.yaml:3:1 a tab cannot indent YAML', '    3 | \tlisten: 127.0.0.1:1', '      | ^ use spaces'].join('\n')
  )
  t.end()
})

test('G1 a key that stands twice names the first one', t => {
  t.equal(
    printed(t, 'version: 1\nplugins:\n  a: { use: x }\n  b: { use: y }\n  a: { use: z }\n'),
    ['headgate.yaml:5:3 "a" stands here twice, first on line 3', '    5 |   a: { use: z }', '      |   ^'].join('\n')
  )
  t.end()
})

test('G1 an unquoted variable in a flow map is explained', t => {
  const [first] = mistakes(t, 'version: 1\nplugins: { a: { use: x, config: { key: ${KEY} } } }\n', { KEY: 'x' })
  t.equal(first?.line, 2)
  t.equal(first?.hint, 'inside { } and [ ] write "${…}" in quotes')
  t.end()
})

test('G1 what YAML allows and a config does not', t => {
  const cases: [string, RegExp, string][] = [
    ['- a\n- b\n', /a config is a map of options, not a list/, 'HG_CONFIG_INVALID'],
    ['just text\n', /not a single value/, 'HG_CONFIG_INVALID'],
    ['version: 1\n---\nversion: 1\n', /a config is one YAML document/, 'HG_CONFIG_SYNTAX'],
    ['%YAML 1.1\n---\nversion: 1\n', /YAML 1\.2, not 1\.1/, 'HG_CONFIG_SYNTAX'],
    ['version: !env X\n', /tag/, 'HG_CONFIG_SYNTAX'],
    ['version: !!binary aGk=\n', /tag/, 'HG_CONFIG_SYNTAX'],
    ['__proto__: { a: 1 }\n', /"__proto__" cannot be a key/, 'HG_CONFIG_SYNTAX'],
    ['? [a, b]\n: 1\n', /a key must be a plain text/, 'HG_CONFIG_SYNTAX'],
    ['base: &b { a: 1 }\nserver:\n  <<: *b\n', /merge keys are not part of YAML 1\.2/, 'HG_CONFIG_SYNTAX'],
    ['"${NAME}": 1\n', /filled into values, not into keys/, 'HG_CONFIG_SYNTAX'],
    ['a: *nothing\n', /no &nothing stands before it/, 'HG_CONFIG_SYNTAX'],
    ['a: &a [*a]\n', /\*a stands inside what it repeats/, 'HG_CONFIG_SYNTAX']
  ]
  for (const [text, message, code] of cases) {
    const [first] = mistakes(t, text)
    t.match(first?.message, message, text)
    t.equal(first?.code, code, text)
  }
  t.end()
})

test('G1 a file that is no UTF-8 text, or not there, is told by name', t => {
  const dir = t.testdir({ 'headgate.yaml': '' })
  writeFileSync(join(dir, 'headgate.yaml'), Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe]))
  t.throws(() => readDocument(join(dir, 'headgate.yaml'), { env: {} }), { code: 'HG_CONFIG_SYNTAX', message: /not UTF-8 text/ })
  t.throws(() => readDocument(join(dir, 'other.yaml'), { env: {} }), {
    code: 'HG_CONFIG_NOT_FOUND',
    message: /other\.yaml: the file does not exist/
  })
  t.throws(() => readDocument(dir, { env: {} }), ConfigError)
  t.end()
})

test('values are those of YAML 1.2, and keys are texts', t => {
  const document = read(t, 'a: no\nb: 0o17\nc: 1.50\nd: "x"\n1.50: e\ntrue: f\ng: &g { h: ~ }\ni: *g\n')
  t.strictSame(document.value, { a: 'no', b: 15, c: 1.5, d: 'x', '1.50': 'e', true: 'f', g: { h: null }, i: { h: null } })
  t.end()
})

test('a key named like a member of every object is only a key', t => {
  const { value } = read(t, 'constructor: 1\ntoString: 2\n')
  t.strictSame(Object.entries(value as object), [
    ['constructor', 1],
    ['toString', 2]
  ])
  t.end()
})

test('positions: keys, values, list entries, and what is not there', t => {
  const document = read(t, 'version: 1\nroutes:\n  - name: all\n    pipeline: [a, "bc"]\nempty:\n')
  const at = (path: (string | number)[], on: 'key' | 'value'): string => {
    const { line, col, length } = document.locate(path, on)
    return `${line}:${col}+${length}`
  }
  t.equal(at(['version'], 'key'), '1:1+7')
  t.equal(at(['version'], 'value'), '1:10+1')
  t.equal(at(['routes', 0, 'pipeline', 1], 'value'), '4:19+4')
  t.equal(at(['routes', 0, 'pipeline', 1], 'key'), '4:19+4')
  t.equal(at(['routes', 0, 'pipeline'], 'key'), '4:5+8')
  t.equal(at(['routes', 0, 'match', 'path'], 'key'), '2:1+6', 'the nearest owner with a key')
  t.equal(at(['empty'], 'value'), '5:1+5', 'an empty value stands for its key')
  t.equal(at(['nowhere'], 'value').split('+')[0], '1:1')
  t.equal(document.locate(['version'], 'key').source, 'version: 1')
  t.equal(document.has(['routes', 0]), true)
  t.equal(document.has(['routes', 1]), false)
  t.end()
})

test('a byte order mark and CRLF do not shift positions', t => {
  const [first] = mistakes(t, '\ufeffversion: 1\r\nservr: {}\r\n')
  t.match(first, { line: 2, col: 1, length: 5, source: 'servr: {}' })
  t.end()
})

test('an empty file is an empty config', t => {
  t.strictSame(read(t, '# nothing\n').value, {})
  t.match(mistakes(t, ''), [{ code: 'HG_CONFIG_MISSING', line: 1, col: 1 }])
  t.end()
})
