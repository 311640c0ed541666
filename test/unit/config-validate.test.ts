import { test, type Test } from 'tap'
import { isSecret, type Schema, type Secret } from '@headgate/api'
import { createValidator } from '../../core/config/validate.ts'
import type { Diagnostic } from '../../core/config/types.ts'
import { load, type Env } from './config-folder.ts'

interface Checked {
  readonly value: unknown
  readonly list: readonly Diagnostic[]
}

/** Validates what stands under `plugins.p.config`. */
function check(t: Test, schema: Schema, config: string, env: Env = {}): Checked {
  const {
    config: { plugins },
    document,
    report
  } = load(t, `version: 1\nplugins:\n  p:\n    use: x\n    config: ${config}\n`, env)
  const value = createValidator().compileSchema(schema)(plugins.p?.config, {
    document,
    path: ['plugins', 'p', 'config'],
    report,
    label: 'p'
  })
  return { value, list: report.list }
}

function map(properties: { [name: string]: Schema }, rest: Partial<Schema> = {}): Schema {
  return { type: 'object', additionalProperties: false, properties, ...rest }
}

/** Messages and hints of a value of one option. */
function told(t: Test, schema: Schema, value: string, env: Env = {}): string[] {
  return check(t, map({ o: schema }), `{ o: ${value} }`, env).list.map(({ message, hint }) =>
    hint === undefined ? message : `${message} (${hint})`
  )
}

test('defaults are filled in, also those below', t => {
  const schema = map({
    a: { type: 'string', default: 'x' },
    b: map({ c: { type: 'string', format: 'duration', default: '30s' } }, { default: {} }),
    d: { type: 'array', items: map({ e: { type: 'boolean', default: true } }) },
    f: { type: 'object', additionalProperties: map({ g: { type: 'number', default: 1 } }) },
    h: { anyOf: [{ type: 'string' }, map({ i: { type: 'string', format: 'size', default: '1kb' } })] }
  })
  t.strictSame(check(t, schema, '{ d: [{}, { e: false }], f: { x: {} }, h: {} }').value, {
    d: [{ e: true }, { e: false }],
    f: { x: { g: 1 } },
    h: { i: 1024 },
    a: 'x',
    b: { c: 30_000 }
  })
  t.strictSame(check(t, schema, '').value, { a: 'x', b: { c: 30_000 } }, 'no config at all')
  t.strictSame(check(t, schema, '{ b: }').value, { b: { c: 30_000 }, a: 'x' }, 'an empty section')
  t.end()
})

test('a required option with a default is never missing', t => {
  const schema = map({ a: { type: 'number', default: 5 } }, { required: ['a'] })
  t.strictSame(check(t, schema, '{}'), { value: { a: 5 }, list: [] })
  t.end()
})

test('the value that was read is not changed', t => {
  const { config, document, report } = load(t, 'version: 1\nplugins: { p: { use: x, config: { a: { b: 5s } } } }\n')
  const before = structuredClone(config.plugins.p?.config)
  const schema = map({ a: map({ b: { type: 'string', format: 'duration' }, c: { type: 'number', default: 1 } }) })
  const value = createValidator().compileSchema(schema)(config.plugins.p?.config, { document, path: ['plugins', 'p', 'config'], report })
  t.strictSame(value, { a: { b: 5000, c: 1 } })
  t.strictSame(config.plugins.p?.config, before)
  t.end()
})

test('durations become milliseconds, sizes bytes', t => {
  const schema = map({
    d: { type: 'array', items: { type: 'string', format: 'duration' } },
    s: { type: 'array', items: { type: 'string', format: 'size' } }
  })
  t.strictSame(check(t, schema, '{ d: [50ms, 2s, 5m, 1h, 1d, 1.5s, 0s], s: [10mb, 64kb, 1gb, 12, "12", 1KiB, 0.5kb] }').value, {
    d: [50, 2000, 300_000, 3_600_000, 86_400_000, 1500, 0],
    s: [10_485_760, 65_536, 1_073_741_824, 12, 12, 1024, 512]
  })
  t.strictSame(told(t, { type: 'string', format: 'duration' }, '60'), ['p: expected string, got number (write "60s"?)'])
  t.strictSame(told(t, { type: 'string', format: 'duration' }, '"60"'), [
    'p: "60" is not a duration (write a number and a unit, such as 500ms, 30s, 5m, 1h or 1d)'
  ])
  for (const bad of ['5 s', '-1s', '5S', 's', '1e3s', '1h30m', '99999999999999d', '999999999999d'])
    t.equal(told(t, { type: 'string', format: 'duration' }, bad).length, 1, bad)
  for (const bad of ['10 mb', '-1', '10q', '1.5', 'mb']) t.equal(told(t, { type: 'string', format: 'size' }, bad).length, 1, bad)
  t.end()
})

