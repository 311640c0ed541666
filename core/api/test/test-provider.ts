import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Provider } from '../index.ts'
import { viewOf } from './answer-view.ts'
import { asyncIo, leftOpen } from './async-resources.ts'
import { caseProblems } from './check-provider-case.ts'
import { abortProblems, brokenProblems, statusProblems, type ErrorBody } from './check-provider-faults.ts'
import { schemaProblems } from './check-schema.ts'
import { ask, withProvider } from './provider-bench.ts'
import { isStream, readProviderCases, type ProviderCase } from './provider-case.ts'
import { expectNone, type Runner } from './runner.ts'
import { syncIo } from './sync-io.ts'

/** How the kit runs a provider. */
export interface ProviderTestOptions {
  /** Options as they stand in the YAML. The address may be any: requests go to the test. */
  readonly config?: object
  /** The provider's error body for a status; by default OpenAI's envelope. */
  readonly errorBody?: ErrorBody
}

/** How many cases there are of each feature. */
export interface Coverage {
  readonly [feature: string]: number
}

/**
 * Checks that a provider keeps the promises of the contract, each as a test of its own inside `t`
 * (tap, or `node:test`):
 *
 *     test('conformance', t => testProvider(t, provider, new URL('./cases', import.meta.url).pathname, { config: { api_key: 'k' } }))
 *
 * the schema is strict and described; it loads; `setup` does no I/O; close leaves nothing open; for
 * every case, whole and in pieces, what is sent and what the client gets, a known usage and a known
 * finish reason; the same in other line ends and with comments; errors by status; broken streams
 * are errors; an abort reaches the socket. Cases are given, or read with {@link readProviderCases}.
 * Prints and returns how often each feature is covered.
 */
export async function testProvider(
  t: Runner,
  provider: Provider,
  cases: string | readonly ProviderCase[],
  options: ProviderTestOptions = {}
): Promise<Coverage> {
  const list = typeof cases === 'string' ? readProviderCases(cases) : cases
  const config = options.config ?? {}
  let local: boolean | undefined
  await t.test('the schema is strict and every option is described', async () => expectNone(schemaProblems(provider.configSchema)))
  await t.test('it loads', async () => {
    local = await withProvider(provider, config, async subject => subject.local)
  })
  if (local === undefined) return {}
  await t.test('setup does no I/O, and close leaves nothing open', () => checkLife(provider, config))
  for (const one of list)
    await t.test(one.name, () => withProvider(provider, config, async subject => expectNone(await caseProblems(subject, one))))
  if (local) await t.test('a stream is the same as the whole answer', () => checkLocal(provider, config, list))
  else await checkTransport(t, provider, config, list, options.errorBody ?? openaiError)
  const coverage = coverageOf(list)
  t.comment?.(
    `${provider.name} covers: ${Object.entries(coverage)
      .map(([feature, count]) => `${feature} ${count}`)
      .join(', ')}`
  )
  return coverage
}

function openaiError(status: number): object {
  return { error: { message: `this is a ${status}`, type: 'error', param: null, code: null } }
}

async function checkLife(provider: Provider, config: object): Promise<void> {
  let env: Parameters<Provider['setup']>[0] | undefined
  const spy: Provider = Object.freeze({
    ...provider,
    setup: (given: Parameters<Provider['setup']>[0]) => {
      env = given
      return provider.setup(given)
    }
  })
  await withProvider(spy, config, async () => undefined)
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-kit-'))
  const make = (): ReturnType<Provider['setup']> => provider.setup({ ...env!, dataDir, configDir: dataDir })
  const { signal } = new AbortController()
  try {
    const begun = [...(await syncIo(make)), ...(await asyncIo(make))]
    const left = await leftOpen(async () => {
      await (await make()).close?.(signal)
      const started = await make()
      await started.start?.()
      await started.close?.(signal)
      await started.close?.(signal)
    })
    expectNone([
      ...begun.map(what => `setup does I/O or opens something (${what}): that belongs into start`),
      ...left.map(what => `close leaves something open (${what})`)
    ])
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function checkTransport(
  t: Runner,
  provider: Provider,
  config: object,
  cases: readonly ProviderCase[],
  errorBody: ErrorBody
): Promise<void> {
  const ok = cases.filter(one => (one.upstream?.status ?? 200) < 400)
  const stream = ok.find(isStream)
  const any = ok[0]
  if (any !== undefined)
    await t.test('errors are told by their kind', () =>
      withProvider(provider, config, async subject => expectNone(await statusProblems(subject, any, errorBody)))
    )
  if (stream === undefined) return
  await t.test('a broken stream is never a whole answer', () =>
    withProvider(provider, config, async subject => expectNone(await brokenProblems(subject, stream)))
  )
  await t.test('an abort reaches the socket', () =>
    withProvider(provider, config, async subject => expectNone(await abortProblems(subject, stream)), { listen: true })
  )
}

/** What answers in the process answers the same, streamed or not. */
async function checkLocal(provider: Provider, config: object, cases: readonly ProviderCase[]): Promise<void> {
  await withProvider(provider, config, async ({ gateway }) => {
    for (const one of cases) {
      if (one.operation === 'embeddings') continue
      const [whole, stream] = [
        await ask(gateway, { ...one, request: { ...one.request, stream: false } }),
        await ask(gateway, { ...one, request: { ...one.request, stream: true } })
      ]
      const [told, streamed] = [whole, stream].map(answer =>
        JSON.stringify(viewOf(answer).choices.map(choice => ({ ...choice, calls: choice.calls.map(({ id: _id, ...call }) => call) })))
      )
      if (told !== streamed) expectNone([`${one.name}: a stream gives ${streamed}, the whole answer ${told}`])
    }
  })
}

function coverageOf(cases: readonly ProviderCase[]): Coverage {
  const found: { [feature: string]: number } = {}
  for (const one of cases) {
    const features = [
      one.operation ?? 'chat',
      ...(isStream(one) ? ['stream'] : []),
      ...((one.upstream?.status ?? 200) >= 400 ? ['errors'] : []),
      ...(one.features ?? [])
    ]
    for (const feature of features) found[feature] = (found[feature] ?? 0) + 1
  }
  return found
}
