import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const BIN = fileURLToPath(new URL('../core/bin/headgate.js', import.meta.url))

/** Variables for a command; undefined takes one away. */
export interface Variables {
  readonly [name: string]: string | undefined
}

/** What a command printed and how it ended. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command line in a process of its own. The runner puts a loader into the options of every child, so they are taken out again. */
export function launch(
  args: readonly string[],
  cwd: string,
  variables: Variables = {},
  stdio: StdioOptions = ['ignore', 'pipe', 'pipe']
): ChildProcess {
  const env: { [name: string]: string } = {
    PATH: process.env['PATH'] ?? '',
    HOME: cwd,
    HEADGATE_LISTEN: '127.0.0.1:0',
    HEADGATE_ADMIN: 'off'
  }
  for (const name in variables) {
    if (variables[name] === undefined) delete env[name]
    else env[name] = variables[name]
  }
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, BIN, ...args], { cwd, env, stdio })
}

/** Runs a command to its end; one that does not come to it within 30 seconds is killed, with a code of null. */
export async function run(args: readonly string[], cwd: string, variables: Variables = {}): Promise<Finished> {
  const child = launch(args, cwd, variables)
  const stdout = collect(child.stdout!)
  const stderr = collect(child.stderr!)
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
  }, 30_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, stdout: stdout(), stderr: stderr() }
}

/** A gateway that serves in a process of its own. */
export interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly adminUrl: string
  /** All that it has printed on standard error so far. */
  stderr(): string
  stdout(): string
  /** Resolves when a text has appeared on standard error. @throws {Error} when it has not within ten seconds */
  printed(text: string | RegExp): Promise<void>
  /** Resolves with the exit code, or the name of the signal. */
  readonly ended: Promise<number | string | null>
}

/** Starts `headgate start` and waits until it listens; it ends with the test. */
export async function serve(t: Test, cwd: string, variables: Variables = {}): Promise<Serving> {
  const child = launch(['start'], cwd, variables)
  const ended = new Promise<number | string | null>(resolve => {
    child.once('close', (code, signal) => resolve(signal ?? code))
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const stdout = collect(child.stdout!)
  const stderr = collect(child.stderr!)
  const printed = async (text: string | RegExp): Promise<void> => {
    const until = Date.now() + 10_000
    while (!(typeof text === 'string' ? stderr().includes(text) : text.test(stderr()))) {
      if (Date.now() > until || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the gateway has not printed ${text}:\n${stderr()}`)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
  await printed(/headgate is listening on \S+\n/)
  const found = (text: RegExp): string => text.exec(stderr())?.[1] ?? ''
  return {
    child,
    url: found(/headgate is listening on (\S+)/),
    adminUrl: found(/admin is listening on (\S+)/),
    stderr,
    stdout,
    printed,
    ended
  }
}

/** Posts a chat completion. */
export function chat(url: string, body: object = {}, headers: { readonly [name: string]: string } = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'hello' }], ...body })
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => {
    text += piece
  })
  return () => text
}

/** A config that answers `demo` without a network, with more plugins and steps between authentication and the router. */
export function demoConfig(plugins: { readonly [name: string]: object } = {}, server: object = {}): string {
  return JSON.stringify(
    {
      version: 1,
      server: { data: './data', drain: { notice: '0s', streams: '1s' }, ...server },
      plugins: { open: { use: 'auth-none' }, router: { use: 'model-router', config: { models: { demo: 'demo/demo' } } }, ...plugins },
      providers: { demo: { use: 'provider-demo' } },
      routes: [{ name: 'all', match: { path: '/v1/*' }, pipeline: ['open', ...Object.keys(plugins), 'router'] }]
    },
    null,
    2
  )
}
