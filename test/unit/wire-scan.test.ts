import { test } from 'tap'
import fc from 'fast-check'
import { isReject } from '@headgate/api'
import { scanBody } from '../../core/wire/scan.ts'

/** The code and param of the denial, or `ok`. */
function verdict(body: string | Buffer): string {
  try {
    scanBody(Buffer.from(body))
    return 'ok'
  } catch (error) {
    if (!isReject(error)) throw error
    return `${error.status} ${error.code}${error.param === undefined ? '' : ` ${error.param}`}`
  }
}

const MALFORMED = [
  '',
  ' ',
  '\n\t',
  '{',
  '}',
  '[',
  '{]',
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,',
  '{"a":1,}',
  '{,}',
  '{"a" 1}',
  '{a:1}',
  "{'a':1}",
  '{"a":NaN}',
  '{"a":Infinity}',
  '{"a":-Infinity}',
  '{"a":undefined}',
  '{"a":tru}',
  '{"a":nul',
  '{"a":True}',
  '{"a":truefalse}',
  '{"a":01}',
  '{"a":-}',
  '{"a":1.}',
  '{"a":.5}',
  '{"a":1e}',
  '{"a":1e+}',
  '{"a":+1}',
  '{"a":0x1}',
  '{"a":1_0}',
  '{"a":"x',
  '{"a":"x\\"}',
  '{"a":"\\x41"}',
  '{"a":"\\u12g4"}',
  '{"a":"line\nfeed"}',
  '{"a":"tab\there"}',
  '{"a":1}x',
  '{"a":1}{',
  '{"a":1}}',
  '{"a":1},',
  '{"a":[1,]}',
  '{"a":[,1]}',
  '{"a":[1 2]}',
  '{"a":{"b":1]}',
  '{"a":[1}}',
  '{"a"::1}',
  '{1:1}',
  '// no\n{}',
  '{/**/}',
  '[]',
  '[{}]',
  '"text"',
  '1',
  'null',
  'true',
  '\u00a0{}',
  '{"a":1\u2003}',
  '{"a":1}\0'
]

test('C8 malformed, empty and truncated JSON is refused, and the parser is not quoted', async t => {
  for (const body of MALFORMED) t.equal(verdict(body), '400 invalid_json', JSON.stringify(body))
  try {
    scanBody(Buffer.from('{"key":"sk-secret" oops}'))
    t.fail('no denial')
  } catch (error) {
    t.notMatch((error as Error).message, /sk-secret|oops|position|token/)
  }
})

test('C8 every cut of a valid body is refused', async t => {
  const whole = Buffer.from('{"model":"m","n":[1,{"é":"a\\"b"},null,-1.5e3],"t":true}')
  for (let end = 0; end < whole.length; end++) {
    const found = verdict(whole.subarray(0, end))
    if (found !== '400 invalid_json' && found !== '400 invalid_encoding') t.fail(`${end}: ${found}`)
  }
  t.equal(verdict(whole), 'ok')
})

test('C8 whatever JSON.parse accepts as an object is accepted, and nothing else', async t => {
  const noise = fc.array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      'a',
      'b',
      '1',
      '0',
      '.',
      'e',
      '-',
      ' ',
      'true',
      'null',
      '"k"',
      '"v":',
      '\\u0041',
      '\n'
    ),
    { maxLength: 14 }
  )
  fc.assert(
    fc.property(noise, pieces => {
      const text = `{${pieces.join('')}}`
      let parsed: unknown
      try {
        parsed = JSON.parse(text)
      } catch {
        parsed = undefined
      }
      const found = verdict(text)
      // A key given twice is told before the rest is read.
      return found.startsWith('400 duplicate_key') || (found === 'ok') === (parsed !== undefined)
    }),
    { numRuns: 3000 }
  )
  t.pass()
})

