import child_process from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

type Functions = { [name: string]: unknown }

/** The names of synchronous file and process functions that some work calls. Node cannot report these, so they are stood in for while it runs. */
export async function syncIo(work: () => unknown): Promise<string[]> {
  const called: string[] = []
  const restore = [fs as unknown as Functions, child_process as unknown as Functions].map(module => standIn(module, called))
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    for (const undo of restore) undo()
    syncBuiltinESMExports()
  }
  return called
}

function standIn(module: Functions, called: string[]): () => void {
  const originals: Functions = {}
  for (const name of Object.keys(module)) {
    const original = module[name]
    if (!name.endsWith('Sync') || typeof original !== 'function') continue
    originals[name] = original
    module[name] = function (this: unknown, ...args: unknown[]): unknown {
      called.push(name)
      return Reflect.apply(original, this, args) as unknown
    }
  }
  return () => {
    Object.assign(module, originals)
  }
}
