import { test, type Test as T } from 'tap'
import { definePlugin } from '@headgate/api'
import {
  createTestGateway,
  replay,
  viewOf,
  type AnswerView,
  type ChoiceView,
  type Split,
  type TestAnswer,
  type TestGateway
} from '@headgate/api/test'
import { recordings, RECORDINGS, type Facts, type Recording } from './recording.ts'

const PROVIDERS = ['openai', 'azure', 'groq', 'deepseek', 'openrouter', 'mistral']
const PATHS: { readonly [api: string]: string } = {
  'openai.chat_completions': '/v1/chat/completions',
  'openai.completions': '/v1/completions',
  'openai.embeddings': '/v1/embeddings',
  'openai.models': '/v1/models'
}
const SPLITS: readonly Split[] = ['whole', 7, 'every-byte', 'inside-characters']
const DONE = 'data: [DONE]\n\n'

/** What the client is told about each kind of error; null is what the provider said. */
const TOLD: { readonly [kind: string]: { readonly status: number | null; readonly code: string | null; readonly type: string | null } } = {
  invalid_request: { status: null, code: null, type: null },
  context_length: { status: null, code: 'context_length_exceeded', type: null },
  content_filter: { status: null, code: null, type: null },
  not_found: { status: 404, code: 'model_not_found', type: 'invalid_request_error' },
  authentication: { status: 502, code: 'upstream_auth', type: 'server_error' },
  permission: { status: 502, code: 'upstream_auth', type: 'server_error' },
  rate_limit: { status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' },
  quota: { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' },
  overloaded: { status: 503, code: 'upstream_overloaded', type: 'server_error' },
  server_error: { status: 502, code: 'upstream_error', type: 'server_error' }
}

/** Sends models to a provider that passes them through, everything else to the built-in one, under the name behind `alias:`. */
const recordedRouter = definePlugin({
  name: 'recorded-router',
  apiVersion: 1,
  configSchema: { type: 'object', additionalProperties: false, properties: {} },
  setup: () => ({
    route: ctx => [{ provider: ctx.operation === 'models' ? 'lists' : 'openai', model: ctx.request.model.replace(/^alias:/, '') }]
  })
})

const CONFIG = {
  version: 1,
  plugins: { open: { use: 'kit-auth' }, router: { use: 'recorded' }, keep: { use: 'kit-recorder' } },
  providers: {
    openai: { use: 'provider-openai', config: { base_url: '${UPSTREAM}/v1', api_key: 'sk-recorded-key' } },
    lists: { use: 'kit-provider', config: { base_url: '${UPSTREAM}/v1' } }
  },
  routes: [{ name: 'all', match: { path: '/*' }, pipeline: ['open', 'router', 'keep'], retry: { max_attempts: 1 } }]
}

const found = recordings(PROVIDERS, Object.keys(PATHS))

test('recorded exchanges', {
  skip: found === null ? `FIXTURES MISSING: nothing was checked, there is no ${RECORDINGS}` : false
}, async t => {
  t.ok(found!.length > 0, `${found!.length} recordings`)
  const gateway = await createTestGateway(t, {
    config: CONFIG,
    plugins: { recorded: recordedRouter },
    upstream: () => replay(found![0]!.dir)
  })
  for (const recording of found!) {
    await t.test(recording.name, async t => {
      for (const split of SPLITS) {
        await t.test(`in pieces: ${String(split)}`, t => check(t, gateway, recording, split))
      }
      if (recording.request?.model !== undefined) await t.test('under another name', t => checkAlias(t, gateway, recording))
    })
  }
})

async function check(t: T, gateway: TestGateway, recording: Recording, split: Split): Promise<void> {
  const { facts } = recording
  // Spaced out, so that bytes which only mean the same would be found.
  const sent = recording.method === 'GET' ? undefined : Buffer.from(JSON.stringify(recording.request ?? anyRequest(recording), null, 1))
  const answer = await exchange(gateway, recording, sent, split)
  if (sent !== undefined) checkRequest(t, gateway.upstream.requests.at(-1)!.body, sent, recording)
  t.notMatch(answer.raw.toString(), gateway.upstream.origin.slice(7), 'the address of the upstream stays inside')
  if (facts.outcome === 'ok') return checkAnswer(t, gateway, answer, recording)
  if (facts.outcome === 'stream_error' && answer.status === 200) return checkStreamError(t, gateway, answer, facts)
  checkError(t, gateway, answer, facts)
}

/** The model's own name is put in place of the client's, and nothing else is touched. */
async function checkAlias(t: T, gateway: TestGateway, recording: Recording): Promise<void> {
  const recorded = Buffer.from(JSON.stringify(recording.request))
  const sent = Buffer.from(JSON.stringify({ ...recording.request, model: `alias:${recording.request!.model}` }))
  await exchange(gateway, recording, sent, 'whole')
  checkRequest(t, gateway.upstream.requests.at(-1)!.body, recorded, recording)
}

async function exchange(gateway: TestGateway, recording: Recording, sent: Buffer | undefined, split: Split): Promise<TestAnswer> {
  gateway.upstream.use(replay(recording.dir, { split }))
  return gateway.request(recording.method as 'GET' | 'POST', PATHS[recording.api]!, sent)
}

/** For recordings of answers whose request is not known. */
function anyRequest({ api, streaming }: Recording): object {
  const stream = streaming ? { stream: true } : {}
  if (api === 'openai.chat_completions') return { model: 'any', messages: [{ role: 'user', content: 'hello' }], ...stream }
  return api === 'openai.embeddings' ? { model: 'any', input: 'hello' } : { model: 'any', prompt: 'hello', ...stream }
}

function asksUsage({ request }: Recording): boolean {
  return (request?.['stream_options'] as { include_usage?: unknown } | undefined)?.include_usage === true
}

/** What reached the provider: the client's bytes, with the wish for usage put in where it was not there. */
function checkRequest(t: T, received: Buffer, sent: Buffer, recording: Recording): void {
  const [got, own] = [received.toString(), sent.toString()]
  const given = recording.request?.['stream_options']
  const streams = recording.request === null ? recording.streaming : recording.request['stream'] === true
  if (!streams || asksUsage(recording)) return void t.ok(received.equals(sent), 'the provider got the very bytes of the client')
  if (given !== undefined) return void t.same(JSON.parse(got), { ...JSON.parse(own), stream_options: { ...given, include_usage: true } })
  const wish = String.raw`\s*"stream_options":\s*\{\s*"include_usage":\s*true\s*\}`
  const without = [new RegExp(`,${wish}`), new RegExp(`${wish},`)].map(pattern => got.replace(pattern, ''))
  t.ok(without.includes(own) && got !== own, 'the provider got the bytes of the client and the wish for usage')
}

function checkAnswer(t: T, gateway: TestGateway, answer: TestAnswer, recording: Recording): void {
  const { facts } = recording
  const expected = recording.streaming ? expectedStream(recording) : recording.body
  t.equal(answer.status, 200)
  t.ok(answer.raw.equals(expected), 'the client got the very bytes of the provider')
  t.equal(answer.done, recording.streaming)
  t.equal(gateway.exchange.outcome, 'ok')
  t.equal(gateway.exchange.response.stream_end, recording.streaming ? 'done' : null)
  checkView(t, viewOf(answer), facts)
  checkUsage(t, gateway, facts)
}

/** The recorded stream without the event that nobody asked for, and with the end that it should have had. */
function expectedStream(recording: Recording): Buffer {
  const text = recording.body.toString('latin1')
  const kept = asksUsage(recording)
    ? text
    : text
        .split(/(?<=\n\n|\r\n\r\n)/)
        .filter(frame => !isUsageOnly(frame))
        .join('')
  return Buffer.from(recording.facts.done_marker === false ? kept + DONE : kept, 'latin1')
}

function isUsageOnly(frame: string): boolean {
  const data = /^data: ?(\{.*)$/m.exec(frame)?.[1]
  if (data === undefined) return false
  const { choices, usage } = JSON.parse(data) as { choices?: unknown[]; usage?: unknown }
  return Array.isArray(choices) && choices.length === 0 && usage !== undefined && usage !== null
}

function checkView(t: T, view: AnswerView, facts: Facts): void {
  const first: ChoiceView = view.choices[0] ?? { index: 0, text: '', reasoning: '', refusal: '', finish: null, calls: [] }
  if (facts.text !== undefined) t.equal(first.text, facts.text)
  if (facts.reasoning !== undefined) t.equal(first.reasoning, facts.reasoning)
  if (facts.refusal !== undefined) t.equal(first.refusal, facts.refusal)
  if (facts.choices !== undefined)
    t.match(
      view.choices.map(({ index, text, finish }) => ({ index, text, finish_reason: finish })),
      facts.choices
    )
  if (facts.stop !== undefined)
    t.ok([facts.stop.openai, ...(facts.stop.openai_any_of ?? [])].includes(first.finish), `finish reason ${first.finish}`)
  t.equal(first.calls.length, facts.tool_calls?.length ?? 0)
  facts.tool_calls?.forEach((call, at) => {
    const seen = first.calls[at]!
    t.match(seen, { id: call.id, name: call.name })
    if (call.arguments_raw !== undefined) t.equal(seen.arguments, call.arguments_raw)
    else t.same(JSON.parse(seen.arguments || '{}'), call.arguments)
  })
  if (facts.n !== undefined) t.equal(view.data.length, facts.n)
  if (facts.ids_first !== undefined)
    t.same(
      view.data.slice(0, facts.ids_first.length).map(model => (model as { id: string }).id),
      facts.ids_first
    )
  if (facts.first !== undefined) checkVector(t, (view.data[0] as { embedding: unknown }).embedding, facts.first)
}

function checkVector(t: T, embedding: unknown, first: readonly number[]): void {
  const bytes = typeof embedding === 'string' ? Buffer.from(embedding, 'base64') : null
  first.forEach((value, at) => {
    const seen = bytes === null ? (embedding as number[])[at]! : bytes.readFloatLE(at * 4)
    t.ok(Math.abs(seen - value) < 1e-5, `${seen} is ${value}`)
  })
}

const USAGE = ['prompt_tokens', 'completion_tokens', 'total_tokens', 'cached_tokens', 'cache_write_tokens', 'reasoning_tokens'] as const

function checkUsage(t: T, gateway: TestGateway, facts: Facts): void {
  const { usage } = gateway.exchange
  if (facts.usage === undefined) return
  if (facts.usage === null) return void t.equal(usage.source, 'estimated', 'no usage was given, so it is an estimate and says so')
  t.equal(usage.source, 'upstream')
  for (const name of USAGE) if (facts.usage[name] !== undefined) t.equal(usage[name], facts.usage[name], name)
}

/** A failure after the status had gone: what came before is there, then an error event, and no clean end. */
function checkStreamError(t: T, gateway: TestGateway, answer: TestAnswer, facts: Facts): void {
  const told = toldOf(facts)
  t.notOk(answer.done, 'the end marker is not sent')
  t.notMatch(answer.raw.toString(), '[DONE]')
  t.match(answer.error, { message: /./, code: told.code, type: told.type })
  checkView(t, viewOf(answer), facts)
  t.match(gateway.exchange, { outcome: 'failed', response: { stream_end: 'upstream_error' }, error: { source: 'upstream' } })
}

function checkError(t: T, gateway: TestGateway, answer: TestAnswer, facts: Facts): void {
  const told = toldOf(facts)
  const { error } = facts
  t.equal(answer.status, told.status ?? Math.max(facts.status, 400))
  t.match(answer.headers, { 'content-type': 'application/json', 'x-headgate-error-source': 'upstream', 'x-request-id': /./ })
  t.match(answer.error, { message: /./, code: told.code, type: told.type, param: error?.provider?.param ?? null })
  if (told.status === null && error?.provider?.message) t.equal(answer.error?.message, error.provider.message)
  if (typeof error?.retry_after_ms === 'number' && told.status === 429)
    t.equal(answer.headers['retry-after'], String(Math.max(1, Math.ceil(error.retry_after_ms / 1000))))
  t.match(gateway.exchange, { outcome: 'failed', error: { source: 'upstream', code: told.code } })
  t.notMatch(answer.raw.toString(), /sk-[a-z0-9]/i, 'no key, not even a recorded one')
}

function toldOf(facts: Facts): { status: number | null; code: string; type: string } {
  const told = TOLD[facts.error?.kind ?? ''] ?? TOLD['server_error']!
  const provider = facts.error?.provider
  const code = typeof provider?.code === 'string' ? provider.code : (facts.error?.kind ?? '')
  return { status: told.status, code: told.code ?? code, type: told.type ?? provider?.type ?? 'invalid_request_error' }
}
