import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import fc from 'fast-check'
import { ConfigError, Diagnostics } from '../../core/config/diagnostics.ts'
import { formatDiagnostics } from '../../core/config/format.ts'
import { loadConfig } from '../../core/config/load.ts'
import { printConfig } from '../../core/config/print.ts'
import { compileWhen } from '../../core/config/when.ts'

const PLANTED = 'sk-planted-0123456789'

const SEED = `version: 1
server: { listen: 127.0.0.1:8080, drain: 30s, timeout: { headers: 1s } }
plugins:
  keys: &k { use: auth, config: { key: "\${KEY}", list: [1, 2.5, true, ~], text: |
      block
      } }
  more: *k
providers:
  up: { use: provider, optional: true, config: { a: "\${NONE}" } }
routes:
  - name: all
    match: { path: /v1/*, header: { x-a: [b, c] } }
    pipeline: [keys, { plugin: more, when: { model: "gpt-*", not: { stream: true } } }]
`

const PIECES = [
  '${',
  '}',
  '${KEY}',
  '$${',
  '${file:./headgate.yaml}',
  '&a ',
  '*a',
  '*k',
  '!!str ',
  '!x ',
  '- ',
  '? ',
  ': ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '|\n',
  '>\n',
  '\t',
  '\n',
  '\r\n',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '#',
  '<<: *k\n',
  '__proto__: ',
  'constructor: ',
  'include: ["./*.yaml"]\n',
  '\0',
  '\ufeff',
  '\u2028',
  '😀',
  '.nan',
  '0x',
  '1e999',
  '~',
  'null',
  ','
]

const TIME = 1500

/** Loads the text and whatever else the gateway does with a config. Returns everything that could be printed. */
function everything(file: string, text: string | Uint8Array): string {
  writeFileSync(file, text)
  const start = performance.now()
  let said: string
  try {
    const { config, document, report } = loadConfig(file, { env: { KEY: PLANTED } })
    for (const [index, route] of config.routes.entries()) {
      for (const [at, step] of route.pipeline.entries()) {
        if (typeof step === 'object' && step.when !== undefined)
          compileWhen(step.when, { document, report, path: ['routes', index, 'pipeline', at, 'when'], known: ['model', 'stream'] })?.({
            fact: () => 'x'
          })
      }
    }
    said = formatDiagnostics(report.list, { color: false }) + printConfig(document)
    if (!(report instanceof Diagnostics) || config.server.listen === undefined) throw new Error('no config')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (error.diagnostics.length === 0) throw new Error('an error that says nothing', { cause: error })
    said = error.message + JSON.stringify(error.diagnostics)
  }
  if (performance.now() - start > TIME) throw new Error('too slow')
  return said
}

test('random bytes are a config or a ConfigError, never anything else', t => {
  const file = join(t.testdir({}), 'headgate.yaml')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      everything(file, bytes)
    }),
    { numRuns: 300 }
  )
  t.end()
})

test('random texts of YAML are a config or a ConfigError', t => {
  const file = join(t.testdir({}), 'headgate.yaml')
  const text = fc.array(
    fc.oneof(
      fc.constantFrom(...PIECES),
      fc.constantFrom('version', 'server', 'plugins', 'routes', 'name', 'use', 'a', 'b', ' ', '  ', '\n  ')
    ),
    { maxLength: 40 }
  )
  fc.assert(
    fc.property(text, pieces => {
      everything(file, pieces.join(''))
    }),
    { numRuns: 400 }
  )
  t.end()
})

test('a mutated config is a config or a ConfigError, and never shows a value', t => {
  const file = join(t.testdir({}), 'headgate.yaml')
  const edit = fc.tuple(fc.nat(SEED.length), fc.nat(12), fc.constantFrom('', ...PIECES))
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), edits => {
      let text = SEED
      for (const [at, cut, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + cut)
      return !everything(file, text).includes(PLANTED)
    }),
    { numRuns: 600 }
  )
  t.end()
})
