import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import type { Chunk, ContentPart, ResponseBody } from '@headgate/api'
import { SseSplitter } from '../../core/stream/sse.ts'
import { JsonBody } from '../../core/wire/body.ts'
import { operationOf } from '../../core/wire/operations.ts'
import { scanBody } from '../../core/wire/scan.ts'
import type { StreamDialect, WireOperation } from '../../core/wire/types.ts'
import { classify } from '../../core/wire/upstream-error.ts'

const FIXTURES = new URL('../../../shared/fixtures/', import.meta.url)

interface Meta {
  api: string
  status: number
  streaming: boolean
  response_file: string
}

interface Expect {
  outcome: string
  id?: string
  model?: string
  text?: string
  reasoning?: string
  refusal?: string
  tool_calls?: { id: string; name: string; arguments_raw?: string }[]
  stop?: { provider: string | null }
  usage?: { [name: string]: number } | null
  error?: { kind: string }
  choices?: { index: number; text: string; finish_reason: string }[]
  n_events?: number
  done_marker?: boolean
  usage_only_chunk?: boolean
}

interface Case {
  name: string
  folder: URL
  meta: Meta
  expect: Expect
}

const OPERATIONS: { readonly [api: string]: 'chat' | 'completions' | 'embeddings' } = {
  'openai.chat_completions': 'chat',
  'openai.completions': 'completions',
  'openai.embeddings': 'embeddings'
}

