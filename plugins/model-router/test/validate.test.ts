import { test } from 'tap'
import fc from 'fast-check'
import plugin from '../index.ts'
import { Pattern } from '../pattern.ts'
import { makeRig } from './context.ts'

function problemsOf(models: { [name: string]: unknown }): string[] {
  return plugin.validate!({ models, direct: true }).map(problem => `${problem.path} ${problem.message}`)
}

test('good rules have no problems', async t => {
  t.same(
    problemsOf({
      a: 'p/m',
      'b-*': ['p/*', { target: 'q/x', weight: 2 }],
      c: { alias: 'b-1' },
      d: { strategy: 'weighted', targets: ['p/m'] },
      e: 'p/*'
    }),
    []
  )
})

test('mistakes are told with their place', async t => {
  t.match(problemsOf({ a: 'nonsense' }), [/^\/models\/a "nonsense" is not a target/])
  t.match(problemsOf({ a: ['p/m', 'p/'] }), [/^\/models\/a\/1 /])
  t.match(problemsOf({ a: [{ target: '/m' }] }), [/^\/models\/a\/0\/target /])
  t.match(problemsOf({ 'x/y~z': { strategy: 'weighted', targets: ['bad'] } }), [/^\/models\/x~1y~0z\/targets\/0 /])
  t.match(problemsOf({ a: '*/m' }), [/provider .* is a pattern/])
  t.match(problemsOf({ 'a*': 'p/*-*' }), [/more \* than the name, which has 1/])
  t.match(problemsOf({ a: { alias: 'b*' } }), [/^\/models\/a\/alias .*is a pattern/])
  t.match(problemsOf({ a: { strategy: 'ordered', targets: [{ target: 'p/m', weight: 1 }] } }), [/^\/models\/a\/targets\/0\/weight /])
})

test('aliases in a circle are told, and never hang a request', async t => {
  const circle = { a: { alias: 'b' }, b: { alias: 'c' }, c: { alias: 'a' }, d: { alias: 'a' } }
  t.same(problemsOf(circle), [
    '/models/a/alias aliases in a circle: a → b → c → a',
    '/models/b/alias aliases in a circle: b → c → a → b',
    '/models/c/alias aliases in a circle: c → a → b → c'
  ])
  t.match(problemsOf({ a: { alias: 'a' } }), [/a → a/])
  t.match(problemsOf({ 'x-*': { alias: 'x-1' } }), [/circle/], 'through a pattern')
  const rig = await makeRig({ models: circle }, { p: [] })
  t.throws(() => rig.plan('d'), { code: 'model_not_found' })
})

test('a pattern matches what the same regular expression matches, and its captures give the name back', async t => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 })
  fc.assert(
    fc.property(letters, names, (text, name) => {
      const expression = new RegExp(`^${text.replace(/\./g, '\\.').replace(/\*/g, '.*')}$`)
      const found = new Pattern(text).match(name)
      if ((found !== undefined) !== expression.test(name)) return false
      if (found === undefined) return true
      let star = 0
      return text.replace(/\*/g, () => found[star++]!) === name && star === found.length
    })
  )
  t.pass()
})

test('a nasty pattern takes no time', async t => {
  const pattern = new Pattern('*a'.repeat(50) + 'b')
  const began = performance.now()
  t.equal(pattern.match('a'.repeat(100_000)), undefined)
  t.ok(performance.now() - began < 500)
})