test('C9 invalid UTF-8 is refused', async t => {
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc0, 0xaf], [0xe2, 0x82]]) {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
    t.equal(verdict(body), '400 invalid_encoding')
  }
  t.equal(verdict('{"a":"é漢😀"}'), 'ok')
})

test('C10 a byte-order mark, escaped lone surrogates and NULs are accepted', async t => {
  t.equal(verdict('\ufeff{"a":"\\ud800","b":"\\u0000"}'), 'ok')
  t.equal(verdict('{"a":\ufeff1}'), '400 invalid_json')
  t.equal(verdict('\ufeff\ufeff{}'), '400 invalid_json')
  t.equal(verdict(' \ufeff{}'), '400 invalid_json')
  t.equal(scanBody(Buffer.from('\ufeff {}')).start, 4)
})

test('C11 depth, values and messages are bounded', async t => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  t.equal(verdict(nested(64)), 'ok')
  t.equal(verdict(nested(65)), '400 too_complex')
  t.equal(verdict(`{"a":${'['.repeat(5e6)}`), '400 too_complex')
  t.equal(verdict(`{"a":${'{"a":'.repeat(1e5)}`), '400 too_complex')
  const list = (key: string, count: number, item = '1'): string => `{"${key}":[${new Array(count).fill(item).join(',')}]}`
  t.equal(verdict(list('a', 1e5 - 2)), 'ok')
  t.equal(verdict(list('a', 1e5 - 1)), '400 too_complex')
  t.equal(verdict(list('messages', 1e4, '{}')), 'ok')
  t.equal(verdict(list('messages', 1e4 + 1, '{}')), '400 too_complex')
  t.equal(verdict(list('\\u006dessages', 1e4 + 1, '{}')), '400 too_complex')
  t.equal(verdict(list('other', 1e4 + 1, '{}')), 'ok')
  t.equal(verdict(`{"messages":[{"a":[${'1,'.repeat(20000)}1]}]}`), 'ok')
})

test('C11 top-level fields and keys with escapes are bounded', async t => {
  const fields = (count: number, key: string): string => Array.from({ length: count }, (_, i) => `"${key}${i}":1`).join(',')
  t.equal(verdict(`{${fields(1024, 'k')}}`), 'ok')
  t.equal(verdict(`{${fields(1025, 'k')}}`), '400 too_complex')
  t.equal(verdict(`{"a":{${fields(5000, 'k')}}}`), 'ok')
  t.equal(verdict(`{"a":{${fields(10000, '\\u006b')}}}`), 'ok')
  t.equal(verdict(`{"a":{${fields(10001, '\\u006b')}}}`), '400 too_complex')
})

test('C12 keys that reach a prototype are refused at any depth and in any spelling', async t => {
  for (const body of [
    '{"__proto__":{}}',
    '{"a":[{"b":{"__proto__":1}}]}',
    '{"\\u005f\\u005fproto__":1}',
    '{"a":{"_\\u005fpr\\u006Fto__":{"x":1}}}',
    '{"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f":1}',
    '{"constructor":{"prototype":{}}}',
    '{"a":{"constructor":{"x":1,"prototype":{"y":1}}}}',
    '{"c\\u006fnstructor":{"prot\\u006ftype":1}}',
    '{"\\u0063\\u006f\\u006e\\u0073\\u0074\\u0072\\u0075\\u0063\\u0074\\u006f\\u0072":{"\\u0070\\u0072\\u006f\\u0074\\u006f\\u0074\\u0079\\u0070\\u0065":1}}'
  ])
    t.equal(verdict(body), '400 forbidden_key', body)
  for (const body of [
    '{"proto":1}',
    '{"a":"__proto__"}',
    '{"constructor":"x"}',
    '{"constructor":{"a":{"prototype":1}}}',
    '{"constructor":[{"prototype":1}]}',
    '{"constructor":1,"b":{"prototype":1}}',
    '{"prototype":{}}',
    '{"__proto":1,"_proto__":2}'
  ])
    t.equal(verdict(body), 'ok', body)
  t.equal(({} as { x?: unknown }).x, undefined)
})

