import { test } from 'tap'
import { isReject, type RequestBody, type ResponseBody } from '@headgate/api'
import { chat } from '../../core/wire/chat.ts'

const MESSAGES = [{ role: 'user', content: 'hi' }]

/** Code and param of the denial, or `ok`. */
function verdict(fields: object): string {
  try {
    chat.validate({ model: 'm', messages: MESSAGES, ...fields } as unknown as RequestBody)
    return 'ok'
  } catch (error) {
    if (!isReject(error)) throw error
    return `${error.status} ${error.code} ${error.param}`
  }
}

const WRONG: [object, string][] = [
  [{ model: undefined }, '400 missing_required_parameter model'],
  [{ model: 5 }, '400 invalid_type model'],
  [{ model: '' }, '400 invalid_value model'],
  [{ model: 'x'.repeat(257) }, '400 invalid_value model'],
  [{ messages: undefined }, '400 missing_required_parameter messages'],
  [{ messages: null }, '400 missing_required_parameter messages'],
  [{ messages: 'hi' }, '400 invalid_type messages'],
  [{ messages: [] }, '400 empty_array messages'],
  [{ messages: ['hi'] }, '400 invalid_type messages[0]'],
  [{ messages: [MESSAGES[0], null] }, '400 invalid_type messages[1]'],
  [{ messages: [{ content: 'hi' }] }, '400 missing_required_parameter messages[0].role'],
  [{ messages: [{ role: 1, content: 'hi' }] }, '400 invalid_type messages[0].role'],
  [{ messages: [{ role: 'user', content: 5 }] }, '400 invalid_type messages[0].content'],
  [{ messages: [{ role: 'user', content: { text: 'hi' } }] }, '400 invalid_type messages[0].content'],
  [{ messages: [{ role: 'user', content: ['hi'] }] }, '400 invalid_type messages[0].content[0]'],
  [{ messages: [{ role: 'user', content: [{ type: 'text', text: ['hi'] }] }] }, '400 invalid_type messages[0].content[0].text'],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'thinking', thinking: [{ text: 1 }] }] }] },
    '400 invalid_type messages[0].content[0].thinking[0].text'
  ],
  [{ messages: [{ role: 'assistant', refusal: 1 }] }, '400 invalid_type messages[0].refusal'],
  [{ messages: [{ role: 'assistant', reasoning_content: {} }] }, '400 invalid_type messages[0].reasoning_content'],
  [{ messages: [{ role: 'assistant', tool_calls: {} }] }, '400 invalid_type messages[0].tool_calls'],
  [
    { messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: { a: 1 } } }] }] },
    '400 invalid_type messages[0].tool_calls[0].function.arguments'
  ],
  [
    { messages: [{ role: 'assistant', tool_calls: [{ custom: { input: 1 } }] }] },
    '400 invalid_type messages[0].tool_calls[0].custom.input'
  ],
  [{ messages: [{ role: 'assistant', function_call: 'f' }] }, '400 invalid_type messages[0].function_call'],
  [{ stream: 'true' }, '400 invalid_type stream'],
  [{ stream_options: [] }, '400 invalid_type stream_options'],
  [{ n: '2' }, '400 invalid_type n'],
  [{ n: 0 }, '400 integer_below_min_value n'],
  [{ max_tokens: 1.5 }, '400 invalid_type max_tokens'],
  [{ max_completion_tokens: '9' }, '400 invalid_type max_completion_tokens'],
  [{ n: -1 }, '400 integer_below_min_value n'],
  [{ temperature: '0.5' }, '400 invalid_type temperature'],
  [{ top_p: true }, '400 invalid_type top_p'],
  [{ tools: {} }, '400 invalid_type tools'],
  [{ tools: [1] }, '400 invalid_type tools[0]'],
  [{ tools: [{ function: { description: 1 } }] }, '400 invalid_type tools[0].function.description'],
  [{ functions: [{ description: 1 }] }, '400 invalid_type functions[0].description'],
  [{ prediction: { content: 1 } }, '400 invalid_type prediction.content']
]

test('C14 wrong types are refused with the path of the field', async t => {
  for (const [fields, expected] of WRONG) t.equal(verdict(fields), expected, JSON.stringify(fields).slice(0, 80))
})

test('C14 unknown fields, nulls and odd but legal requests pass', async t => {
  for (const fields of [
    {},
    { future_field: { a: [1] } },
    { stream: null, stream_options: null, n: null, max_tokens: null, temperature: null, tools: null },
    { messages: [{ role: 'new_role', content: null, new_field: 1 }] },
    { messages: [{ role: 'assistant' }] },
    { messages: [{ role: 'assistant', content: [{ type: 'new_part', data: {} }], tool_calls: null, refusal: null }] },
    { tools: [{ type: 'custom', custom: { name: 'x', format: {} } }, { type: 'new_tool' }] },
    { model: 'org/model:tag@1', n: 128 },
    { max_tokens: -1 },
    { max_tokens: 0, max_completion_tokens: 1e9 }
  ])
    t.equal(verdict(fields), 'ok', JSON.stringify(fields))
})

