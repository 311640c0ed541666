import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './fs-error.ts'

/** Holders keep a lock for milliseconds, so one this old was left by a process that died. */
const STALE_MS = 10_000
const WAIT_MS = 5_000
const STEP_MS = 10

/**
 * Runs `work` while holding the lock file `path`, so that the gateway and the command line never
 * write at the same time.
 *
 * @throws {Error} when somebody else holds the lock for longer than five seconds
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await take(path)
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function take(path: string): Promise<void> {
  const until = Date.now() + WAIT_MS
  while (!(await tryTake(path))) {
    if (Date.now() > until) throw new Error('another process holds the lock of the key file')
    await breakStale(path)
    await sleep(STEP_MS)
  }
}

async function tryTake(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.close()
    return true
  } catch (err) {
    if (hasCode(err, 'EEXIST')) return false
    throw err
  }
}

/** Moves the lock away before deleting it, so that of several processes that found it stale one deletes it. */
async function breakStale(path: string): Promise<void> {
  try {
    const before = await stat(path)
    if (Date.now() - before.mtimeMs < STALE_MS) return
    const aside = `${path}.${randomBytes(6).toString('hex')}`
    await rename(path, aside)
    await rm(aside, { force: true })
  } catch (err) {
    if (!hasCode(err, 'ENOENT')) throw err
  }
}
