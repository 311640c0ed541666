import { test } from 'tap'
import type { Schema } from '@headgate/api'
import { parse } from 'yaml'
import { printConfig } from '../../core/config/print.ts'
import { read } from './config-folder.ts'

const PLANTED = 'sk-planted-0123456789'

const SCHEMA: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    pass: { type: 'string', format: 'secret' },
    more: { type: 'array', items: { anyOf: [{ type: 'string', format: 'secret' }, { type: 'boolean' }] } },
    base: { type: 'string', format: 'duration', default: '200ms' },
    url: { type: 'string' }
  }
}

test('a planted secret is not printed, wherever it comes from', t => {
  const document = read(
    t,
    {
      'headgate.yaml': `version: 1
server: { data: "/srv/\${PLANTED}" }
plugins:
  a: { use: x, config: { pass: ${PLANTED}, more: [${PLANTED}, true], url: "https://\${PLANTED}@host" } }
  b: { use: unknown, config: { deep: { api_key: ${PLANTED}, tokens: [${PLANTED}], client_secret: [${PLANTED}] }, url: "\${file:./key}" } }
routes:
  - { name: r, match: { path: /, header: { x-key: "\${PLANTED}" } }, pipeline: [a, { plugin: b, when: { header.authorization: "\${PLANTED}" } }] }
`.replace(`tokens: [${PLANTED}]`, 'tokens: [5]'),
      key: PLANTED
    },
    { PLANTED }
  )
  const text = printConfig(document, { configSchema: (section, name) => (section === 'plugins' && name === 'a' ? SCHEMA : undefined) })
  t.notMatch(text, PLANTED)
  t.notMatch(text, 'planted')
  const config = parse(text)
  t.equal(config.server.data, '***')
  t.strictSame(config.plugins.a.config, { pass: '***', more: ['***', true], url: '***', base: '200ms' })
  t.strictSame(config.plugins.b.config, { deep: { api_key: '***', tokens: [5], client_secret: ['***'] }, url: '***' })
  t.strictSame(config.routes[0].match.header, { 'x-key': '***' })
  t.strictSame(config.routes[0].pipeline[1].when, { 'header.authorization': '***' })
  t.end()
})

test('the effective config: includes, defaults and overrides written out, in the form of the file', t => {
  const document = read(t, {
    'headgate.yaml':
      'version: 1\ninclude: [./more.yaml]\nserver: { drain: 30s }\nproviders: { up: { use: p, optional: true, config: { api_key: "${NONE}" } } }\n',
    'more.yaml': 'plugins: { a: { use: x } }\n'
  })
  const text = printConfig(document, { overrides: { listen: '0.0.0.0:1', admin: false, data: undefined } })
  t.match(text, /^# from headgate\.yaml\n# from more\.yaml\n# provider up is not configured: set NONE\n/)
  const config = parse(text)
  t.match(config, {
    version: 1,
    server: { listen: '0.0.0.0:1', admin: false, data: './data', drain: '30s', body_limit: '20mb', timeout: { headers: '10s' } },
    plugins: { a: { use: 'x' } },
    providers: {},
    routes: []
  })
  t.notOk('include' in config)
  t.notOk('up' in config.providers)
  t.end()
})

test('what is printed is a config again', t => {
  const document = read(
    t,
    'version: 1\nplugins: { a: &a { use: x }, b: *a }\nroutes: [{ name: r, match: { path: "/*" }, pipeline: [a, b] }]\n'
  )
  const text = printConfig(document)
  t.notMatch(text, /[&*]a/)
  t.equal(printConfig(read(t, text)), text)
  t.end()
})
