import { test } from 'tap'
import fc from 'fast-check'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { exampleOf } from '../example.ts'
import { callOf, client, setup, textOf } from './context.ts'

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

test('vectors are of length one, near where texts share words', async t => {
  const openai = await client()
  const { data, usage, model } = await openai.embeddings.create({
    model: 'demo',
    input: ['the red house', 'a red house', 'quantum soup', '']
  })
  t.same([data.length, model, usage], [4, 'demo', { prompt_tokens: 8, total_tokens: 8 }])
  for (const { embedding } of data) {
    t.equal(embedding.length, 256)
    t.ok(Math.abs(dot(embedding, embedding) - 1) < 1e-5)
  }
  t.ok(dot(data[0]!.embedding, data[1]!.embedding) > dot(data[0]!.embedding, data[2]!.embedding) + 0.3)
})

test('floats and base64 are the same vector, of the dimensions asked for', async t => {
  const openai = await client()
  const float = await openai.embeddings.create({ model: 'demo', input: 'hello', dimensions: 8, encoding_format: 'float' })
  const standard = await openai.embeddings.create({ model: 'demo', input: 'hello', dimensions: 8 })
  t.equal(float.data[0]!.embedding.length, 8)
  t.same(standard.data[0]!.embedding, float.data[0]!.embedding)
  const demo = await setup()
  const raw = JSON.parse(
    await textOf(await demo.answer!(callOf('embeddings', { model: 'demo', input: 'hello', dimensions: 8, encoding_format: 'base64' })))
  )
  t.equal(Buffer.from(raw.data[0].embedding, 'base64').readFloatLE(0), float.data[0]!.embedding[0])
})

test('token ids are inputs too; what cannot be is a 400 with the field', async t => {
  const demo = await setup()
  async function ask(fields: {
    [field: string]: unknown
  }): Promise<{ status: number; body: { data?: unknown[]; usage?: { prompt_tokens: number }; error?: { param: string } } }> {
    const answer = await demo.answer!(callOf('embeddings', { model: 'demo', ...fields }))
    return { status: answer.status, body: JSON.parse(await textOf(answer)) }
  }
  t.match(await ask({ input: [1, 2, 3] }), { status: 200, body: { usage: { prompt_tokens: 3 } } })
  t.equal((await ask({ input: [[1, 2], [3]] })).body.data?.length, 2)
  for (const dimensions of [0, -1, 1.5, 5000, 'x'])
    t.match(await ask({ input: 'a', dimensions }), { status: 400, body: { error: { param: 'dimensions' } } })
  t.match(await ask({ input: new Array(2049).fill('a') }), { status: 400, body: { error: { param: 'input' } } })
})

test('text completions answer each prompt, whole and streamed', async t => {
  const openai = await client()
  const ask = { model: 'demo', prompt: ['one two', 'three'] }
  const whole = await openai.completions.create(ask)
  t.match(
    whole.choices.map(choice => choice.text),
    [/^\[demo\] The prompt was: "one two"/, /"three"/]
  )
  t.equal(whole.usage?.prompt_tokens, 3)
  const texts = ['', '']
  let usage: unknown
  for await (const chunk of await openai.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })) {
    for (const choice of chunk.choices) texts[choice.index] += choice.text
    usage = chunk.usage
  }
  t.same(
    texts,
    whole.choices.map(choice => choice.text)
  )
  t.same(usage, whole.usage)
  t.equal((await openai.completions.create({ ...ask, prompt: 'x', max_tokens: 2 })).choices[0]!.finish_reason, 'length')
})

test('an operation it does not have is told as such', async t => {
  const demo = await setup()
  t.equal((await demo.answer!(callOf('rerank', { model: 'demo' }))).status, 404)
})

test('arguments fit the schema of a tool', async t => {
  const leaf = fc.oneof(
    fc.record({ type: fc.constant('integer'), minimum: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ type: fc.constant('string'), minLength: fc.nat(20) }),
    fc.record({ type: fc.constant('string'), maxLength: fc.nat(20) }),
    fc.record({ type: fc.constant('number'), exclusiveMinimum: fc.integer({ min: -9, max: 9 }) }),
    fc.constant({ type: 'boolean' }),
    fc.constant({ type: ['null', 'string'] }),
    fc.constant({ enum: ['x', 'y'] }),
    fc.constant({ const: 7 }),
    fc.constant({ $ref: '#/$defs/name' }),
    fc.constant({ anyOf: [{ type: 'string' }, { type: 'null' }] })
  )
  const tree = fc.letrec<{ node: object }>(tie => ({
    node: fc.oneof(
      { maxDepth: 2 },
      leaf,
      fc.record({ type: fc.constant('array'), items: tie('node'), minItems: fc.nat(3) }),
      fc
        .dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie('node'), { maxKeys: 4 })
        .map(properties => ({ type: 'object', properties, required: Object.keys(properties) }))
    )
  })).node
  const ajv = new Ajv2020({ strict: false })
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tree, { maxKeys: 4 }), properties => {
      const schema = { type: 'object', properties, $defs: { name: { type: 'string' } } }
      return ajv.validate(schema, exampleOf(schema))
    }),
    { numRuns: 100 }
  )
  t.match(
    JSON.stringify(exampleOf({ type: 'object', required: ['next'], properties: { next: { $ref: '#' } } })),
    /^(\{"next":)+null\}+$/,
    'a schema that means itself ends'
  )
  t.same(exampleOf(undefined), null)
  t.same(
    Object.keys(exampleOf(JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}')) as object),
    ['__proto__'],
    'a name is only a name'
  )
})
