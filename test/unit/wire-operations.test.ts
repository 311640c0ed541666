import { test } from 'tap'
import { isReject, type RequestBody, type ResponseBody } from '@headgate/api'
import { completions } from '../../core/wire/completions.ts'
import { embeddings } from '../../core/wire/embeddings.ts'
import { ENDPOINTS, endpointOf, operationOf } from '../../core/wire/operations.ts'
import type { WireOperation } from '../../core/wire/types.ts'

function verdict(operation: WireOperation, body: object): string {
  try {
    operation.validate(body as RequestBody)
    return 'ok'
  } catch (error) {
    if (!isReject(error)) throw error
    return `${error.status} ${error.code} ${error.param}`
  }
}

test('a path leads to its operation', async t => {
  const found = (path: string): string | undefined => {
    const endpoint = endpointOf(path)
    return endpoint && `${endpoint.method} ${endpoint.operation.name}`
  }
  t.equal(found('/v1/chat/completions'), 'POST chat')
  t.equal(found('/v1/completions'), 'POST completions')
  t.equal(found('/v1/embeddings'), 'POST embeddings')
  t.equal(found('/v1/models'), 'GET models')
  t.equal(found('/v1/models/gpt-4o'), 'GET models')
  t.equal(found('/v1/models/org/model'), 'GET models')
  for (const path of ['/v1/models/', '/v1/modelsx', '/v1/chat/completions/', '/v1/chat', '/', '', '/v1/audio/speech'])
    t.equal(found(path), undefined, path)
})

test('an operation is found by its name', async t => {
  for (const { operation } of ENDPOINTS) t.equal(operationOf(operation.name), operation)
  t.equal(operationOf('audio'), undefined)
})

test('models have neither body nor text', async t => {
  const models = operationOf('models') as WireOperation
  t.equal(verdict(models, {}), 'ok')
  t.same([models.requestTexts({ model: '' }), models.responseTexts({}), models.usage({}), models.stream], [[], [], null, null])
})

test('C14 completions: prompt and numbers are checked', async t => {
  for (const prompt of ['text', ['a', 'b'], [1, 2], [[1, 2], [3]]])
    t.equal(verdict(completions, { model: 'm', prompt }), 'ok', JSON.stringify(prompt))
  for (const prompt of [5, {}, [], ['a', 1], [1.5], [[1], 'a'], [['a']], [{}], true])
    t.equal(verdict(completions, { model: 'm', prompt }), '400 invalid_type prompt', JSON.stringify(prompt))
  t.equal(verdict(completions, { model: 'm' }), '400 missing_required_parameter prompt')
  t.equal(verdict(completions, { prompt: 'x' }), '400 missing_required_parameter model')
  t.equal(verdict(completions, { model: 'm', prompt: 'x', suffix: 1 }), '400 invalid_type suffix')
  t.equal(verdict(completions, { model: 'm', prompt: 'x', stream: 1 }), '400 invalid_type stream')
  t.equal(verdict(completions, { model: 'm', prompt: 'x', best_of: 0 }), '400 integer_below_min_value best_of')
})

test('C14 embeddings: input is checked', async t => {
  for (const input of ['text', ['a', 'b'], [1, 2], [[1, 2], [3]]]) t.equal(verdict(embeddings, { model: 'm', input }), 'ok')
  for (const input of [5, {}, [], [null]]) t.equal(verdict(embeddings, { model: 'm', input }), '400 invalid_type input')
  t.equal(verdict(embeddings, { model: 'm', input: null }), '400 missing_required_parameter input')
  t.equal(verdict(embeddings, { model: 'm', input: 'x', dimensions: 0 }), '400 integer_below_min_value dimensions')
})

test('texts of completions and embeddings are live', async t => {
  const cases: [WireOperation, object, string[]][] = [
    [completions, { model: 'm', prompt: 'P', suffix: 'S' }, ['P prompt prompt', 'S prompt suffix']],
    [completions, { model: 'm', prompt: ['P', '', 'Q'] }, ['P prompt prompt[0]', 'Q prompt prompt[2]']],
    [completions, { model: 'm', prompt: [1, 2] }, []],
    [embeddings, { model: 'm', input: 'I' }, ['I input input']],
    [embeddings, { model: 'm', input: ['I', 'J'] }, ['I input input[0]', 'J input input[1]']]
  ]
  for (const [operation, body, expected] of cases) {
    const spans = operation.requestTexts(body as RequestBody)
    t.same(
      spans.map(span => `${span.text} ${span.kind} ${span.path}`),
      expected
    )
    for (const span of spans) span.text = span.text.toLowerCase()
    t.equal(JSON.stringify(body).match(/"[PSQIJ]"/), null)
  }
  const answer = { choices: [{ text: 'T', index: 0, logprobs: { tokens: ['T'] } }, null] } as unknown as ResponseBody
  const [span] = completions.responseTexts(answer)
  t.equal(`${span?.text} ${span?.kind} ${span?.path}`, 'T answer choices[0].text')
  ;(span as { text: string }).text = 'x'
  t.same(answer.choices?.[0], { text: 'x', index: 0, logprobs: null })
  t.same(embeddings.responseTexts({}), [])
})
