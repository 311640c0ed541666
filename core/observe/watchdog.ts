import { Worker } from 'node:worker_threads'
import type { Log } from '@headgate/api'

/** What the watchdog thread reports: how long the loop has been stuck, and in which step. */
interface Stuck {
  readonly ms: number
  readonly step: number
}

/** What the watchdog needs. */
export interface WatchdogEnv {
  /** Slot 0: id of the running step; slot 1: heartbeat. */
  readonly marker: Int32Array
  readonly nameOf: (step: number) => string
  readonly log: Log
  /** Called when the loop has come back after it was stuck. */
  readonly onStuck?: (plugin: string, ms: number) => void
}

const BEAT_MS = 100

/**
 * A thread that notices when the event loop stands still for more than a second and writes the
 * name of the plugin whose hook is running, which the stuck loop itself cannot do.
 */
export function startWatchdog(env: WatchdogEnv): { stop(): Promise<void> } {
  const { marker } = env
  const file = import.meta.url.endsWith('.ts') ? './watchdog-thread.ts' : './watchdog-thread.js'
  const names: string[] = []
  for (let id = 0; env.nameOf(id) !== '' || id === 0; id++) names.push(env.nameOf(id))
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { buffer: marker.buffer, names }, stdout: false, stderr: false })
  const beat = setInterval(() => {
    Atomics.add(marker, 1, 1)
  }, BEAT_MS)
  beat.unref()
  worker.unref()
  worker.on('message', (stuck: Stuck) => {
    const plugin = env.nameOf(stuck.step)
    env.log.error(
      { plugin: plugin === '' ? null : plugin, blocked_ms: stuck.ms },
      plugin === '' ? 'the event loop was blocked' : `plugin "${plugin}" blocked the event loop`
    )
    env.onStuck?.(plugin, stuck.ms)
  })
  worker.on('error', error => env.log.warn({ err: error }, 'the watchdog has stopped'))
  return {
    async stop() {
      clearInterval(beat)
      await worker.terminate()
    }
  }
}
