import { isDeepStrictEqual } from 'node:util'
import { test } from 'tap'
import fc from 'fast-check'
import { isReject } from '@headgate/api'
import { JsonBody } from '../../core/wire/body.ts'
import { scanBody } from '../../core/wire/scan.ts'

interface Any {
  [field: string]: unknown
}

function bodyOf(text: string): JsonBody<Any> {
  const bytes = Buffer.from(text)
  return new JsonBody<Any>(bytes, scanBody(bytes))
}

/** The object with changes, as the contract says it. */
function changed(object: Any, changes: Any): Any {
  const result: Any = { ...object }
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete result[key]
    else result[key] = value
  }
  return result
}

/** Without backslashes: the engine's JSON.parse misreads escaped keys once it has seen such ones (nodejs/node#63785). */
const KEY = fc.oneof(
  fc.constantFrom('model', 'stream', 'n', 'é', 'a"b', '', '\ud800', 'x y'),
  fc.string({ maxLength: 5 }).filter(key => key !== '__proto__' && !key.includes('\\'))
)
const VALUE = fc.jsonValue({ maxDepth: 2, noUnicodeString: false }).filter(value => !/__proto__|\\\\/.test(JSON.stringify(value)))
const OBJECT = fc.dictionary(KEY, VALUE, { maxKeys: 6, noNullPrototype: true })
const CHANGES = fc.dictionary(KEY, fc.option(VALUE, { nil: undefined }), { maxKeys: 4, noNullPrototype: true })
const SPACE = fc.constantFrom<string | number | undefined>(undefined, 1, '\t', ' \r\n')

