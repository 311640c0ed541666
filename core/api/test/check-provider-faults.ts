import { withFault, cut, fin, stall } from './faults.ts'
import { ask, pathOf, type ProviderSubject } from './provider-bench.ts'
import { answerOf, answerText, type ProviderCase } from './provider-case.ts'
import { reply } from './reply.ts'

/** What the client is told about each status of a provider. */
const STATUSES: { readonly [status: number]: number } = Object.freeze({ 400: 400, 401: 502, 404: 404, 429: 429, 500: 502, 529: 503 })

const ABORT_MS = 1000

/** The error body of a provider by status, where OpenAI's envelope is not its own. */
export type ErrorBody = (status: number) => object

/** Errors that are mapped wrong. */
export async function statusProblems({ gateway, upstream }: ProviderSubject, one: ProviderCase, body: ErrorBody): Promise<string[]> {
  const problems: string[] = []
  for (const [status, expected] of Object.entries(STATUSES)) {
    upstream.use(reply({ status: Number(status), json: body(Number(status)) }))
    const answer = await ask(gateway, one)
    if (answer.status !== expected) problems.push(`a ${status} of the provider is told as ${answer.status}, not ${expected}`)
    if (typeof answer.error?.message !== 'string' || answer.error.message === '')
      problems.push(`a ${status} of the provider has no message`)
  }
  return problems
}

/** Broken streams that end as if they were whole: cut off, and ended in good order before the answer was. */
export async function brokenProblems({ gateway, upstream }: ProviderSubject, one: ProviderCase): Promise<string[]> {
  const problems: string[] = []
  const half = halfOf(answerText(one))
  for (const [name, broken] of [
    ['cut off', withFault(answerOf(one, 'whole'), cut(half.length))],
    ['ended early', answerOf(one, 'whole', half)],
    ['closed early', withFault(answerOf(one, 'whole'), fin(half.length))]
  ] as const) {
    upstream.use(broken)
    const answer = await ask(gateway, one)
    if (answer.done || answer.error === undefined) problems.push(`a stream that is ${name} looks like a whole answer`)
  }
  return problems
}

/** The first half of the events of a stream. */
function halfOf(text: string): string {
  const events = text.split(/(?<=\n\n|\r\n\r\n)/)
  const lines = events.length > 1 ? events : text.split(/(?<=\n)/)
  return lines.slice(0, Math.max(1, Math.floor(lines.length / 2))).join('')
}

/** A call that goes on at the provider after the client has gone. Needs a gateway that listens. */
export async function abortProblems({ gateway, upstream }: ProviderSubject, one: ProviderCase): Promise<string[]> {
  upstream.use(withFault(answerOf(one, 'whole'), stall(halfOf(answerText(one)).length)))
  const before = upstream.requests.length
  const client = new AbortController()
  const call = fetch(gateway.url + pathOf(one), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(one.request),
    signal: client.signal
  })
    .then(answer => answer.text())
    .catch(() => undefined)
  await upstream.until(() => upstream.requests.length > before)
  client.abort()
  await call
  const timer = new Promise<false>(resolve => setTimeout(resolve, ABORT_MS, false))
  const aborted = await Promise.race([upstream.until(() => upstream.requests[before]!.aborted).then(() => true), timer])
  await gateway.settled()
  return aborted ? [] : ['a client that goes away does not end the call at the provider']
}
