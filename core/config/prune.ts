import type { Mistake } from './explain.ts'
import { isPlain } from './shape.ts'
import type { ConfigPath } from './types.ts'

function at(root: unknown, path: ConfigPath): unknown {
  let value = root
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)]
    else value = isPlain(value) && Object.hasOwn(value, String(part)) ? value[String(part)] : undefined
  }
  return value
}

/** Takes what is wrong out of the value, in place, so that the rest can still be looked at. True when something went. */
export function prune(root: unknown, mistakes: readonly Mistake[]): boolean {
  let changed = false
  for (const { path } of mistakes) {
    const last = path.at(-1)
    const owner = at(root, path.slice(0, -1))
    if (last === undefined) continue
    if (Array.isArray(owner)) {
      // The places of the other entries hang on their indexes, so a list goes as a whole.
      changed ||= owner.length > 0
      owner.length = 0
    } else if (isPlain(owner) && Object.hasOwn(owner, String(last))) {
      delete owner[String(last)]
      changed = true
    }
  }
  return changed
}
