// Measures the gateway against the bare pass-through and holds the figures against the budgets.
// --short: short windows. --gate: ratios and content only, with 30 % to spare. --hold: nothing worse than reached. --only <target,…>.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { judge, type Verdict } from './budgets.ts'
import { KEY, quantile } from './jobs.ts'
import { startLoad, startMock, startServer, stopped, type Server } from './process.ts'
import { measure, measureDirect, type Plan, type Round } from './round.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    hold: { type: 'boolean', default: false },
    gate: { type: 'boolean', default: false },
    only: { type: 'string', default: 'baseline,empty,full' },
    starts: { type: 'string', default: '5' }
  }
})

const here = fileURLToPath(new URL('.', import.meta.url))
const plan: Plan = values.short ? { warm: 1500, time: 1500, whole: false } : { warm: 3000, time: 4000, whole: true }
const targets = values.only.split(',')
const rounds: Record<string, Round[]> = Object.fromEntries(targets.map(target => [target, []]))

await main()

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const mock = await startMock()
  const load = startLoad()
  const loads: number[] = []
  try {
    for (let start = 0; start < Number(values.starts); start++) {
      loads.push(loadavg()[0] ?? 0)
      await pass(start, load, mock.port, data)
    }
  } finally {
    await stopped(load)
    await mock.stop()
    rmSync(data, { recursive: true, force: true })
  }
  finish(loads)
}

/** Every target once, each in a fresh process, beginning with another one each time. */
async function pass(start: number, load: ReturnType<typeof startLoad>, upstream: number, data: string): Promise<void> {
  const direct = await measureDirect(load, upstream, plan)
  for (let at = 0; at < targets.length; at++) {
    const target = targets[(start + at) % targets.length]!
    const server = await startTarget(target, upstream, join(data, `${target}-${start}`))
    try {
      const round = await measure(load, server, direct, plan)
      rounds[target]!.push(round)
      process.stdout.write(lineOf(target, round))
    } finally {
      await server.stop()
    }
  }
}

function startTarget(target: string, upstream: number, data: string): Promise<Server> {
  if (target === 'baseline')
    return startServer(
      port => ['bench/baseline.ts', String(upstream), String(port)],
      () => ({})
    )
  const config = join(here, `${target}.yaml`)
  if (!existsSync(config)) throw new Error(`no such target: ${target}`)
  return startServer(
    () => ['core/bin/headgate.js', 'start'],
    port => ({
      HEADGATE_CONFIG: config,
      HEADGATE_LISTEN: `127.0.0.1:${port}`,
      HEADGATE_DATA: data,
      HEADGATE_BOOTSTRAP_KEY: KEY,
      BENCH_UPSTREAM: `http://127.0.0.1:${upstream}/v1`
    })
  )
}

function lineOf(target: string, round: Round): string {
  const parts = [
    target.padEnd(9),
    `${round.json.cpu.toFixed(1)} µs/request`,
    `${Math.round(round.json.perSecond)}/s`,
    `${round.big.cpu.toFixed(0)} µs/200 KB`,
    `${round.streams.cpuPerChunk.toFixed(1)} µs/chunk`,
    `${round.idle.toFixed(0)} to ${round.loaded.toFixed(0)} MB`,
    `${round.ready.toFixed(0)} ms to start`
  ]
  if (round.rate !== undefined) parts.push(`+${round.rate.addedP50.toFixed(2)}/+${round.rate.addedP99.toFixed(2)} ms`)
  if (round.bad > 0) parts.push(`${round.bad} WRONG: ${round.wrong[0]}`)
  return parts.join('  ') + '\n'
}

function finish(loads: readonly number[]): void {
  const verdicts = judge(rounds, values.hold ? 'hold' : values.gate ? 'gate' : 'budgets')
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: availableParallelism(), loads }
  const results = join(here, 'results')
  mkdirSync(results, { recursive: true })
  const file = `${new Date().toISOString().replace(/[:.]/g, '-')}.json`
  writeFileSync(join(results, file), JSON.stringify({ machine, plan, options: values, rounds, verdicts }, null, 2) + '\n')
  process.stdout.write('\n')
  for (const verdict of verdicts) process.stdout.write(sentenceOf(verdict))
  process.stdout.write(`raw figures: bench/results/${file}\n`)
  const holds = verdicts.every(verdict => verdict.holds)
  process.stdout.write(
    JSON.stringify({ holds, machine, medians: Object.fromEntries(targets.map(target => [target, mediansOf(rounds[target]!)])), verdicts }) +
      '\n'
  )
  process.exitCode = holds ? 0 : 1
}

function sentenceOf({ target, figure, value, limit, holds }: Verdict): string {
  return `${holds ? 'holds' : 'FAILS'}  ${target.padEnd(9)} ${figure.padEnd(30)} ${value.toFixed(2)} of ${limit.toFixed(2)}\n`
}

function mediansOf(own: readonly Round[]): Record<string, number> {
  const figures: Record<string, (round: Round) => number | undefined> = {
    cpu_per_request_us: round => round.json.cpu,
    requests_per_second: round => round.json.perSecond,
    cpu_per_200kb_us: round => round.big.cpu,
    cpu_per_chunk_us: round => round.streams.cpuPerChunk,
    added_first_token_ms: round => round.streams.addedFirstToken,
    added_chunk_delay_ms: round => round.streams.addedDelay,
    added_p50_ms: round => round.rate?.addedP50,
    added_p99_ms: round => round.rate?.addedP99,
    rss_idle_mb: round => round.idle,
    rss_loaded_mb: round => round.loaded,
    rss_1000_streams_mb: round => round.held,
    ready_ms: round => round.ready
  }
  const medians: Record<string, number> = {}
  for (const [name, of] of Object.entries(figures)) {
    const values = own.map(of).filter(value => value !== undefined)
    if (values.length > 0) medians[name] = Math.round(quantile(values) * 100) / 100
  }
  return medians
}