test('secrets are delivered as such and printed nowhere', t => {
  const planted = 'sk-planted-0123456789'
  const schema = map({
    keys: { type: 'array', items: { type: 'string', format: 'secret', minLength: 4 } },
    key: { anyOf: [{ type: 'string', format: 'secret' }, { type: 'boolean' }] }
  })
  const { value } = check(t, schema, '{ keys: ["${K}"], key: "${K}" }', { K: planted })
  const { keys, key } = value as { keys: Secret[]; key: Secret }
  t.ok(isSecret(keys[0]) && isSecret(key))
  t.equal(
    key.use(text => text),
    planted
  )
  t.notMatch(JSON.stringify(value), planted)
  t.strictSame(told(t, { type: 'string', format: 'secret', minLength: 99 }, planted), ['p: must have at least 99 characters'])
  t.strictSame(told(t, { type: 'string', format: 'secret', pattern: '^x' }, planted), ['p: *** does not match ^x'])
  t.strictSame(told(t, { type: 'string', format: 'secret' }, '12345678'), ['p: expected string, got number (put it in quotes)'])
  t.end()
})

test('patterns must compile, URLs must be whole', t => {
  t.strictSame(told(t, { type: 'string', format: 'regex' }, '"^a+$"'), [])
  t.match(told(t, { type: 'string', format: 'regex' }, '"(a"'), [/"\(a" is not a regular expression/])
  t.strictSame(told(t, { type: 'string', format: 'uri' }, 'https://api.example.com/v1'), [])
  t.strictSame(told(t, { type: 'string', format: 'uri' }, 'localhost:11434/v1'), [
    'p: "localhost:11434/v1" is not a URL (write "http://localhost:11434/v1"?)'
  ])
  t.match(told(t, { type: 'string', format: 'uri' }, '"http://"'), [/is not a URL/])
  t.strictSame(told(t, { type: 'string', format: 'uri' }, '"${U}"', { U: 'nothing:1' }), [
    'p: *** is not a URL (write it whole, such as https://api.example.com/v1)'
  ])
  t.end()
})

test('interpolated scalars are coerced to numbers and booleans, nothing else is', t => {
  const schema = map({
    n: { type: 'integer' },
    f: { type: 'number' },
    b: { type: 'boolean' },
    s: { type: 'string' },
    a: { anyOf: [{ type: 'boolean' }, { type: 'integer' }] }
  })
  t.strictSame(check(t, schema, '{ n: "${N}", f: "${F:-2.5}", b: "${B}", s: "${N}", a: "${N}" }', { N: '42', B: 'true' }).value, {
    n: 42,
    f: 2.5,
    b: true,
    s: '42',
    a: 42
  })
  t.strictSame(told(t, { type: 'integer' }, '"42"'), ['p: expected whole number, got string (write 42 without quotes?)'])
  t.strictSame(told(t, { type: 'integer' }, '"${N}"', { N: 'many' }), ['p: expected whole number, got ***'])
  t.strictSame(told(t, { type: 'boolean' }, 'yes'), ['p: expected boolean, got string (write true?)'])
  t.strictSame(told(t, { type: 'boolean' }, '"off"'), ['p: expected boolean, got string (write false?)'])
  t.strictSame(told(t, { type: 'string' }, '8080'), ['p: expected string, got number (write "8080"?)'])
  t.strictSame(told(t, { type: 'integer' }, '30s'), ['p: expected whole number, got string (write 30000?)'])
  t.strictSame(told(t, { type: 'string' }, ''), ['p: expected string, got nothing'])
  t.strictSame(told(t, { type: 'integer' }, '1.5'), ['p: expected whole number, got 1.5'])
  t.strictSame(told(t, { type: 'number' }, '.nan'), ['p: expected number, got NaN'])
  t.strictSame(told(t, { type: 'array', items: { type: 'string' } }, 'a'), ['p: expected list, got string'])
  t.strictSame(told(t, map({}), '[a]'), ['p: expected map, got list'])
  t.end()
})

test('G3 an unknown option anywhere is an error, with what was meant', t => {
  const schema = map({ models: { type: 'object', additionalProperties: map({ weight: { type: 'number' }, target: { type: 'string' } }) } })
  t.match(check(t, schema, '{ models: { a: { wieght: 1 } } }').list, [
    {
      code: 'HG_CONFIG_UNKNOWN_OPTION',
      message: 'p: unknown option "wieght"',
      hint: 'did you mean "weight"?',
      line: 5,
      length: 6
    }
  ])
  t.match(check(t, schema, '{ colour: red }').list, [{ message: 'p: unknown option "colour"', hint: 'options here: models' }])
  t.match(check(t, map({}), '{ constructor: 1 }').list, [{ message: 'p: unknown option "constructor"' }])
  t.end()
})

