import { test, type Test } from 'tap'
import fc from 'fast-check'
import { factsKnownAt, type Fact, type Facts } from '../../core/config/facts.ts'
import { compileGlob } from '../../core/config/glob.ts'
import { always, compileWhen, never, type Predicate, type WhenOptions } from '../../core/config/when.ts'
import type { Diagnostic } from '../../core/config/types.ts'
import { load, type Env } from './config-folder.ts'

interface Compiled {
  readonly predicate: Predicate | null
  readonly list: readonly Diagnostic[]
}

function compile(t: Test, when: string, options: Partial<WhenOptions> = {}, env: Env = {}): Compiled {
  const { config, document, report } = load(
    t,
    `version: 1\nroutes:\n  - name: r\n    match: { path: / }\n    pipeline:\n      - { plugin: p, when: ${when} }\n`,
    env
  )
  const step = config.routes[0]?.pipeline[0]
  const value = typeof step === 'object' ? step.when : undefined
  const predicate = compileWhen(value, {
    document,
    report,
    path: ['routes', 0, 'pipeline', 0, 'when'],
    known: factsKnownAt('request'),
    hook: 'request',
    label: 'p',
    ...options
  })
  return { predicate, list: report.list }
}

function facts(values: { [name: string]: Fact }): Facts {
  return { fact: name => (Object.hasOwn(values, name) ? values[name] : undefined) }
}

/** Whether the condition holds for the facts; fails the test when it does not compile. */
function holds(t: Test, when: string, values: { [name: string]: Fact }, env: Env = {}): boolean | undefined {
  const { predicate, list } = compile(t, when, {}, env)
  t.strictSame(list, [])
  return predicate?.(facts(values))
}

const REQUEST = {
  model: 'gpt-4.1-mini',
  stream: true,
  operation: 'chat',
  path: '/v1/chat/completions',
  method: 'POST',
  route: 'r',
  tokens: 9000,
  'header.x-team': 'hr',
  'principal.id': 'k1',
  'principal.scopes': ['read', 'admin'],
  'principal.metadata.region': 'eu'
}

test('a condition on each kind of fact', t => {
  const yes = [
    '{}',
    '{ model: "gpt-*" }',
    '{ model: [claude-*, gpt-4.1-mini] }',
    '{ stream: true }',
    '{ operation: chat }',
    '{ path: "/v1/*" }',
    '{ method: post }',
    '{ route: r }',
    '{ header.X-Team: [hr, legal] }',
    '{ principal.id: k1 }',
    '{ principal.scopes: admin }',
    '{ principal.scopes: [x, "rea*"] }',
    '{ principal.metadata.region: eu }',
    '{ tokens: { gt: 8000 } }',
    '{ tokens: { gte: 9000, lte: 9000 } }',
    '{ tokens: 9000 }',
    '{ header.x-team: "*" }',
    '{ not: { stream: false } }',
    '{ any: [ { model: x }, { stream: true } ] }',
    '{ all: [ { stream: true }, { tokens: { lt: 9001 } } ] }',
    '{ stream: true, not: { any: [ { path: /x }, { all: [ { stream: true }, { stream: false } ] } ] } }'
  ]
  const no = [
    '{ model: "gpt-" }',
    '{ model: [claude-*] }',
    '{ stream: false }',
    '{ header.x-team: HR }',
    '{ header.x-other: "*" }',
    '{ principal.scopes: write }',
    '{ principal.team: "*" }',
    '{ tokens: { gt: 9000 } }',
    '{ tokens: { lt: 9000 } }',
    '{ tokens: { gt: 1, lt: 2 } }',
    '{ stream: true, model: x }',
    '{ not: {} }',
    '{ any: [ { model: x }, { model: y } ] }',
    '{ all: [ {}, { stream: false } ] }'
  ]
  for (const when of yes) t.equal(holds(t, when, REQUEST), true, when)
  for (const when of no) t.equal(holds(t, when, REQUEST), false, when)
  t.equal(holds(t, '{ tokens: { gt: 0 } }', {}), false, 'a fact that is not there holds nothing')
  t.equal(holds(t, '{ not: { header.x-team: "*" } }', {}), true)
  t.end()
})

test('facts from variables', t => {
  t.equal(holds(t, '{ model: "${M}", stream: "${S}", tokens: { gt: "${N}" } }', REQUEST, { M: 'gpt-*', S: 'true', N: '8000' }), true)
  const { list } = compile(t, '{ stream: "${S}" }', {}, { S: 'perhaps-secret' })
  t.match(list, [{ message: 'p: expected true or false, got ***' }])
  t.end()
})

