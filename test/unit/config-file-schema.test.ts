import { test, type Test } from 'tap'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { fileSchema, type Usable } from '../../core/config/file-schema.ts'
import { read } from './config-folder.ts'

const DEFINITIONS: readonly Usable[] = [
  {
    name: 'rate-limit',
    kind: 'plugin',
    configSchema: {
      type: 'object',
      additionalProperties: false,
      required: ['limit'],
      properties: {
        limit: { type: 'integer', minimum: 1, description: 'Requests.' },
        window: { type: 'string', format: 'duration', default: '1m' },
        burst: { type: 'string', format: 'size' },
        by: { type: 'string', enum: ['key', 'user'] },
        hook: { type: 'string', format: 'uri' }
      }
    }
  },
  {
    name: 'provider-openai',
    kind: 'provider',
    configSchema: { type: 'object', additionalProperties: false, properties: { api_key: { type: 'string', format: 'secret' } } }
  }
]

function compiled(): ValidateFunction {
  return new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true }).compile(fileSchema(DEFINITIONS))
}

function accepts(t: Test, text: string): boolean {
  return compiled()(read(t, `version: 1\n${text}\n`, { V: '${V}' }).value)
}

test('the schema is that of the whole file, with the options of what is installed', t => {
  const plugin = (config: string): string => `plugins: { a: { use: rate-limit, config: ${config} } }`
  t.ok(accepts(t, plugin('{ limit: 5, window: 1m, burst: 10mb, by: key, hook: "https://x" }')))
  t.ok(accepts(t, plugin('{ limit: 5, burst: 4096 }')))
  t.notOk(accepts(t, plugin('{ limitt: 5 }')))
  t.notOk(accepts(t, plugin('{ limit: 5, window: 60 }')))
  t.notOk(accepts(t, plugin('{ limit: 5, window: soon }')))
  t.notOk(accepts(t, plugin('{ limit: 5, by: team }')))
  t.notOk(accepts(t, plugin('{ limit: 5, hook: x }')))
  t.notOk(accepts(t, 'plugins: { a: { use: rate-limit } }'), 'an option is required')
  t.notOk(accepts(t, 'plugins: { a: { use: "builtin:rate-limit", config: {} } }'))
  t.ok(accepts(t, 'plugins: { a: { use: ./mine.ts, config: { anything: [1] } } }'))
  t.ok(accepts(t, 'providers: { a: { use: provider-openai } }'))
  t.notOk(accepts(t, 'providers: { a: { use: provider-openai, config: { key: x } } }'))
  t.notOk(accepts(t, 'plugins: { a: { use: x, colour: red } }'))
  t.end()
})

test('a variable may stand for any scalar', t => {
  t.ok(
    accepts(
      t,
      'server: { listen: "$${V}", max_connections: "$${V}", body_limit: "$${V}", heartbeat: "$${V:-5s}", reuse_port: "$${V}" }\nplugins: { a: { use: rate-limit, config: { limit: "$${V}", by: "$${V}", hook: "$${file:/x}" } } }'
    )
  )
  t.end()
})

test('the shell is checked as the runtime does', t => {
  t.ok(
    accepts(
      t,
      'server: { drain: 30s, admin: false, listen: 127.0.0.1:1 }\nroutes: [{ name: a, match: { path: /v1/* }, timeout: 5s, pipeline: [a, { plugin: b }] }]'
    )
  )
  for (const bad of [
    'servr: {}',
    'server: { listen: 80 }',
    'server: { drain: soon }',
    'routes: [{ name: a }]',
    'routes: [{ name: a, match: { path: v1 }, pipeline: [] }]'
  ])
    t.notOk(accepts(t, bad), bad)
  t.end()
})

test('conditions are part of it', t => {
  const route = (when: string): string => `routes: [{ name: a, match: { path: / }, pipeline: [{ plugin: a, when: ${when} }] }]`
  t.ok(
    accepts(
      t,
      route(
        '{ model: "gpt-*", stream: true, header.x-team: [a, b], principal.scopes: admin, tokens: { gt: 8000 }, not: { path: /x }, any: [ { method: GET } ] }'
      )
    )
  )
  for (const bad of ['{ modle: x }', '{ tokens: { above: 5 } }', '{ any: [] }', '{ not: { nope: 1 } }', 'always'])
    t.notOk(accepts(t, route(bad)), bad)
  t.end()
})

test('it says what it is, completes names, and describes options', t => {
  const schema = fileSchema(DEFINITIONS)
  t.match(schema, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    properties: {
      server: { properties: { listen: { default: '127.0.0.1:8080', description: String } } },
      plugins: { additionalProperties: { $ref: '#/$defs/plugin' } }
    },
    $defs: { plugin: { properties: { use: { anyOf: [{ enum: ['rate-limit'] }, { type: 'string' }] } } } }
  })
  t.strictSame(JSON.parse(JSON.stringify(schema)), schema)
  t.doesNotThrow(() => new Ajv2020({ strict: false }).compile(fileSchema([])))
  t.end()
})
