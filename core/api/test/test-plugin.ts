import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HookName, Plugin } from '../index.ts'
import { viewOf } from './answer-view.ts'
import { cuts } from './answer-pieces.ts'
import { asyncIo, leftOpen } from './async-resources.ts'
import { checkMishaps } from './check-mishaps.ts'
import { schemaProblems } from './check-schema.ts'
import { tellFailure } from './observed-plugin.ts'
import {
  bodyOf,
  DEFAULT_CASES,
  longestText,
  problemsOf,
  runCase,
  streams,
  waysOf,
  type PluginCase,
  type PluginTestOptions,
  type Seen
} from './plugin-case.ts'
import { expectNone, type Runner } from './runner.ts'
import { Bench, SUBJECT } from './subject.ts'
import { syncIo } from './sync-io.ts'

const BUDGET_MS = 0.05
const TIMED_RUNS = 300

/**
 * Checks that a plugin keeps the promises of the contract, each as a test of its own inside `t`
 * (tap, or `node:test`):
 *
 *     test('conformance', t => testPlugin(t, plugin, { config: { word: 'x' }, cases: [{ name: 'hides it', answer: 'x', expect: { text: '*' } }] }))
 *
 * the schema is strict and described; it loads; `setup` does no I/O; it closes without a start and
 * twice, and leaves nothing open; every case, whole and streamed, with views frozen so that an
 * illegal write throws; two instances share nothing; a streamed answer is the same however it is
 * cut; when a hook throws, hangs or returns garbage its policy holds and the other hooks cope; its
 * hooks take less than 50 µs, or `slow` says why.
 */
export async function testPlugin(t: Runner, plugin: Plugin, options: PluginTestOptions = {}): Promise<void> {
  const cases = options.cases ?? DEFAULT_CASES
  await t.test('the schema is strict and every option is described', async () => expectNone(schemaProblems(plugin.configSchema)))
  let loaded: Bench | undefined
  await t.test('it loads, and every member of its instance is a hook', async () => {
    loaded = await Bench.of(plugin, options)
  })
  if (loaded === undefined) return
  const bench: Bench = loaded
  await t.test('setup does no I/O', () => checkSetup(bench))
  await t.test('it closes without a start and twice, and leaves nothing open', () => checkClose(bench))
  for (const one of cases) await t.test(one.name, () => checkCase(bench, one))
  await t.test('two instances share nothing', () => checkIndependence(bench, cases))
  await t.test('a streamed answer is the same however it is cut', () => checkSplits(bench, cases))
  await t.test('where a hook fails, its policy holds and the other hooks cope', () => checkMishaps(bench, cases))
  await t.test('its hooks take less than 50 µs, or say why', () => checkTime(bench, cases))
}

/** A fresh instance outside of a gateway, with what a gateway would give it and a data folder of its own. */
async function withInstance(bench: Bench, work: (make: () => ReturnType<Plugin['setup']>) => Promise<void>): Promise<void> {
  const env = await bench.with(async ({ observed }) => observed.env!)
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-kit-'))
  try {
    await work(() => bench.plugin.setup({ ...env, dataDir, configDir: dataDir }))
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function checkSetup(bench: Bench): Promise<void> {
  await withInstance(bench, async make => {
    const begun = [...(await syncIo(make)), ...(await asyncIo(make))]
    expectNone(begun.map(what => `setup does I/O or opens something (${what}): that belongs into start`))
  })
}

async function checkClose(bench: Bench): Promise<void> {
  const { signal } = new AbortController()
  await withInstance(bench, async make => {
    const left = await leftOpen(async () => {
      const unstarted = await make()
      await unstarted.close?.(signal)
      const started = await make()
      await started.start?.()
      await started.close?.(signal)
      await started.close?.(signal)
    })
    expectNone(left.map(what => `close leaves something open (${what})`))
  })
}

async function checkCase(bench: Bench, one: PluginCase): Promise<void> {
  await bench.with(async ({ gateway, observed }) => {
    for (const way of waysOf(one)) {
      const problems = await problemsOf(one, await runCase(gateway, one, way))
      expectNone([...observed.failures.map(tellFailure), ...problems])
    }
  })
}

/** Two instances do the same, although the first has already worked when the second begins. */
async function checkIndependence(bench: Bench, cases: readonly PluginCase[]): Promise<void> {
  const first = await bench.with(async ({ gateway: one }) => {
    const before = await observations(one, cases)
    const second = await bench.with(({ gateway: two }) => observations(two, cases))
    return { before, second }
  })
  expectNone(
    first.before.flatMap((seen, at) =>
      seen === first.second[at]
        ? []
        : [`a second instance acts otherwise than the first did: ${first.second[at]}, not ${seen}; state belongs to the instance`]
    )
  )
}

async function observations(gateway: Parameters<typeof runCase>[0], cases: readonly PluginCase[]): Promise<string[]> {
  const seen: string[] = []
  for (let round = 0; round < 3; round++)
    for (const one of cases) for (const way of waysOf(one)) seen.push(observation(await runCase(gateway, one, way)))
  return seen
}

function observation({ answer, requests, exchange }: Seen): string {
  return JSON.stringify([
    answer.status,
    answer.text,
    answer.error?.code ?? null,
    requests.map(({ body }) => body.toString()),
    exchange.outcome,
    exchange.metadata
  ])
}

async function checkSplits(bench: Bench, cases: readonly PluginCase[]): Promise<void> {
  if (bench.plugin.streaming === 'skip') return
  await bench.with(async ({ gateway, observed }) => {
    const changes = observed.hooks.includes('stream') || observed.hooks.includes('response')
    for (const one of cases) {
      if (!streams(one) || one.upstream !== undefined) continue
      const whole = told((await runCase(gateway, one)).answer)
      const ways = cuts(longestText(bodyOf(one)))
      for (const way of changes ? ways : ways.slice(0, 2)) {
        const streamed = told((await runCase(gateway, one, way)).answer)
        if (streamed !== whole) expectNone([`${one.name}: a stream gives ${streamed}, the whole answer ${whole}`])
      }
    }
  })
}

function told(answer: Seen['answer']): string {
  if (answer.error !== undefined) return `the error ${answer.error.code}`
  return JSON.stringify(viewOf(answer).choices)
}

/** The fastest of many runs, so that neither a busy machine nor cold code is blamed on a plugin. */
async function checkTime(bench: Bench, cases: readonly PluginCase[]): Promise<void> {
  if (bench.options.slow !== undefined) return
  const waited = await bench.with(async ({ gateway, observed }) => {
    for (const one of cases) await runCase(gateway, one)
    return observed.waited
  })
  const fastest = new Map<string, number>()
  const over = (): [string, number][] => [...fastest].filter(([hook, ms]) => ms > BUDGET_MS && !waited.has(hook as HookName))
  await bench.with(
    async ({ gateway }) => {
      for (let run = 0; run < TIMED_RUNS && (run < cases.length || over().length > 0); run++) {
        const { exchange } = await runCase(gateway, cases[run % cases.length]!)
        for (const { plugin, hook, ms } of exchange.hooks)
          if (plugin === SUBJECT) fastest.set(hook, Math.min(ms, fastest.get(hook) ?? Infinity))
      }
    },
    { bare: true }
  )
  expectNone(over().map(([hook, ms]) => `${hook} takes ${Math.round(ms * 1000)} µs; make it faster, or say in "slow" why it may`))
}