function casesOf(): Case[] {
  const cases: Case[] = []
  if (!existsSync(FIXTURES)) return cases
  for (const provider of readdirSync(FIXTURES, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
    for (const name of readdirSync(new URL(`${provider.name}/`, FIXTURES))) {
      const folder = new URL(`${provider.name}/${name}/`, FIXTURES)
      const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
      const meta = read('meta.json') as Meta
      if (OPERATIONS[meta.api] !== undefined)
        cases.push({ name: `${provider.name}/${name}`, folder, meta, expect: read('expect.json') as Expect })
    }
  }
  return cases
}

const CASES = casesOf()

/** The figures that are compared; `cached_tokens` apart, for `expect.json` does not know of Mistral's name for it. */
const FIGURES = /^(prompt|completion|total|cache_write|reasoning)_tokens$/

/** All answer text of one message: the string, or the text parts of a list. */
function textOf(content: string | ContentPart[] | null | undefined): string {
  if (Array.isArray(content))
    return content
      .filter(part => part.type === 'text')
      .map(part => part.text ?? '')
      .join('')
  return content ?? ''
}

/** The facts that `expect.json` tells, read out of a whole answer. */
function factsOf(operation: WireOperation, body: ResponseBody): object {
  const choice = body.choices?.[0]
  const message = choice?.message
  const usage = operation.usage(body)
  return {
    text: textOf(message?.content),
    reasoning: message?.reasoning_content ?? message?.reasoning ?? undefined,
    refusal: message?.refusal ?? undefined,
    tool_calls: (message?.tool_calls ?? []).map(call => ({ id: call.id, name: call.function?.name, arguments: call.function?.arguments })),
    stop: choice?.finish_reason ?? null,
    usage: usage && Object.fromEntries(Object.entries(usage).filter(([name, value]) => value !== null && FIGURES.test(name)))
  }
}

function expectedOf(expect: Expect): object {
  const { usage } = expect
  return {
    text: expect.text,
    reasoning: expect.reasoning,
    refusal: expect.refusal,
    tool_calls: (expect.tool_calls ?? []).map(call => ({ id: call.id, name: call.name, arguments: call.arguments_raw })),
    stop: expect.stop?.provider ?? null,
    usage: usage ? Object.fromEntries(Object.entries(usage).filter(([name]) => FIGURES.test(name))) : null
  }
}

/** Everything that a stream in pieces of this size tells. */
function readStream(
  dialect: StreamDialect,
  bytes: Buffer,
  size: number
): { body: ResponseBody; events: number; done: boolean; usageOnly: boolean; error: unknown; anomaly: boolean; complete: boolean } {
  const splitter = new SseSplitter()
  const reader = dialect.reader()
  const aggregator = dialect.aggregator()
  const seen = { events: 0, done: false, usageOnly: false, error: null as unknown, anomaly: false }
  const frames = []
  for (let at = 0; at < bytes.length; at += size) frames.push(...splitter.push(bytes.subarray(at, at + size)))
  frames.push(...splitter.end())
  for (const { data } of frames) {
    if (data === null) continue
    if (data.trim() === dialect.done) {
      seen.done = true
      continue
    }
    seen.events++
    const chunk = JSON.parse(data) as Chunk
    const facts = reader.read(chunk)
    seen.usageOnly ||= facts.usageOnly
    seen.anomaly ||= facts.anomaly
    seen.error ??= facts.error
    aggregator.push(chunk)
  }
  return { ...seen, body: aggregator.result(), complete: reader.complete() }
}

test('recorded streams tell the same facts whole, in 7 bytes and in single bytes', async t => {
  if (CASES.length === 0) return t.comment('SKIPPED: ../shared/fixtures is not there, recorded streams were not read')
  const streams = CASES.filter(({ meta }) => meta.streaming && meta.status === 200)
  for (const { name, folder, meta, expect } of streams) {
    const operation = operationOf(OPERATIONS[meta.api] as 'chat') as WireOperation
    const bytes = readFileSync(new URL(meta.response_file, folder))
    for (const size of [bytes.length, 7, 1]) {
      const found = readStream(operation.stream as StreamDialect, bytes, size)
      t.same(factsOf(operation, found.body), expectedOf(expect), `${name} in pieces of ${size}`)
      t.equal(found.body.id, expect.id)
      t.equal(found.body.model, expect.model)
      t.equal(found.done, expect.done_marker, name)
      t.equal(found.complete, expect.outcome === 'ok', name)
      t.equal(found.error !== null, expect.outcome === 'stream_error', name)
      t.notOk(found.anomaly, name)
      if (expect.usage_only_chunk === true) t.ok(found.usageOnly, name)
      if (found.error !== null) t.equal(classify(200, {}, { error: found.error }).kind, expect.error?.kind)
    }
  }
  t.ok(streams.length >= 8)
})

test('recorded answers tell their facts, whole and as the stream made of them', async t => {
  if (CASES.length === 0) return t.comment('SKIPPED: ../shared/fixtures is not there, recorded answers were not read')
  const answers = CASES.filter(
    ({ meta, expect }) => !meta.streaming && meta.status === 200 && expect.outcome === 'ok' && meta.api !== 'openai.embeddings'
  )
  for (const { name, folder, meta, expect } of answers) {
    const operation = operationOf(OPERATIONS[meta.api] as 'chat') as WireOperation
    const bytes = readFileSync(new URL(meta.response_file, folder))
    const body = new JsonBody<ResponseBody>(bytes, scanBody(bytes))
    t.same(factsOf(operation, body.edit()), expectedOf(expect), name)
    const dialect = operation.stream as StreamDialect
    const aggregator = dialect.aggregator()
    const reader = dialect.reader()
    for (const chunk of dialect.split(body.edit(), true)) {
      t.notOk(reader.read(chunk).anomaly, name)
      aggregator.push(chunk)
    }
    t.ok(reader.complete(), name)
    t.same(factsOf(operation, aggregator.result()), expectedOf(expect), `${name} as a stream`)
    const cached = operation.usage(body.edit())?.cached_tokens ?? null
    t.equal(cached, expect.usage?.cached_tokens ?? (name === 'mistral/chat-tool-call' ? 76 : null), name)
    for (const choice of expect.choices ?? [])
      t.match(body.value.choices?.[choice.index], { message: { content: choice.text }, finish_reason: choice.finish_reason })
  }
  t.ok(answers.length >= 15)
})

test('recorded requests pass and go through unchanged, with another model too', async t => {
  if (CASES.length === 0) return t.comment('SKIPPED: ../shared/fixtures is not there, recorded requests were not read')
  let seen = 0
  for (const { name, folder, meta } of CASES) {
    const request = JSON.parse(readFileSync(new URL('provider_request.json', folder), 'utf8')) as { body: { model?: string } | null }
    if (typeof request.body !== 'object' || request.body?.model === undefined) continue
    seen++
    const bytes = Buffer.from(JSON.stringify(request.body))
    const body = new JsonBody<{ model: string }>(bytes, scanBody(bytes))
    const operation = operationOf(OPERATIONS[meta.api] as 'chat') as WireOperation
    t.doesNotThrow(() => operation.validate(body.value), name)
    t.equal(body.bytes(), bytes)
    t.same(JSON.parse(body.bytes({ model: 'other' }).toString()), { ...request.body, model: 'other' }, name)
  }
  t.ok(seen >= 25)
})

test('recorded embeddings have usage', async t => {
  for (const { folder, meta, expect } of CASES.filter(one => one.meta.api === 'openai.embeddings')) {
    const body = JSON.parse(readFileSync(new URL(meta.response_file, folder), 'utf8')) as ResponseBody
    t.match(operationOf('embeddings')?.usage(body), expect.usage as object)
  }
})
