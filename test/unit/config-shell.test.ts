import { test } from 'tap'
import type { Schema } from '@headgate/api'
import { parseAddress } from '../../core/config/address.ts'
import { SHELL } from '../../core/config/shell.ts'
import { createValidator } from '../../core/config/validate.ts'
import { load, mistakes } from './config-folder.ts'

test('the smallest config has every default', t => {
  const { config, report } = load(t, 'version: 1\n')
  t.equal(report.failed, false)
  t.same(config, {
    version: 1,
    server: {
      listen: '127.0.0.1:8080',
      admin: '127.0.0.1:9090',
      data: './data',
      body_limit: 20 * 1024 * 1024,
      trust_proxy: false,
      reuse_port: false,
      heartbeat: 15_000,
      max_connections: 10_000,
      timeout: { headers: 10_000, request: 30_000, write_stall: 60_000, keep_alive: 72_000 },
      drain: { notice: 5000, streams: 120_000 }
    },
    plugins: {},
    providers: {},
    routes: []
  })
  t.end()
})

test('every shorthand loads', t => {
  const { config, report } = load(
    t,
    `version: 1
server: { listen: 0.0.0.0:8080, body_limit: 64kb, drain: 30s, admin: false, trust_proxy: [10.0.0.0/8] }
plugins:
  keys: { use: auth-api-key, config: { file: ./keys.yaml }, on_error: allow, timeout: 20ms, required: true }
  judge: { use: "@acme/shield" }
providers:
  up: { use: provider-openai, pool: { connections: 256, keep_alive: 4s }, allow_private: true, timeout: { connect: 2s }, max_response: 1mb }
routes:
  - name: chat
    match: { path: [/v1/chat/completions, /v1/messages], method: POST, host: "*.gw", header: { x-team: [hr, legal] } }
    timeout: 120s
    strict: true
    uncovered: allow
    retry: { max_attempts: 3 }
    pipeline:
      - keys
      - { plugin: judge, overlap: true, timeout: 1s, on_error: deny, when: { not: { principal.scopes: trusted } } }
  - { name: embed, match: { path: /v1/embeddings }, timeout: { first_token: 5s, total: 1m }, pipeline: [keys] }
plugins_allow: ["@acme/*"]
allow_experimental: true
`
  )
  t.strictSame(report.list, [])
  t.match(config.server, { body_limit: 65_536, admin: false, drain: { notice: 5000, streams: 30_000 }, trust_proxy: ['10.0.0.0/8'] })
  t.strictSame(config.plugins.keys, {
    use: 'auth-api-key',
    config: { file: './keys.yaml' },
    on_error: 'allow',
    timeout: 20,
    required: true
  })
  t.strictSame(config.providers.up, {
    use: 'provider-openai',
    pool: { connections: 256, keep_alive: 4000 },
    allow_private: true,
    timeout: { connect: 2000 },
    max_response: 1_048_576
  })
  t.match(config.routes, [
    {
      timeout: 120_000,
      pipeline: ['keys', { plugin: 'judge', overlap: true, timeout: 1000, when: { not: { 'principal.scopes': 'trusted' } } }]
    },
    { timeout: { first_token: 5000, total: 60_000 } }
  ])
  t.strictSame(config.plugins_allow, ['@acme/*'])
  t.end()
})

test('no name finds anything that the file does not define', t => {
  const { config } = load(t, 'version: 1\n')
  t.equal(config.plugins.constructor, undefined)
  t.equal(config.providers.toString, undefined)
  t.end()
})

test('process variables win over the file', t => {
  const text = 'version: 1\nserver: { listen: 127.0.0.1:1, admin: 127.0.0.1:2, data: ./a }\n'
  t.match(load(t, text, {}, { listen: '127.0.0.1:9', admin: false, data: '/b' }).config.server, {
    listen: '127.0.0.1:9',
    admin: false,
    data: '/b'
  })
  t.match(load(t, text, {}, { listen: undefined, admin: undefined }).config.server, {
    listen: '127.0.0.1:1',
    admin: '127.0.0.1:2',
    data: './a'
  })
  t.end()
})

