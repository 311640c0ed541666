import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const pins = process.platform === 'linux' && availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0

/** What a process has used. Microseconds of CPU, user and system together; memory in MiB. */
export interface Usage {
  readonly cpu: number
  readonly rss: number
}

/** A server under measurement. */
export interface Server {
  readonly port: number
  /** Milliseconds from its start to its first 200. */
  readonly ready: number
  usage(): Usage
  stop(): Promise<void>
}

/** Starts a Node program on core 0 with the port it shall listen on, and waits for its `/health`. */
export async function startServer(args: (port: number) => readonly string[], env: (port: number) => NodeJS.ProcessEnv): Promise<Server> {
  const port = await freePort()
  const silent = openSync(process.platform === 'win32' ? 'NUL' : '/dev/null', 'w')
  const began = performance.now()
  const child = pinned('0', args(port), { ...process.env, ...env(port) }, ['ignore', silent, 'inherit'])
  while (!(await healthy(port))) {
    if (child.exitCode !== null) throw new Error(`${args(port).join(' ')} ended with ${child.exitCode}`)
    if (performance.now() - began > 20_000) throw new Error(`${args(port).join(' ')} does not answer`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return { port, ready: performance.now() - began, usage: () => usageOf(child.pid ?? 0), stop: () => stopped(child) }
}

/** Starts the mock upstream on core 1 and returns its port. */
export async function startMock(): Promise<{ readonly port: number; stop: () => Promise<void> }> {
  const port = await freePort()
  const child = pinned('1', ['bench/mock.ts', String(port)], process.env, ['ignore', 'pipe', 'inherit'])
  await once(child.stdout!, 'data')
  child.once('exit', code => {
    if (code !== null) throw new Error(`the mock upstream ended with ${code}`)
  })
  return { port, stop: () => stopped(child) }
}

/** Starts the load generator on core 1. */
export function startLoad(): ChildProcess {
  const path = fileURLToPath(new URL('load.ts', import.meta.url))
  return pins ? fork(path, { cwd: root, execPath: 'taskset', execArgv: ['-c', '1', process.execPath] }) : fork(path, { cwd: root })
}

/** Ends a child; one that does not end by itself within five seconds is killed. */
export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(timer)
}

function pinned(
  core: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdio: readonly ('ignore' | 'pipe' | 'inherit' | number)[]
): ChildProcess {
  const command = pins ? ['taskset', '-c', core, process.execPath] : [process.execPath]
  return spawn(command[0]!, [...command.slice(1), ...args], { cwd: root, env, stdio: [...stdio] })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function healthy(port: number): Promise<boolean> {
  return new Promise(resolve => {
    request({ port, host: '127.0.0.1', path: '/health', agent: false }, res => {
      res.resume()
      resolve(res.statusCode === 200)
    })
      .on('error', () => resolve(false))
      .end()
  })
}

function usageOf(pid: number): Usage {
  if (process.platform !== 'linux') return usageByPs(pid)
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  return { cpu: cpuOf(pid), rss }
}

/** The scheduler counts nanoseconds for each thread; where it does not, the clock ticks of the process. */
function cpuOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.reduce((sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]), 0) / 1000
  } catch {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  }
}

function usageByPs(pid: number): Usage {
  const [time = '', rss = '0'] = spawnSync('ps', ['-o', 'time=,rss=', '-p', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return { cpu: seconds * 1e6, rss: Number(rss) / 1024 }
}
