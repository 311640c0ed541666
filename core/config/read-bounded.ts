import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What went wrong with a file, or its text. */
export type Reading = { readonly text: string } | { readonly problem: 'missing' | 'too large' | 'not a file' | 'not UTF-8' | 'unreadable' }

const MISSING = new Set(['ENOENT', 'ENOTDIR'])

/**
 * Reads a regular file of at most `limit` bytes as UTF-8, without a byte order mark. The size is
 * looked at before anything is read, and a file that grows meanwhile is cut off.
 */
export function readBounded(file: string, limit: number): Reading {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch (error) {
    return { problem: MISSING.has((error as NodeJS.ErrnoException).code ?? '') ? 'missing' : 'unreadable' }
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return { problem: 'not a file' }
    if (stat.size > limit) return { problem: 'too large' }
    return decode(fill(descriptor, stat.size, limit), limit)
  } catch {
    return { problem: 'unreadable' }
  } finally {
    closeSync(descriptor)
  }
}

/** Files of /proc and the like say that they have no bytes, so there is always room for one piece more. */
function fill(descriptor: number, size: number, limit: number): Buffer {
  const buffer = Buffer.allocUnsafe(Math.min(size + 4096, limit + 1))
  let length = 0
  while (length < buffer.length) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null)
    if (count === 0) break
    length += count
  }
  return buffer.subarray(0, length)
}

function decode(bytes: Buffer, limit: number): Reading {
  if (bytes.length > limit) return { problem: 'too large' }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { problem: 'not UTF-8' }
  }
}
