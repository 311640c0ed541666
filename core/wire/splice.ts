import type { BodyScan } from './scan.ts'

/** Serialised values by top-level field; undefined removes the field. */
export type FieldTexts = ReadonlyMap<string, string | undefined>

/** Bytes `start` to `end` of the original that give way to `text`. */
interface Cut {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Replacements and removals; a removed field takes the comma before it along, the first ones the comma after. */
function cutsOf(scan: BodyScan, texts: FieldTexts): { cuts: Cut[]; kept: number } {
  const cuts: Cut[] = []
  let kept = 0
  let previous = -1
  for (const field of scan.fields) {
    const removed = texts.has(field.key) && texts.get(field.key) === undefined
    if (removed && kept > 0) cuts.push({ start: previous, end: field.valueEnd, text: '' })
    previous = field.valueEnd
    if (removed) continue
    const first = scan.fields[0] as { keyStart: number }
    if (kept++ === 0 && field !== first) cuts.push({ start: first.keyStart, end: field.keyStart, text: '' })
    const text = texts.get(field.key)
    if (text !== undefined) cuts.push({ start: field.valueStart, end: field.valueEnd, text })
  }
  if (kept === 0 && scan.fields.length > 0) cuts.push({ start: (scan.fields[0] as { keyStart: number }).keyStart, end: previous, text: '' })
  return { cuts, kept }
}

/** The fields that are new, as they stand in an object: `"a":1,"b":2`. */
function additions(scan: BodyScan, texts: FieldTexts): string {
  const known = new Set<string>()
  for (const field of scan.fields) known.add(field.key)
  const parts: string[] = []
  for (const [key, text] of texts) if (text !== undefined && !known.has(key)) parts.push(`${JSON.stringify(key)}:${text}`)
  return parts.join(',')
}

/**
 * The object with some top-level fields replaced, added or removed. Every byte outside the changed
 * fields stays as it was, so numbers and spellings that `JSON.parse` would alter survive.
 */
export function spliceFields(bytes: Buffer, scan: BodyScan, texts: FieldTexts): Buffer {
  const { cuts, kept } = cutsOf(scan, texts)
  const added = additions(scan, texts)
  if (added !== '') {
    const last = scan.fields[scan.fields.length - 1]
    const at = last === undefined ? scan.start + 1 : last.valueEnd
    cuts.push({ start: at, end: at, text: kept > 0 ? `,${added}` : added })
  }
  const pieces: Buffer[] = []
  let from = scan.start
  for (const cut of cuts) {
    pieces.push(bytes.subarray(from, cut.start))
    if (cut.text !== '') pieces.push(Buffer.from(cut.text))
    from = cut.end
  }
  pieces.push(bytes.subarray(from, scan.end))
  return Buffer.concat(pieces)
}
