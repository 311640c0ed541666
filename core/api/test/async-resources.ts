import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Kinds of things that are open until somebody closes them. */
const HANDLES: ReadonlySet<string> = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'PIPEWRAP',
  'PIPESERVERWRAP',
  'UDPWRAP',
  'TLSWRAP',
  'PROCESSWRAP',
  'FSEVENTWRAP',
  'STATWATCHER',
  'SIGNALWRAP',
  'WORKER'
])

/** Kinds of work on files, on the network and on other processes. */
const CALLS: ReadonlySet<string> = new Set([
  'FSREQCALLBACK',
  'FSREQPROMISE',
  'FILEHANDLE',
  'GETADDRINFOREQWRAP',
  'GETNAMEINFOREQWRAP',
  'QUERYWRAP',
  'TCPCONNECTWRAP',
  'PIPECONNECTWRAP',
  'HTTPCLIENTREQUEST',
  'UDPSENDWRAP'
])

const GRACE_MS = 500
const POLL_MS = 10

/** What some work began: everything of the given kinds, and what of it is still there. */
class Watch {
  readonly begun: string[] = []
  readonly #open = new Map<number, string>()
  readonly #mine = new AsyncLocalStorage<Watch>()

  async run(work: () => unknown, kinds: (type: string) => boolean): Promise<void> {
    const hook = createHook({
      init: (id, type) => {
        // What runs beside the work is not its doing.
        if (!kinds(type) || this.#mine.getStore() !== this) return
        this.begun.push(type)
        this.#open.set(id, type)
      },
      destroy: id => {
        this.#open.delete(id)
      }
    }).enable()
    try {
      await this.#mine.run(this, async () => {
        await work()
      })
      for (let waited = 0; this.#open.size > 0 && waited < GRACE_MS; waited += POLL_MS) await sleep(POLL_MS)
    } finally {
      hook.disable()
    }
  }

  get left(): string[] {
    return [...this.#open.values()]
  }
}

/** The kinds of asynchronous I/O, timers and handles that some work begins. */
export async function asyncIo(work: () => unknown): Promise<string[]> {
  const watch = new Watch()
  await watch.run(work, type => HANDLES.has(type) || CALLS.has(type))
  return watch.begun
}

/** The kinds of handles and timers that some work leaves behind, half a second after it has ended. */
export async function leftOpen(work: () => Promise<void>): Promise<string[]> {
  const watch = new Watch()
  await watch.run(work, type => HANDLES.has(type))
  return watch.left
}
