import { once } from 'node:events'
import type { ChildProcess } from 'node:child_process'
import type { Job, Outcome, Report } from './jobs.ts'
import type { Server, Usage } from './process.ts'

/** How long each window is; milliseconds. */
export interface Plan {
  readonly warm: number
  readonly time: number
  /** Whether latency at a fixed rate and memory under 1,000 streams are measured as well. */
  readonly whole: boolean
}

/** Everything measured in one start of one target. Microseconds of CPU, milliseconds, MiB. */
export interface Round {
  readonly ready: number
  readonly idle: number
  readonly loaded: number
  readonly held?: number
  readonly json: { readonly cpu: number; readonly perSecond: number; readonly outcome: Outcome }
  readonly big: { readonly cpu: number; readonly outcome: Outcome }
  readonly streams: {
    readonly cpuPerChunk: number
    readonly addedFirstToken: number
    readonly addedDelay: number
    readonly outcome: Outcome
  }
  readonly rate?: { readonly addedP50: number; readonly addedP99: number; readonly cpu: number; readonly outcome: Outcome }
  readonly bad: number
  readonly wrong: readonly string[]
}

/** The mock without anything in front, which added times are counted from. */
export interface Direct {
  readonly streams: Outcome
  readonly rate?: Outcome
}

const SMALL = { kind: 'closed', connections: 64, prompt: 60 } as const
const BIG = { kind: 'closed', connections: 64, prompt: 200_000 } as const
const STREAMS = { kind: 'streams', connections: 200, chunks: 50, every: 20 } as const
const HELD = { kind: 'streams', connections: 1000, chunks: 10, every: 500 } as const
const RATE = { kind: 'rate', connections: 64, rate: 500, prompt: 60 } as const

/** Measures the mock alone. */
export async function measureDirect(load: ChildProcess, port: number, plan: Plan): Promise<Direct> {
  const streams = (await run(load, { ...STREAMS, port, ...timesOf(plan) })).outcome
  if (!plan.whole) return { streams }
  return { streams, rate: (await run(load, { ...RATE, port, ...timesOf(plan) })).outcome }
}

/** Measures one start of a target. */
export async function measure(load: ChildProcess, server: Server, direct: Direct, plan: Plan): Promise<Round> {
  const times = { port: server.port, ...timesOf(plan) }
  await new Promise(resolve => setTimeout(resolve, 300))
  const idle = server.usage().rss
  const json = await run(load, { ...SMALL, ...times }, server)
  const streams = await run(load, { ...STREAMS, ...times }, server)
  const loaded = server.usage().rss
  const rate = plan.whole ? await run(load, { ...RATE, ...times }, server) : undefined
  const held = plan.whole ? await run(load, { ...HELD, port: server.port, warm: 1000, time: 4000 }, server) : undefined
  // Last, because what it leaves in memory would be counted for the others.
  const big = await run(load, { ...BIG, ...times }, server)
  const outcomes = [json, big, streams, rate, held].flatMap(window => (window === undefined ? [] : [window.outcome]))
  return {
    ready: server.ready,
    idle,
    loaded,
    ...(held === undefined ? {} : { held: held.rss }),
    json: { cpu: json.cpu / json.outcome.requests, perSecond: (json.outcome.requests / plan.time) * 1000, outcome: json.outcome },
    big: { cpu: big.cpu / big.outcome.requests, outcome: big.outcome },
    streams: {
      cpuPerChunk: streams.cpu / streams.outcome.chunks,
      addedFirstToken: streams.outcome.firstTokenP50 - direct.streams.firstTokenP50,
      addedDelay: streams.outcome.chunkDelayP50 - direct.streams.chunkDelayP50,
      outcome: streams.outcome
    },
    ...(rate === undefined || direct.rate === undefined ? {} : { rate: addedBy(rate, direct.rate) }),
    bad: outcomes.reduce((sum, outcome) => sum + outcome.bad, 0),
    wrong: outcomes.flatMap(outcome => outcome.wrong).slice(0, 10)
  }
}

function addedBy(rate: Window, direct: Outcome): NonNullable<Round['rate']> {
  const { outcome } = rate
  return { addedP50: outcome.p50 - direct.p50, addedP99: outcome.p99 - direct.p99, cpu: rate.cpu / outcome.requests, outcome }
}

function timesOf(plan: Plan): { readonly warm: number; readonly time: number } {
  return { warm: plan.warm, time: plan.time }
}

interface Window {
  readonly cpu: number
  readonly rss: number
  readonly outcome: Outcome
}

/** Runs one job and takes the usage of the measured process at both ends of its window. */
async function run(load: ChildProcess, job: Job, server?: Server): Promise<Window> {
  load.send(job)
  await next(load)
  const before = usage(server)
  const report = await next(load)
  const after = usage(server)
  if (report.at !== 'end') throw new Error('the load generator reported out of order')
  return { cpu: after.cpu - before.cpu, rss: after.rss, outcome: report.outcome }
}

async function next(load: ChildProcess): Promise<Report> {
  const [report] = (await once(load, 'message', { signal: AbortSignal.timeout(60_000) })) as [Report]
  return report
}

function usage(server: Server | undefined): Usage {
  return server === undefined ? { cpu: 0, rss: 0 } : server.usage()
}
