import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readDocument } from '../../core/config/document.ts'
import { load, mistakes, printed, read, type Env } from './config-folder.ts'

const PLANTED = 'sk-planted-0123456789'

test('G4 a missing variable is told by name, at its place', t => {
  t.equal(
    printed(t, 'version: 1\nproviders:\n  up:\n    use: x\n    config: { api_key: "Bearer ${OPENAI_API_KEY}" }\n'),
    [
      'headgate.yaml:5:32 OPENAI_API_KEY is not set',
      '    5 |     config: { api_key: "Bearer ${OPENAI_API_KEY}" }',
      '      |                                ^^^^^^^^^^^^^^^^^ set it in the environment or in .env'
    ].join('\n')
  )
  t.end()
})

test('G4 an empty variable is as good as none, unless there is a default', t => {
  t.match(mistakes(t, 'version: 1\nserver: { data: "${DATA}" }\n', { DATA: '' }), [
    { code: 'HG_CONFIG_VARIABLE', message: 'DATA is empty' }
  ])
  t.match(read(t, 'a: "${DATA:-./d}"\nb: "${DATA:-}"\nc: ${NONE:-x}\n', { DATA: '' }).value, { a: './d', b: '', c: 'x' })
  t.end()
})

test('G4 all missing variables are told at once', t => {
  const list = mistakes(t, 'version: 1\nserver: { data: "${A}/${B}", listen: "${C}" }\n')
  t.strictSame(
    list.map(entry => entry.message),
    ['A is not set', 'B is not set', 'C is not set']
  )
  t.end()
})

test('G4 a value cannot inject YAML', t => {
  const evil = 'x\nadmin: 0.0.0.0:1\n- {a: b}\n"quoted": *alias # comment'
  const document = read(t, 'version: 1\nserver:\n  data: ${EVIL}\n', { EVIL: evil })
  t.strictSame(document.value, { version: 1, server: { data: evil } })
  t.strictSame(read(t, 'a: ${EVIL}\n', { EVIL: '{ b: c }' }).value, { a: '{ b: c }' })
  t.strictSame(
    read(t, 'a: ${EVIL}\nb: x\n', { EVIL: '${OTHER}', OTHER: 'no' }).value,
    { a: '${OTHER}', b: 'x' },
    'values are not filled in again'
  )
  t.end()
})

test('G4 the value of a variable is in no message', t => {
  const env: Env = { PLANTED }
  const cases = [
    'version: 1\nserver: { listen: "${PLANTED}" }\n',
    'version: 1\nserver: { max_connections: "${PLANTED}" }\n',
    'version: 1\nserver: { timeout: "${PLANTED}" }\n',
    'version: 1\nserver: { heartbeat: "${PLANTED}", drain: "${PLANTED}" }\n',
    'version: 1\nroutes: [{ name: "${PLANTED} !", match: { path: "${PLANTED}" }, pipeline: "${PLANTED}" }]\n',
    'version: 1\nplugins: { a: { use: x, on_error: "${PLANTED}" } }\n',
    'version: 1\ninclude: ["./${PLANTED}.yaml"]\n',
    'version: "${PLANTED}"\n'
  ]
  for (const text of cases) {
    const list = mistakes(t, text, env)
    t.ok(list.length > 0, text)
    t.notMatch(JSON.stringify(list), PLANTED, text)
    t.match(JSON.stringify(list), 'PLANTED', 'the line with the variable is shown')
  }
  t.end()
})

test('G4 a message of somebody else that quotes a value is masked', t => {
  const { report } = load(t, 'version: 1\nplugins: { a: { use: x, config: { url: "${PLANTED}" } } }\n', { PLANTED })
  report.add({
    code: 'HG_CONFIG_INVALID',
    path: ['plugins', 'a', 'config', 'url'],
    message: `${PLANTED} is not reachable`,
    hint: `not ${PLANTED}`
  })
  t.match(report.list, [{ message: '*** is not reachable', hint: 'not ***' }])
  t.end()
})

test('variables in all kinds of scalars, defaults within defaults, and the escape', t => {
  const env = { A: 'a', B: 'b' }
  t.strictSame(
    read(
      t,
      [
        'plain: ${A}',
        "single: '${A}'",
        'double: "${A}-${B}"',
        'list: ["${A}", x]',
        'block: |',
        '  ${A}',
        '  ${B}',
        'nested: "${X:-${Y:-${B}}}"',
        'spare: "${X:-a:b-c}"',
        'escaped: "$${A} $$ $A ${A}"',
        'inner: "${X:-$${A}}"',
        'number: 5'
      ].join('\n'),
      env
    ).value,
    {
      plain: 'a',
      single: 'a',
      double: 'a-b',
      list: ['a', 'x'],
      block: 'a\nb\n',
      nested: 'b',
      spare: 'a:b-c',
      escaped: '${A} $$ $A a',
      inner: '${A}',
      number: 5
    }
  )
  t.end()
})

