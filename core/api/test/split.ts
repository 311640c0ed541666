/**
 * How a body is cut into writes: in one piece, after every byte, every so many bytes, at the given
 * offsets, or inside every character that takes more than one byte.
 */
export type Split = 'whole' | 'every-byte' | 'inside-characters' | number | readonly number[]

/** Cuts `bytes`; the pieces put together are `bytes` again, and none is empty. */
export function splitBytes(bytes: Buffer, split: Split): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  for (const offset of offsets(bytes, split)) {
    if (offset <= start || offset >= bytes.length) continue
    pieces.push(bytes.subarray(start, offset))
    start = offset
  }
  if (start < bytes.length) pieces.push(bytes.subarray(start))
  return pieces
}

function offsets(bytes: Buffer, split: Split): readonly number[] {
  if (split === 'whole') return []
  if (split === 'inside-characters') return insideCharacters(bytes)
  if (typeof split === 'object') return [...split].sort((a, b) => a - b)
  const step = split === 'every-byte' ? 1 : split
  if (!Number.isInteger(step) || step < 1) throw new RangeError(`split size must be a whole number from 1, got ${step}`)
  const found: number[] = []
  for (let offset = step; offset < bytes.length; offset += step) found.push(offset)
  return found
}

function insideCharacters(bytes: Buffer): number[] {
  const found: number[] = []
  for (let i = 1; i < bytes.length; i++) {
    if ((bytes[i]! & 0xc0) === 0x80) found.push(i)
  }
  return found
}
