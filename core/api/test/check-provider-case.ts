import { isDeepStrictEqual } from 'node:util'
import type { TestAnswer } from './answer.ts'
import { viewOf } from './answer-view.ts'
import { ask, type ProviderSubject } from './provider-bench.ts'
import { answerOf, answerText, isStream, type ProviderCase } from './provider-case.ts'
import type { Split } from './split.ts'

const SPLITS: readonly Split[] = ['whole', 7, 'every-byte', 'inside-characters']
const FINISH: ReadonlySet<string | null> = new Set(['stop', 'length', 'tool_calls', 'content_filter', 'function_call'])

/** What is wrong with a case, however its answer is cut. */
export async function caseProblems(subject: ProviderSubject, one: ProviderCase): Promise<string[]> {
  const problems: string[] = []
  let first: string | undefined
  for (const split of one.upstream === undefined ? SPLITS.slice(0, 1) : SPLITS) {
    if (one.upstream !== undefined) subject.upstream.use(answerOf(one, split))
    const answer = await ask(subject.gateway, one)
    problems.push(...sentProblems(subject, one), ...answerProblems(subject, one, answer))
    const seen = JSON.stringify([answer.status, viewOf(answer), answer.error])
    first ??= seen
    if (seen !== first) problems.push(`in pieces of ${String(split)} it is ${seen}, not ${first}`)
  }
  if (isStream(one) && one.upstream !== undefined) problems.push(...(await framingProblems(subject, one, first!)))
  return problems
}

function sentProblems({ upstream, prefix }: ProviderSubject, { sent }: ProviderCase): string[] {
  const request = upstream.requests.at(-1)
  if (sent === undefined || request === undefined) return sent === undefined ? [] : ['nothing was sent']
  const problems: string[] = []
  if (sent.path !== undefined && request.path !== prefix + sent.path) problems.push(`it asks ${request.path}, not ${prefix + sent.path}`)
  for (const [name, value] of Object.entries(sent.headers ?? {}))
    if (request.headers[name] !== value) problems.push(`the header ${name} is ${request.headers[name] ?? 'absent'}, not ${value}`)
  const body = request.body.toString()
  if (sent.body !== undefined && !isDeepStrictEqual(JSON.parse(body), sent.body))
    problems.push(`it sends ${body}, not ${JSON.stringify(sent.body)}`)
  return problems
}

function answerProblems({ gateway }: ProviderSubject, one: ProviderCase, answer: TestAnswer): string[] {
  const problems: string[] = []
  const failed = (one.upstream?.status ?? 200) >= 400
  const got = answer.chunks.length > 0 ? answer.chunks : answer.json
  if (one.response !== undefined && !isDeepStrictEqual(got, one.response))
    problems.push(`the client gets ${JSON.stringify(got)}, not ${JSON.stringify(one.response)}`)
  if (failed) return answer.status >= 400 ? problems : [...problems, 'an error became an answer']
  if (answer.status !== 200 || answer.error !== undefined)
    return [...problems, `status ${answer.status}: ${answer.raw.toString().slice(0, 300)}`]
  if (one.text !== undefined && answer.text !== one.text)
    problems.push(`the text is ${JSON.stringify(answer.text)}, not ${JSON.stringify(one.text)}`)
  for (const { finish } of viewOf(answer).choices)
    if (!FINISH.has(finish)) problems.push(`the finish reason "${finish}" is none that clients know`)
  if (one.usage !== false && gateway.exchange.usage.source !== 'upstream') problems.push('the usage is not known')
  return problems
}

/** The same stream in other lines, with what a reader has to pass over. */
async function framingProblems(subject: ProviderSubject, one: ProviderCase, expected: string): Promise<string[]> {
  if (one.upstream?.type?.includes('ndjson') === true) return []
  const text = answerText(one)
  const variants: { readonly [name: string]: string } = {
    'ended by CR LF': text.replace(/\r?\n/g, '\r\n'),
    'with comments between': text.replace(/\r?\n\r?\n/g, all => `${all}: a comment${all}`),
    'with an event of a later version': text.replace(/\r?\n\r?\n/, all => `${all}event: x_later\ndata: {"type":"x_later"}${all}`)
  }
  const problems: string[] = []
  for (const [name, changed] of Object.entries(variants)) {
    subject.upstream.use(answerOf(one, 7, changed))
    const answer = await ask(subject.gateway, one)
    const seen = JSON.stringify([answer.status, viewOf(answer), answer.error])
    if (seen !== expected) problems.push(`${name} it is ${seen}, not ${expected}`)
  }
  return problems
}
