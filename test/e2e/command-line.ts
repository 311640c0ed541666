import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** The first key of every gateway started here. */
export const KEY = 'hg_test_key_that_is_long_enough_to_be_one'

const BIN = join(ROOT, 'core/bin/headgate.js')
const START_MS = 15_000

interface Teardown {
  teardown(fn: () => unknown): void
}

/** Variables of a child: a stranger's, without those of the test runner. */
export function childEnvironment(variables: { readonly [name: string]: string } = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_OPTIONS$|_?TAP|HEADGATE_|LOG_LEVEL$|.*_(API_KEY|BASE_URL)$)/.test(name)
  )
  return { ...Object.fromEntries(own), ...variables }
}

/** What {@link startHeadgate} may be told. */
export interface StartOptions {
  /** Path of the YAML; by default that of `npm start`. */
  readonly config?: string
  readonly variables?: { readonly [name: string]: string }
}

/** A gateway in its own process. */
export interface RunningHeadgate {
  readonly url: string
  /** What it printed for people so far. */
  readonly printed: () => string
}

/** Starts the real command in an empty folder, on a free port; killed with the test. @throws {Error} with what it printed when it does not listen */
export async function startHeadgate(t: Teardown, options: StartOptions = {}): Promise<RunningHeadgate> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-e2e-'))
  const variables = {
    HEADGATE_CONFIG: options.config ?? join(ROOT, 'config/headgate.yaml'),
    HEADGATE_LISTEN: '127.0.0.1:0',
    HEADGATE_ADMIN: 'off',
    HEADGATE_DATA: join(folder, 'data'),
    HEADGATE_BOOTSTRAP_KEY: KEY,
    ...options.variables
  }
  // The runner puts its own loader into the options of every child, so `env` takes them out after that.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, BIN, 'start'], {
    cwd: folder,
    env: childEnvironment(variables),
    stdio: ['ignore', 'ignore', 'pipe']
  })
  t.teardown(async () => {
    await killed(child)
    rmSync(folder, { recursive: true, force: true })
  })
  const printed: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => printed.push(text))
  return { url: await listening(child, printed), printed: () => printed.join('') }
}

/** Runs a `headgate` command to its end. */
export function runHeadgate(
  args: readonly string[],
  options: { readonly cwd?: string; readonly variables?: { readonly [name: string]: string } } = {}
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, BIN, ...args], {
    cwd: options.cwd ?? ROOT,
    env: childEnvironment(options.variables),
    encoding: 'utf8'
  })
}

async function listening(child: ChildProcess, printed: readonly string[]): Promise<string> {
  const ended = once(child, 'exit').then(() => true)
  const deadline = Date.now() + START_MS
  for (;;) {
    const url = /headgate is listening on (http:\/\/\S+)/.exec(printed.join(''))?.[1]
    if (url !== undefined) return url
    const over = await Promise.race([once(child.stderr!, 'data', { signal: AbortSignal.timeout(START_MS) }).then(() => false), ended])
    if (over || Date.now() > deadline) throw new Error(`headgate start did not listen:\n${printed.join('')}`)
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
