import { readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { compileGlob, isGlob } from './glob.ts'
import { LIMITS } from './limits.ts'

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir).sort()
  } catch {
    return []
  }
}

/**
 * The files that an include names, in order of name; `*` stands within one path segment and never
 * for a leading dot. Undefined for a plain path that is no file; an empty list for a pattern that
 * fits nothing.
 */
export function includedFiles(pattern: string, from: string): readonly string[] | undefined {
  const full = resolve(dirname(from), pattern)
  if (!isGlob(pattern)) return isFile(full) ? [full] : undefined
  let found = ['']
  for (const [index, segment] of full.split(sep).entries()) {
    if (index === 0) found = [segment === '' ? sep : segment]
    else found = found.flatMap(dir => step(dir, segment)).slice(0, LIMITS.files + 1)
  }
  return found.filter(isFile)
}

function step(dir: string, segment: string): string[] {
  if (!isGlob(segment)) return [join(dir, segment)]
  const matches = compileGlob(segment)
  return entriesOf(dir)
    .filter(name => !name.startsWith('.') && matches(name))
    .map(name => join(dir, name))
}
