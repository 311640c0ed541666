import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

const LOOK_MS = 100
const STUCK_MS = 1000

const { buffer, names } = workerData as { buffer: SharedArrayBuffer; names: readonly string[] }
const marker = new Int32Array(buffer)
const seen = { beat: Atomics.load(marker, 1), at: Date.now(), step: 0, told: false, suspended: Date.now() }

setInterval(() => {
  const now = Date.now()
  const beat = Atomics.load(marker, 1)
  // A process that was stopped and continued has not been blocked by anybody.
  if (now - seen.suspended > 10 * LOOK_MS) seen.at = now
  seen.suspended = now
  if (beat !== seen.beat) {
    if (seen.told) parentPort?.postMessage({ ms: now - seen.at, step: seen.step })
    Object.assign(seen, { beat, at: now, told: false })
    return
  }
  if (now - seen.at < STUCK_MS || seen.told) return
  seen.told = true
  seen.step = Atomics.load(marker, 0)
  const plugin = names[seen.step] ?? ''
  const line = {
    level: 50,
    time: new Date(now).toISOString(),
    plugin: plugin === '' ? null : plugin,
    blocked_ms: now - seen.at,
    msg: plugin === '' ? 'the event loop is blocked' : `plugin "${plugin}" is blocking the event loop`
  }
  try {
    writeSync(2, JSON.stringify(line) + '\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') parentPort?.postMessage({ ms: now - seen.at, step: seen.step })
  }
}, LOOK_MS)