const REQUEST = {
  model: 'm',
  messages: [
    { role: 'system', content: 'S' },
    { role: 'developer', content: [{ type: 'text', text: 'D' }] },
    {
      role: 'user',
      name: 'NAME',
      content: [
        { type: 'text', text: 'U1' },
        { type: 'image_url', image_url: { url: 'URL' } },
        { type: 'text', text: 'U2' }
      ]
    },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'T' }] },
        { type: 'refusal', refusal: 'R1' }
      ],
      reasoning_content: 'RC',
      reasoning: 'RE',
      refusal: 'R2',
      reasoning_details: [{ text: 'RD' }]
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'ID', type: 'function', function: { name: 'FN', arguments: 'A1' } },
        { id: 'ID', type: 'custom', custom: { name: 'CN', input: 'A2' } }
      ]
    },
    { role: 'assistant', function_call: { name: 'FN', arguments: 'A3' }, content: '' },
    { role: 'tool', tool_call_id: 'ID', content: 'TR1' },
    { role: 'tool', tool_call_id: 'ID', content: [{ type: 'text', text: 'TR2' }] },
    { role: 'function', name: 'FN', content: 'TR3' }
  ],
  tools: [
    { type: 'function', function: { name: 'FN', description: 'TD1' } },
    { type: 'custom', custom: { name: 'CN', description: 'TD2' } }
  ],
  functions: [{ name: 'FN', description: 'TD3' }],
  prediction: { type: 'content', content: 'P' }
}

test('every text of a request is found, with kind and path, and names are not', async t => {
  const found = chat.requestTexts(structuredClone(REQUEST) as unknown as RequestBody).map(span => `${span.text} ${span.kind} ${span.path}`)
  t.same(found, [
    'S system messages[0].content',
    'D system messages[1].content[0].text',
    'U1 prompt messages[2].content[0].text',
    'U2 prompt messages[2].content[2].text',
    'RC reasoning messages[3].reasoning_content',
    'RE reasoning messages[3].reasoning',
    'RD reasoning messages[3].reasoning_details[0].text',
    'T reasoning messages[3].content[0].thinking[0].text',
    'R1 refusal messages[3].content[1].refusal',
    'R2 refusal messages[3].refusal',
    'A1 tool_arguments messages[4].tool_calls[0].function.arguments',
    'A2 tool_arguments messages[4].tool_calls[1].custom.input',
    'A3 tool_arguments messages[5].function_call.arguments',
    'TR1 tool_result messages[6].content',
    'TR2 tool_result messages[7].content[0].text',
    'TR3 tool_result messages[8].content',
    'TD1 tool_description tools[0].function.description',
    'TD2 tool_description tools[1].custom.description',
    'TD3 tool_description functions[0].description',
    'P prompt prediction.content'
  ])
})

test('assigning a text writes into the body, and only there', async t => {
  const body = structuredClone(REQUEST) as unknown as RequestBody
  for (const span of chat.requestTexts(body)) span.text = `<${span.text}>`
  const expected = JSON.stringify(REQUEST).replace(/"(S|D|U\d|T|RC|RE|RD|R\d|A\d|TR\d|TD\d|P)"/g, '"<$1>"')
  t.equal(JSON.stringify(body), expected)
  t.equal(chat.requestTexts(body)[0]?.text, '<S>')
})

test('texts of a frozen body can be read but not assigned', async t => {
  const body = { model: 'm', messages: [Object.freeze({ role: 'user', content: 'hi' })] } as unknown as RequestBody
  const [span] = chat.requestTexts(body)
  t.equal(span?.text, 'hi')
  t.throws(() => {
    ;(span as { text: string }).text = 'x'
  }, TypeError)
})

test('every text of an answer is found, and a changed one takes its log probabilities along', async t => {
  const body = {
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'C', refusal: null, reasoning_content: 'RC' },
        logprobs: { content: [{ token: 'C' }] }
      },
      {
        index: 1,
        message: {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: [{ type: 'text', text: 'T' }] },
            { type: 'text', text: 'C2' }
          ],
          tool_calls: [{ function: { name: 'f', arguments: 'A' } }]
        },
        logprobs: { content: [{ token: 'C2' }] }
      },
      { index: 2, message: { role: 'assistant', content: null, refusal: 'R', reasoning: 'RE' } }
    ]
  } as unknown as ResponseBody
  const spans = chat.responseTexts(body)
  t.same(
    spans.map(span => `${span.text} ${span.kind}`),
    ['RC reasoning', 'C answer', 'T reasoning', 'C2 answer', 'A tool_arguments', 'RE reasoning', 'R refusal']
  )
  t.equal(spans[1]?.path, 'choices[0].message.content')
  for (const span of spans.slice(0, 2)) span.text = span.text === 'C' ? 'changed' : span.text
  t.equal(body.choices?.[0]?.logprobs, null)
  t.ok(body.choices?.[1]?.logprobs, 'a choice that nobody changed keeps them')
})

test('broken answers have no texts and throw nothing', async t => {
  for (const body of [
    {},
    { choices: null },
    { choices: 5 },
    { choices: [null, 1, {}, { message: null }, { message: { content: 5, tool_calls: [null, {}] } }] }
  ]) {
    t.same(chat.responseTexts(body as unknown as ResponseBody), [])
  }
})