/** JSON has no minus zero that survives. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function agree(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`)
}

test('untouched bytes come back as the very same buffer', async t => {
  const bytes = Buffer.from(' {"seed": 12345678901234567890, "a" : 1.0 }\n')
  const body = new JsonBody(bytes, scanBody(bytes))
  t.equal(body.bytes(), bytes)
  t.equal(body.bytes({ missing: undefined }), bytes)
  t.equal(body.value, body.value, 'parsed once')
  t.equal(body.bytes(), bytes)
  t.notOk(body.dirty)
})

test('C10 a byte-order mark is not sent on, surrogates and NULs stay as they were written', async t => {
  t.equal(bodyOf('\ufeff{"a":"\\ud83d","b":"\\u0000"}').bytes().toString(), '{"a":"\\ud83d","b":"\\u0000"}')
  const body = bodyOf('{"a":"\\ud83d","b":"\\u0000","c":1}')
  t.equal(body.bytes({ c: '\udc00' }).toString(), '{"a":"\\ud83d","b":"\\u0000","c":"\\udc00"}')
  body.edit().c = '\ud800\0'
  t.equal(body.bytes().toString(), '{"a":"\\ud83d","b":"\\u0000","c":"\\ud800\\u0000"}')
})

test('fields are replaced, added and removed in the bytes', async t => {
  const text = '{ "a" : 1 , "b":[1,\t2], "c":"x" }'
  const cases: [Any, string][] = [
    [{ a: 2 }, '{ "a" : 2 , "b":[1,\t2], "c":"x" }'],
    [{ b: null, d: { e: 1 } }, '{ "a" : 1 , "b":null, "c":"x","d":{"e":1} }'],
    [{ a: undefined }, '{ "b":[1,\t2], "c":"x" }'],
    [{ b: undefined }, '{ "a" : 1, "c":"x" }'],
    [{ c: undefined }, '{ "a" : 1 , "b":[1,\t2] }'],
    [{ a: undefined, b: undefined }, '{ "c":"x" }'],
    [{ b: undefined, c: undefined, d: 1 }, '{ "a" : 1,"d":1 }'],
    [{ a: undefined, b: undefined, c: undefined }, '{  }'],
    [{ a: undefined, b: undefined, c: undefined, d: 1 }, '{ "d":1 }']
  ]
  for (const [changes, expected] of cases) t.equal(bodyOf(text).bytes(changes).toString(), expected, JSON.stringify(changes))
  t.equal(bodyOf('{}').bytes({ a: 1, b: 2 }).toString(), '{"a":1,"b":2}')
  t.equal(bodyOf('{ }').bytes({ a: 1 }).toString(), '{"a":1 }')
  t.equal(bodyOf('{"m\\u006fdel":"x"}').bytes({ model: 'y' }).toString(), '{"m\\u006fdel":"y"}')
})

test('any changes give the object they should, and touch nothing else', async t => {
  fc.assert(
    fc.property(OBJECT, CHANGES, SPACE, (object, changes, space) => {
      const text = JSON.stringify(object, null, space)
      const sent = bodyOf(text).bytes(changes).toString()
      agree(JSON.parse(sent), plain(changed(object, changes)))
      const kept = scanBody(Buffer.from(text)).fields.filter(field => !Object.hasOwn(changes, field.key))
      for (const field of kept) {
        const raw = Buffer.from(text).toString('utf8', field.keyStart, field.valueEnd)
        if (!sent.includes(raw)) throw new Error(`${raw} is gone from ${sent}`)
      }
    }),
    { numRuns: 2000 }
  )
  fc.assert(
    fc.property(OBJECT, CHANGES, CHANGES, (object, edits, changes) => {
      const body = bodyOf(JSON.stringify(object))
      const draft = body.edit()
      for (const [key, value] of Object.entries(edits)) {
        if (value === undefined) delete draft[key]
        else draft[key] = value
      }
      agree(JSON.parse(body.bytes(changes).toString()), plain(changed(changed(object, edits), changes)))
    }),
    { numRuns: 1000 }
  )
  t.pass()
})

test('C15 numbers that a double cannot hold survive changes and edits of other fields', async t => {
  const text = '{"model":"m","seed":12345678901234567890,"deep":[{"x":1e999,"y":0.12345678901234567890123}],"z":-0,"plain":0.5}'
  const expected = text.replace('"m"', '"other"')
  t.equal(bodyOf(text).bytes({ model: 'other' }).toString(), expected)
  const body = bodyOf(text)
  body.edit().model = 'other'
  t.equal(body.bytes().toString(), expected)
  const before = body.snapshot()
  body.restore(before)
  body.edit().more = true
  t.equal(body.bytes().toString(), expected.replace(/}$/, ',"more":true}'))
  const integers = fc.array(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(integers, numbers => {
      const list = `[${numbers.join(',')}]`
      const edited = bodyOf(`{"a":${list},"b":1}`)
      edited.edit().b = 2
      return (
        edited.bytes().toString() === `{"a":${list},"b":2}` &&
        bodyOf(`{"a":${list},"b":1}`).bytes({ b: 2 }).toString() === `{"a":${list},"b":2}`
      )
    })
  )
})

test('peek reads scalars and only scalars', async t => {
  const text = '{"model":"m\\u00e9","stream":true,"n":3,"user":null,"list":[1],"object":{}}'
  const looks = (body: JsonBody<Any>): unknown[] =>
    ['model', 'stream', 'n', 'user', 'list', 'object', 'absent', 'toString'].map(key => body.peek(key))
  const expected = ['mé', true, 3, null, undefined, undefined, undefined, undefined]
  t.same(looks(bodyOf(text)), expected)
  const read = bodyOf(text)
  t.ok(read.value)
  t.same(looks(read), expected)
  const edited = bodyOf(text)
  edited.edit().model = 'other'
  t.equal(edited.peek('model'), 'other')
})

test('the value is frozen at every level until it is edited', async t => {
  const body = bodyOf('{"a":[{"b":1}]}')
  const value = body.value as { a: { b: number }[] }
  t.throws(() => {
    ;(value.a[0] as { b: number }).b = 2
  }, TypeError)
  t.throws(() => {
    value.a.push({ b: 3 })
  }, TypeError)
  const draft = body.edit() as { a: { b: number }[] }
  ;(draft.a[0] as { b: number }).b = 2
  t.same(body.value, { a: [{ b: 2 }] })
  t.same(value, { a: [{ b: 1 }] }, 'what was read before stays what it was')
  t.equal(body.edit(), draft)
  t.ok(body.dirty)
})

test('edits are undone by a snapshot, as often as one likes', async t => {
  const body = bodyOf('{"a":[1],"b":12345678901234567890}')
  const clean = body.snapshot()
  ;(body.edit().a as number[]).push(2)
  const once = body.snapshot()
  ;(body.edit().a as number[]).push(3)
  body.restore(once)
  t.equal(body.bytes().toString(), '{"a":[1,2],"b":12345678901234567890}')
  ;(body.edit().a as number[]).push(4)
  body.restore(once)
  t.equal(body.bytes().toString(), '{"a":[1,2],"b":12345678901234567890}')
  body.restore(clean)
  t.notOk(body.dirty)
  t.equal(body.bytes().toString(), '{"a":[1],"b":12345678901234567890}')
})

test('C8 what a native skip did not check is found when the body is read', async t => {
  const body = bodyOf(`{"a":"${'x'.repeat(200)}\\q"}`)
  for (const read of [() => body.value, () => body.edit(), () => body.peek('a')]) {
    try {
      read()
      t.fail('no denial')
    } catch (error) {
      t.ok(isReject(error))
      t.match(error, { status: 400, code: 'invalid_json' })
    }
  }
})

test('C13 an escaped key cannot be hidden by a literal key that an earlier body had', async t => {
  for (const hint of ['\\', '\\u0063o', '\\u006dessa', '\\u0063ont']) {
    // The engine learns the shape from several bodies with the literal key after the same fields.
    for (let i = 0; i < 8; i++) t.ok(bodyOf(JSON.stringify({ role: 'user', [hint]: 'x' })).value)
  }
  t.same(bodyOf('{"role":"user","\\u0063ontent":"hidden"}').value, { role: 'user', content: 'hidden' })
  t.same(bodyOf('{"first":{"role":"user","\\u0063ontent":"hidden"}}').read('first'), { role: 'user', content: 'hidden' })
  const edited = bodyOf('{"role":"user","\\u0063ontent":"hidden","n":12345678901234567890,"a":[{"role":"user","\\u0063ontent":"é"}]}')
  edited.edit().n2 = 1
  t.equal(
    edited.bytes().toString(),
    '{"role":"user","content":"hidden","n":12345678901234567890,"a":[{"role":"user","content":"é"}],"n2":1}'
  )
})

test('an edit that JSON cannot hold is the fault of who made it', async t => {
  const body = bodyOf('{"a":1}')
  body.edit().a = 1n
  t.throws(() => body.bytes(), TypeError)
})
