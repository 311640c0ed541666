import type { Log, Principal } from '@headgate/api'
import type { KeyFile } from './key-file.ts'
import type { KeyRecord } from './key-record.ts'
import { KeyRing, type Refusal } from './key-ring.ts'

/** An unknown key makes the file be looked at again, but not more often than this, in milliseconds. */
const LOOK_AGAIN_MS = 250

/** Keeps the keys in memory equal to the key file. */
export class KeyWatch {
  readonly #file: KeyFile
  readonly #log: Log
  readonly #extra: readonly KeyRecord[]
  #ring: KeyRing
  #stamp: string | undefined
  #badStamp: string | undefined
  #lookedAt = 0
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  /** `extra` are keys that work besides those of the file, for a file that cannot be written. */
  constructor(file: KeyFile, pepper: Buffer, extra: readonly KeyRecord[], log: Log) {
    this.#file = file
    this.#extra = extra
    this.#log = log
    this.#ring = new KeyRing(pepper, extra)
  }

  /** Reads the file and looks at it again every `everyMs` until {@link KeyWatch.stop}. @throws {Error} when it cannot be read */
  async start(everyMs: number): Promise<void> {
    await this.#load()
    this.#timer = setInterval(() => {
      void this.refresh()
    }, everyMs)
    this.#timer.unref()
  }

  /** Stops looking; resolves when a look under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  /** Who a key belongs to, or why it does not work, as of the last look. */
  find(key: string, now: number): Principal | Refusal {
    return this.#ring.find(key, now)
  }

  /** True when an unknown key is a reason to look at the file; the caller then calls {@link KeyWatch.refresh}. */
  mayLookAgain(now: number): boolean {
    if (now - this.#lookedAt < LOOK_AGAIN_MS) return false
    this.#lookedAt = now
    return true
  }

  /** Looks at the file, once however many ask. Never rejects: a file that became unreadable leaves the keys as they were. */
  refresh(): Promise<void> {
    this.#running ??= this.#tryLoad().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #tryLoad(): Promise<void> {
    try {
      await this.#load()
    } catch (err) {
      this.#log.error({ err }, 'the key file cannot be read; the keys read last stay in force')
    }
  }

  async #load(): Promise<void> {
    const stamp = await this.#file.stamp()
    if (stamp === this.#stamp || stamp === this.#badStamp) return
    // Set before reading, so that a bad file is reported once and not at every look.
    this.#badStamp = stamp
    const keys = await this.#file.read()
    this.#ring = this.#ring.with([...keys, ...this.#extra])
    this.#stamp = stamp
    this.#badStamp = undefined
  }
}