test('C13 a top-level key given twice is refused, in any spelling', async t => {
  t.equal(verdict('{"model":"a","model":"b"}'), '400 duplicate_key model')
  t.equal(verdict('{"model":"a","m\\u006fdel":"b"}'), '400 duplicate_key model')
  t.equal(verdict('{"a":{"model":1},"model":2,"b":[{"model":3}]}'), 'ok')
  t.equal(verdict('{"":1,"":2}'), '400 duplicate_key ')
})

test('C15 numbers that a double alters are noticed', async t => {
  const altered = [
    '9007199254740993',
    '-9007199254740993',
    '18446744073709551615',
    '1e999',
    '-1e999',
    '1e-400',
    '0.1234567890123456789',
    '123456789012345678901234567890',
    '-0',
    '-0.0',
    `1${'0'.repeat(400)}`
  ]
  const kept = [
    '0',
    '1',
    '-1',
    '0.1',
    '1.0',
    '0.70',
    '1e2',
    '1E+2',
    '-1.5e-3',
    '9007199254740992',
    '9007199254740991',
    '123456789012345',
    '1e21',
    '0.30000000000000004',
    '1.7976931348623157e308',
    '5e-324',
    '100000000000000000000'
  ]
  for (const number of altered) t.equal(scanBody(Buffer.from(`{"a":[${number}]}`)).bigNumbers, true, number)
  for (const number of kept) t.equal(scanBody(Buffer.from(`{"a":[${number}]}`)).bigNumbers, false, number)
  t.equal(scanBody(Buffer.from('{"a":"9007199254740993"}')).bigNumbers, false)
})

/** The integer that `JSON.stringify` prints for it. */
function printed(value: number): bigint {
  const [mantissa = '', power = '0'] = String(value).split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return BigInt(whole + fraction) * 10n ** BigInt(Number(power) - fraction.length)
}

test('C15 an integer is exact when the same integer is printed', async t => {
  const integer = fc.tuple(fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }), fc.integer({ min: 0, max: 8 }))
  fc.assert(
    fc.property(integer, ([digits, zeros]) => {
      const value = digits * 10n ** BigInt(zeros)
      return scanBody(Buffer.from(`{"a":${value}}`)).bigNumbers === (printed(Number(value)) !== value)
    }),
    { numRuns: 2000 }
  )
  t.pass()
})

test('fields are told with their places', async t => {
  const body = Buffer.from(' { "é" : "a,}b" , "\\u006d":[1,{"x":2}],"z":{ } }\n')
  const scan = scanBody(body)
  t.equal(body.toString('utf8', scan.start, scan.end), '{ "é" : "a,}b" , "\\u006d":[1,{"x":2}],"z":{ } }')
  t.same(
    scan.fields.map(({ key, valueStart, valueEnd }) => [key, body.toString('utf8', valueStart, valueEnd)]),
    [
      ['é', '"a,}b"'],
      ['m', '[1,{"x":2}]'],
      ['z', '{ }']
    ]
  )
  for (const { keyStart } of scan.fields) t.equal(body[keyStart], 0x22)
  t.same(scanBody(Buffer.from('{}')).fields, [])
})

test('long strings are skipped to the right quote', async t => {
  const text = fc.array(fc.constantFrom('"', '\\', 'a', '\n', 'é', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(65), 'w'.repeat(200)), {
    maxLength: 40
  })
  fc.assert(
    fc.property(text, text, (first, second) => {
      const object = { [first.join('')]: second.join(''), [`${first.join('')}.`]: 1 }
      const body = Buffer.from(JSON.stringify(object))
      const parts = scanBody(body).fields.map(field => [field.key, JSON.parse(body.toString('utf8', field.valueStart, field.valueEnd))])
      return JSON.stringify(parts) === JSON.stringify(Object.entries(object))
    })
  )
  t.pass()
})
