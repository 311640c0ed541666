import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Key of every gateway that a proof starts. */
export const KEY = 'hg_proof_key_that_is_long_enough_to_be_one'

const BIN = fileURLToPath(new URL('../../core/bin/headgate.js', import.meta.url))
const START_MS = 15_000

/** A gateway in its own process. */
export interface GatewayProcess {
  readonly url: string
  readonly pid: number
  /** Standard output and standard error so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Sends a signal and waits for the exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

/** A folder for the files of a proof, removed with the process. */
export function proofFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-prove-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a gateway with a config and waits until it listens. @throws {Error} with what it printed when it does not */
export async function startGateway(
  folder: string,
  config: object,
  variables: { readonly [name: string]: string } = {}
): Promise<GatewayProcess> {
  const file = join(folder, 'headgate.yaml')
  writeFileSync(file, JSON.stringify(config))
  const { NODE_OPTIONS: _loader, ...env } = process.env
  const child = spawn(process.execPath, [BIN, 'start', '--quiet'], {
    cwd: folder,
    env: { ...env, HEADGATE_CONFIG: file, HEADGATE_BOOTSTRAP_KEY: KEY, ...variables },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const out: string[] = []
  const err: string[] = []
  child.stdout.on('data', piece => out.push(String(piece)))
  child.stderr.on('data', piece => err.push(String(piece)))
  process.once('exit', () => child.kill('SIGKILL'))
  const url = await listening(child, err)
  return {
    url,
    pid: child.pid!,
    stdout: () => out.join(''),
    stderr: () => err.join(''),
    stop: signal =>
      new Promise(resolve => {
        if (child.exitCode !== null) return resolve(child.exitCode)
        child.once('exit', code => resolve(code))
        child.kill(signal)
      })
  }
}

function listening(child: ChildProcess, err: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const give = (reason: string): void => reject(new Error(`the gateway ${reason}:\n${err.join('')}`))
    const timer = setTimeout(() => give('did not listen in time'), START_MS)
    child.once('exit', code => {
      clearTimeout(timer)
      give(`exited with ${code}`)
    })
    child.stderr!.on('data', () => {
      const url = /headgate is listening on (\S+)/.exec(err.join(''))?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
  })
}
