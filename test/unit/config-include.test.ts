import { basename, join } from 'node:path'
import { test } from 'tap'
import { readDocument } from '../../core/config/document.ts'
import { load, mistakes, printed, read } from './config-folder.ts'

test('included files are merged: named things side by side, routes after the own ones', t => {
  const { config, document, report } = load(t, {
    'headgate.yaml':
      'version: 1\ninclude: [./base.yaml, "./routes/*.yaml"]\nplugins: { own: { use: x } }\nserver: { listen: 127.0.0.1:1, timeout: { headers: 1s } }\nroutes:\n  - { name: first, match: { path: / }, pipeline: [own] }\n',
    'base.yaml':
      'server: { listen: 127.0.0.1:2, data: ./other, timeout: { headers: 9s, request: 9s } }\nplugins: { base: { use: y } }\nproviders: { up: { use: z } }\n',
    'routes/b.yaml': 'routes: [{ name: b, match: { path: /b }, pipeline: [base] }]\n',
    'routes/a.yaml': 'routes: [{ name: a, match: { path: /a }, pipeline: [base] }]\n',
    'routes/.hidden.yaml': 'nonsense: 1\n',
    'routes/notes.txt': 'nonsense: 1\n'
  })
  t.equal(report.failed, false)
  t.strictSame(Object.keys(config.plugins), ['own', 'base'])
  t.strictSame(Object.keys(config.providers), ['up'])
  t.strictSame(
    config.routes.map(route => route.name),
    ['first', 'a', 'b']
  )
  t.match(config.server, { listen: '127.0.0.1:1', data: './other', timeout: { headers: 1000, request: 9000 } })
  t.strictSame(
    document.files.map(file => basename(file)),
    ['headgate.yaml', 'base.yaml', 'a.yaml', 'b.yaml']
  )
  t.notOk('include' in config)
  t.end()
})

test('positions in an included file name that file', t => {
  t.equal(
    printed(t, {
      'headgate.yaml': 'version: 1\ninclude: [./base.yaml]\n',
      'base.yaml': '# base\nserver: { listn: 127.0.0.1:1 }\n'
    }),
    [
      'base.yaml:2:11 unknown option "listn"',
      '    2 | server: { listn: 127.0.0.1:1 }',
      '      |           ^^^^^ did you mean "listen"?'
    ].join('\n')
  )
  t.end()
})

test('a name in two files is an error that names both places', t => {
  t.equal(
    printed(t, {
      'headgate.yaml': 'version: 1\ninclude: [./base.yaml]\nplugins:\n  keys: { use: x }\n',
      'base.yaml': 'plugins:\n\n  keys: { use: y }\n'
    }),
    [
      'headgate.yaml:4:3 plugin "keys" is defined in base.yaml:3:3 as well',
      '    4 |   keys: { use: x }',
      '      |   ^^^^ a name belongs to one file'
    ].join('\n')
  )
  const clash = mistakes(t, {
    'headgate.yaml': 'version: 1\ninclude: [./a.yaml, ./b.yaml]\n',
    'a.yaml': 'providers: { up: { use: x } }\n',
    'b.yaml': 'providers: { up: { use: x } }\n'
  })
  t.match(clash, [{ code: 'HG_CONFIG_INCLUDE', file: /a\.yaml$/, message: 'provider "up" is defined in b.yaml:1:14 as well' }])
  t.end()
})

test('sections of different shapes are told, not dropped', t => {
  const list = mistakes(t, {
    'headgate.yaml': 'version: 1\ninclude: ./base.yaml\nplugins: { a: { use: x } }\n',
    'base.yaml': 'plugins: [a]\n'
  })
  t.match(list, [{ code: 'HG_CONFIG_INVALID', file: /base\.yaml$/, message: '"plugins" is a map in one file and a list in the other' }])
  t.end()
})

test('an include that comes back is an error, one that is reached twice is read once', t => {
  t.match(
    mistakes(t, {
      'headgate.yaml': 'version: 1\ninclude: [./a.yaml]\n',
      'a.yaml': 'include: [./b.yaml]\n',
      'b.yaml': 'include: [./headgate.yaml]\n'
    }),
    [{ code: 'HG_CONFIG_INCLUDE', file: /b\.yaml$/, line: 1, col: 11, message: 'this include comes back to a file that includes it' }]
  )
  t.strictSame(
    mistakes(t, {
      'headgate.yaml': 'version: 1\ninclude: [./a.yaml, ./b.yaml]\n',
      'a.yaml': 'include: [./c.yaml]\n',
      'b.yaml': 'include: [./c.yaml]\n',
      'c.yaml': 'plugins: { one: { use: x } }\n'
    }),
    []
  )
  t.end()
})

test('an include that is not there is an error; a pattern that fits nothing is not', t => {
  t.match(mistakes(t, 'version: 1\ninclude: [./gone.yaml]\n'), [{ code: 'HG_CONFIG_INCLUDE', line: 2, col: 11, length: 11 }])
  t.strictSame(mistakes(t, 'version: 1\ninclude: ["./gone/*.yaml"]\n'), [])
  for (const odd of ['a\\0b', 'x'.repeat(5000), '.', '/dev/null/x'])
    t.match(mistakes(t, `version: 1\ninclude: ["${odd}"]\n`), [{ code: 'HG_CONFIG_INCLUDE' }])
  t.end()
})

test('includes within includes have a bound', t => {
  const files: Record<string, string> = { 'headgate.yaml': 'version: 1\ninclude: [./0.yaml]\n' }
  for (let i = 0; i < 20; i++) files[`${i}.yaml`] = `include: [./${i + 1}.yaml]\n`
  t.match(mistakes(t, files), [{ code: 'HG_CONFIG_INCLUDE', message: 'more than 8 includes within each other' }])
  t.end()
})

test('syntax errors of all files are told at once', t => {
  const list = mistakes(t, {
    'headgate.yaml': 'version: 1\ninclude: [./a.yaml, ./b.yaml]\n',
    'a.yaml': 'a: [\n',
    'b.yaml': 'b: {\n'
  })
  t.strictSame(
    list.map(entry => basename(entry.file)),
    ['a.yaml', 'b.yaml']
  )
  t.end()
})

test('a variable can stand in an include', t => {
  const files = { 'headgate.yaml': 'version: 1\ninclude: ["./${TENANT}.yaml"]\n', 'acme.yaml': 'plugins: { a: { use: x } }\n' }
  t.match(read(t, files, { TENANT: 'acme' }).value, { plugins: { a: { use: 'x' } } })
  const dir = t.testdirName
  t.match(readDocument(join(dir, 'headgate.yaml'), { env: {} }).problems, [{ code: 'HG_CONFIG_VARIABLE', message: 'TENANT is not set' }])
  t.end()
})