test('P18 a missing option is told at its owner, but not when it is misspelt beside', t => {
  const schema = map({ limit: { type: 'number' }, url: { type: 'string' } }, { required: ['limit', 'url'] })
  t.match(check(t, schema, '{ limitt: 1 }').list, [
    { code: 'HG_CONFIG_MISSING', message: 'p: missing required option "url"', line: 5, col: 5, length: 6 },
    { code: 'HG_CONFIG_UNKNOWN_OPTION', message: 'p: unknown option "limitt"' }
  ])
  t.equal(check(t, schema, '{ limitt: 1 }').list.length, 2)
  t.match(check(t, schema, '').list, [
    { line: 5, col: 5 },
    { line: 5, col: 5 }
  ])
  t.end()
})

test('P18 every rule of a schema has its sentence', t => {
  t.strictSame(told(t, { type: 'string', enum: ['key', 'user'] }, 'uesr'), ['p: "uesr" is not one of "key", "user" (did you mean "user"?)'])
  t.strictSame(told(t, { type: 'integer', const: 1 }, '2'), ['p: expected 1, got 2'])
  t.strictSame(told(t, { type: 'integer', minimum: 1 }, '0'), ['p: must be at least 1, got 0'])
  t.strictSame(told(t, { type: 'integer', maximum: 1 }, '"${N}"', { N: '9' }), ['p: must be at most 1, got ***'])
  t.strictSame(told(t, { type: 'string', minLength: 1 }, '""'), ['p: must not be empty'])
  t.strictSame(told(t, { type: 'string', maxLength: 2 }, 'abc'), ['p: must have at most 2 characters'])
  t.strictSame(told(t, { type: 'string', pattern: '^/' }, 'v1'), ['p: "v1" does not match ^/'])
  t.strictSame(told(t, { type: 'array', items: {}, minItems: 1 }, '[]'), ['p: needs at least 1 entry'])
  t.strictSame(told(t, { type: 'array', items: {}, maxItems: 2 }, '[1, 2, 3]'), ['p: may have at most 2 entries'])
  t.strictSame(told(t, { type: 'array', items: {}, uniqueItems: true }, '[a, b, a]'), ['p: entries 1 and 3 are the same'])
  t.strictSame(told(t, { type: 'object', minProperties: 2 }, '{ a: 1 }'), ['p: needs at least 2 options'])
  t.strictSame(told(t, { type: 'string', format: 'ipv4' }, 'x'), ['p: "x" is not a valid ipv4'])
  t.end()
})

test('of several forms only the one that was meant is spoken of', t => {
  const schema: Schema = { anyOf: [{ type: 'string', format: 'duration' }, map({ first: { type: 'string' }, second: { type: 'number' } })] }
  t.strictSame(told(t, schema, '{ fist: a }'), ['p: unknown option "fist" (did you mean "first"?)'])
  t.strictSame(told(t, schema, 'soon'), ['p: "soon" is not a duration (write a number and a unit, such as 500ms, 30s, 5m, 1h or 1d)'])
  t.strictSame(told(t, schema, '5'), ['p: expected string or map, got number (write "5s"?)'])
  t.strictSame(told(t, schema, '[a]'), ['p: expected string or map, got list'])
  t.strictSame(told(t, { anyOf: [{ type: 'string' }, { type: 'boolean', const: false }] }, '5'), [
    'p: expected string or false, got number (write "5"?)'
  ])
  t.end()
})

test('what is wrong is left out, so that the rest can be looked at', t => {
  const schema = map({
    a: { type: 'string', format: 'duration', default: '1s' },
    b: { type: 'array', items: map({ c: { type: 'number' } }, { required: ['c'] }) },
    d: { type: 'number' }
  })
  t.strictSame(check(t, schema, '{ a: 5, b: [{ c: 1 }, {}], d: 4, e: 5 }').value, { a: 1000, b: [], d: 4 })
  t.end()
})

test('a schema that cannot be used says why', t => {
  const checkSchema = (schema: Schema): readonly string[] => createValidator().checkSchema(schema)
  t.strictSame(checkSchema(map({ a: { type: 'string', format: 'duration', default: '5m' } })), [])
  t.match(checkSchema({ type: 'object', propertis: {} } as Schema), [/unknown keyword: "propertis"/])
  t.match(checkSchema(map({ a: { type: 'string', format: 'colour' } })), [/unknown format "colour"/])
  t.match(checkSchema(map({ a: { properties: { b: {} } } })), [/missing type "object"/])
  t.match(checkSchema({ type: 'objekt' } as unknown as Schema), [/schema is invalid/])
  t.strictSame(checkSchema(map({ a: { type: 'string', format: 'duration', default: 'soon' } })), [
    'the default of /a does not fit its own schema'
  ])
  t.strictSame(checkSchema(map({ a: { type: 'array', items: map({ b: { type: 'number', default: 'x' } }) } })), [
    'the default of /a/b does not fit its own schema'
  ])
  t.throws(() => createValidator().compileSchema({ type: 'nothing' } as unknown as Schema))
  t.end()
})