test('G3 a misspelling anywhere in the shell is told with what was meant', t => {
  const cases: [string, string][] = [
    ['servr: {}', 'server'],
    ['server: { lisen: 127.0.0.1:1 }', 'listen'],
    ['server: { timeout: { header: 1s } }', 'headers'],
    ['server: { drain: { streems: 1s } }', 'streams'],
    ['plugins: { a: { use: x, confg: {} } }', 'config'],
    ['providers: { a: { use: x, allow_privat: true } }', 'allow_private'],
    ['providers: { a: { use: x, pool: { conections: 1 } } }', 'connections'],
    ['routes: [{ name: a, match: { pth: / }, pipeline: [] }]', 'path'],
    ['routes: [{ name: a, match: { path: / }, pipelin: [] }]', 'pipeline'],
    ['routes: [{ name: a, match: { path: / }, pipeline: [{ plugin: a, wen: {} }] }]', 'when'],
    ['routes: [{ name: a, match: { path: / }, pipeline: [{ plugn: a }] }]', 'plugin'],
    ['routes: [{ name: a, match: { path: / }, pipeline: [], timeout: { frist_token: 1s } }]', 'first_token']
  ]
  for (const [text, meant] of cases) {
    const list = mistakes(t, `version: 1\n${text}\n`)
    t.strictSame(
      list.map(({ code, hint }) => [code, hint]),
      [['HG_CONFIG_UNKNOWN_OPTION', `did you mean "${meant}"?`]],
      text
    )
  }
  t.end()
})

test('P18 wrong values of the shell, all at once', t => {
  const list = mistakes(
    t,
    `version: 1
server:
  listen: 8080
  admin: localhost
  body_limit: big
  max_connections: 0
  heartbeat: 25d
plugins:
  1st: { use: x }
  ok: { use: "" }
providers:
  a/b: { use: x }
routes:
  - { name: "a b", match: { path: v1 }, pipeline: keys }
  - { name: c, match: { path: [] }, pipeline: [5], retry: { max_attempts: 99 } }
`
  )
  t.strictSame(
    list.map(({ line, message }) => `${line} ${message}`),
    [
      '3 expected string, got number',
      '4 "localhost" is not an address',
      '5 "big" is not a size',
      '6 must be at least 1, got 0',
      '7 "25d" is not a duration of at most 24 days',
      '9 "1st" cannot be a name',
      '10 must not be empty',
      '12 "a/b" cannot be a name',
      '14 "a b" does not match ^[A-Za-z0-9][A-Za-z0-9_.-]*$',
      '14 "v1" does not match ^/',
      '14 expected list, got string',
      '15 needs at least 1 entry',
      '15 expected string or map, got number',
      '15 must be at most 10, got 99'
    ]
  )
  t.end()
})

test('a shell with mistakes still has a shape to look at', t => {
  const { config, report } = load(
    t,
    'version: 1\nserver: 5\nplugins: { a: { use: x, timeout: soon }, b: 5 }\nproviders: []\nroutes: [{ name: r, match: { path: / }, pipeline: [a], strict: perhaps }]\n'
  )
  t.equal(report.failed, true)
  t.equal(config.server.listen, '127.0.0.1:8080')
  t.strictSame(Object.entries(config.plugins), [['a', { use: 'x' }]])
  t.strictSame(Object.keys(config.providers), [])
  t.match(config.routes, [{ name: 'r', pipeline: ['a'], strict: undefined }])
  t.equal(report.touches(['plugins', 'b']), true)
  t.equal(report.touches(['routes', 0]), true)
  t.end()
})

test('a flag from a variable is a flag', t => {
  const { config, report } = load(
    t,
    'version: 1\nserver: { reuse_port: "${R}", max_connections: "${M}", admin: "${ADMIN}" }\nallow_experimental: "${E:-true}"\n',
    { R: 'true', M: '5', ADMIN: 'false' }
  )
  t.strictSame(report.list, [])
  t.match(config, { server: { reuse_port: true, max_connections: 5, admin: false }, allow_experimental: true })
  t.end()
})

test('every option of the shell is described, and its schema is sound', t => {
  const bare: string[] = []
  const visit = (schema: Schema, where: string): void => {
    for (const [name, below] of Object.entries(schema.properties ?? {})) {
      if (below.description === undefined) bare.push(`${where}/${name}`)
      visit(below, `${where}/${name}`)
    }
    for (const below of [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])]) {
      if (typeof below === 'object') visit(below, where)
    }
  }
  visit(SHELL, '')
  t.strictSame(bare, [])
  t.strictSame(createValidator().checkSchema(SHELL), [])
  t.end()
})

test('addresses', t => {
  t.strictSame(parseAddress('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 })
  t.strictSame(parseAddress('[::1]:0'), { host: '::1', port: 0 })
  t.strictSame(parseAddress('*:80'), { host: '::', port: 80 })
  t.strictSame(parseAddress('gateway.internal:65535'), { host: 'gateway.internal', port: 65_535 })
  for (const bad of ['8080', ':8080', 'a:', 'a:65536', '::1:80', 'a b:1', 'http://a:1', '*a:1', ''])
    t.equal(parseAddress(bad), undefined, bad)
  t.end()
})