test('what is constant is decided when the config loads', t => {
  t.equal(compile(t, '{}').predicate, always)
  t.equal(compile(t, '{ not: {} }').predicate, never)
  const constants = { route: 'chat', operation: 'chat' }
  t.equal(compile(t, '{ route: chat, operation: "c*" }', { constants }).predicate, always)
  t.equal(compile(t, '{ route: other, model: x }', { constants }).predicate, never)
  t.equal(compile(t, '{ any: [ { route: chat }, { model: x } ] }', { constants }).predicate, always)
  t.equal(compile(t, '{ not: { any: [ { route: other }, { route: another } ] } }', { constants }).predicate, always)
  const asked: string[] = []
  const { predicate } = compile(t, '{ route: chat, model: x }', { constants })
  predicate?.({
    fact: name => {
      asked.push(name)
      return 'x'
    }
  })
  t.strictSame(asked, ['model'], 'only what is open is asked for')
  t.end()
})

test('a fact that is not known yet is an error at its place', t => {
  const early = { known: factsKnownAt('authenticate'), hook: 'authenticate' }
  const { predicate, list } = compile(t, '{ path: /v1/*, not: { model: x }, header.x-a: b }', early)
  t.equal(predicate, null)
  t.match(list, [{ code: 'HG_CONFIG_WHEN', message: 'p: model is not known when authenticate runs', line: 6, length: 5 }])
  t.equal(list.length, 1)
  for (const fact of ['stream: true', 'tokens: 5', 'principal.id: a'])
    t.match(compile(t, `{ ${fact} }`, early).list, [{ message: /is not known when authenticate runs/ }])
  t.end()
})

test('mistakes are told with what was meant, all at once', t => {
  const cases: [string, string, string?][] = [
    ['{ modle: x }', 'p: unknown fact "modle"', 'did you mean "model"?'],
    ['{ team: x }', 'p: unknown fact "team"', 'did you mean "principal.team"?'],
    ['{ principal.scope: x }', 'p: unknown fact "principal.scope"', 'did you mean "principal.scopes"?'],
    ['{ X-Team: x }', 'p: unknown fact "X-Team"', 'did you mean "header.x-team"?'],
    ['{ constructor: x }', 'p: unknown fact "constructor"'],
    ['{ header.: x }', 'p: unknown fact "header."'],
    ['{ stream: "yes" }', 'p: expected true or false, got string'],
    ['{ model: 5 }', 'p: expected string, got number', 'write "5"?'],
    ['{ model: [a, true] }', 'p: expected string, got boolean', 'write "true"?'],
    ['{ model: [] }', 'p: needs at least 1 value'],
    ['{ model: { a: b } }', 'p: expected string, got map'],
    ['{ model: }', 'p: expected string, got nothing'],
    ['{ tokens: many }', 'p: expected number or map, got string', 'write { gt: 8000 }'],
    ['{ tokens: { above: 5 } }', 'p: unknown comparison "above"', 'comparisons: gt, gte, lt, lte'],
    ['{ tokens: { gt: x } }', 'p: expected number, got string'],
    ['{ tokens: {} }', 'p: needs at least one of gt, gte, lt, lte'],
    ['{ any: {} }', 'p: expected list, got map', 'write [ { … }, { … } ]'],
    ['{ all: [] }', 'p: needs at least 1 condition'],
    ['{ not: [] }', 'p: expected map, got list', 'a condition is a map of facts, such as { model: "gpt-*" }'],
    ['always', 'p: expected map, got string', 'a condition is a map of facts, such as { model: "gpt-*" }']
  ]
  for (const [when, message, hint] of cases) {
    const { predicate, list } = compile(t, when)
    t.equal(predicate, null, when)
    t.strictSame(
      list.map(entry => [entry.code, entry.message, entry.hint]),
      [['HG_CONFIG_WHEN', message, hint]],
      when
    )
  }
  t.equal(compile(t, '{ modle: x, stream: 1, any: [{ tokns: 1 }] }').list.length, 3)
  t.end()
})

test('a glob matches what its regular expression would', t => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (glob, value) => {
      const regex = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      return compileGlob(glob)(value) === regex.test(value)
    }),
    { numRuns: 2000 }
  )
  t.end()
})

test('a hostile glob does not backtrack', t => {
  const matches = compileGlob(`${'*a'.repeat(500)}*b`)
  const start = performance.now()
  t.equal(matches('a'.repeat(200_000)), false)
  t.ok(performance.now() - start < 200)
  t.end()
})