test('names of members of every object are no variables', t => {
  t.match(mistakes(t, 'version: 1\nserver: { data: "${constructor}" }\n'), [{ message: 'constructor is not set' }])
  t.end()
})

test('what is no variable is an error that says how to write it', t => {
  const hint = 'write $${ for a ${ that is meant as text'
  t.match(mistakes(t, 'version: 1\nserver: { data: "${A-B}" }\n'), [
    { code: 'HG_CONFIG_VARIABLE', message: '"${A-B}" is neither a variable nor a file', hint }
  ])
  t.match(mistakes(t, 'version: 1\nserver: { data: "${}" }\n'), [{ message: '"${}" is neither a variable nor a file' }])
  t.match(mistakes(t, 'version: 1\nserver: { data: "${A" }\n', { A: 'x' }), [{ message: '"${" is never closed', hint }])
  t.match(mistakes(t, `version: 1\nserver: { data: "${'${A:-'.repeat(20)}x${'}'.repeat(20)}" }\n`), [
    { message: 'more than 8 defaults within each other' }
  ])
  t.end()
})

test('a secret from a file, relative to the config, without its newline', t => {
  const dir = t.testdir({ 'headgate.yaml': 'a: "${file:./secrets/key}"\nb: "${file:gone:-spare}"\n', secrets: { key: `${PLANTED}\n` } })
  const document = readDocument(join(dir, 'headgate.yaml'), { env: {} })
  t.strictSame(document.value, { a: PLANTED, b: 'spare' })
  t.equal(document.isInterpolated(['a']), true)
  t.strictSame(document.files.length, 1)
  t.end()
})

test('a secret file that cannot be used is told by path', t => {
  const dir = t.testdir({
    'headgate.yaml': 'a: "${file:gone}"\nb: "${file:dir}"\nc: "${file:big}"\nd: "${file:empty}"\ne: "${file:binary}"\n',
    empty: '\n',
    big: 'x'.repeat(64 * 1024 + 1)
  })
  mkdirSync(join(dir, 'dir'))
  writeFileSync(join(dir, 'binary'), Buffer.from([0xff, 0xfe, 0xfd]))
  const { problems } = readDocument(join(dir, 'headgate.yaml'), { env: {} })
  t.strictSame(problems.map(entry => entry.message).sort(), [
    'file:big is larger than 64 KiB',
    'file:binary is not UTF-8 text',
    'file:dir is not a file',
    'file:empty is empty',
    'file:gone does not exist'
  ])
  t.end()
})

test('a provider that is optional is left out when its variables are not set', t => {
  const text = [
    'version: 1',
    'providers:',
    '  openai: { use: provider-openai, optional: true, config: { api_key: "${OPENAI_API_KEY}", org: "${OPENAI_ORG}" } }',
    '  claude: { use: provider-anthropic, optional: true, config: { api_key: "${ANTHROPIC_API_KEY}" } }'
  ].join('\n')
  const { config, document, report } = load(t, text, { ANTHROPIC_API_KEY: PLANTED })
  t.equal(report.failed, false)
  t.strictSame(Object.keys(config.providers), ['claude'])
  t.match(document.value, { providers: { openai: undefined } })
  t.match(document.unconfigured, [{ name: 'openai', use: 'provider-openai', missing: ['OPENAI_API_KEY', 'OPENAI_ORG'] }])
  t.equal(document.missing(['providers', 'openai', 'config', 'api_key']), true)
  t.equal(document.missing(['providers', 'claude', 'config', 'api_key']), false)
  t.end()
})

test('optional does not cover a default, a plugin, or a misspelling', t => {
  const provider = (rest: string): string => `version: 1\nproviders: { up: { use: x, optional: true, ${rest} } }\n`
  t.strictSame(Object.keys(load(t, provider('config: { a: "${A:-b}" }')).config.providers), ['up'])
  t.match(mistakes(t, provider('config: { a: "${A}" }, alow_private: true')), [
    { code: 'HG_CONFIG_UNKNOWN_OPTION', hint: 'did you mean "allow_private"?' }
  ])
  t.match(mistakes(t, provider('config: { a: "${A-}" }')), [{ code: 'HG_CONFIG_VARIABLE' }], 'a misspelt variable is still an error')
  t.match(
    mistakes(t, 'version: 1\nplugins: { p: { use: x, optional: true, config: { a: "${A}" } } }\n').map(entry => entry.code),
    ['HG_CONFIG_UNKNOWN_OPTION', 'HG_CONFIG_VARIABLE']
  )
  t.end()
})
