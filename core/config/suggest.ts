/** Longer words are not looked up: nobody misspells them by accident, and the distance costs length squared. */
const MAX_WORD = 64

/** Damerau edit distance (insert, delete, replace, swap of neighbours) between two words. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(before, j - 2) + 1)
      current.push(best)
    }
    before = previous
    previous = current
  }
  return at(previous, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0
}

/**
 * The candidate that `word` is most likely a misspelling of: one that differs only in case, else
 * the first of the nearest within `max(1, length / 3)` edits, else undefined.
 */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length === 0 || word.length > MAX_WORD) return undefined
  const lower = word.toLowerCase()
  let limit = Math.max(1, Math.floor(word.length / 3))
  let found: string | undefined
  for (const candidate of candidates) {
    if (candidate === word) continue
    if (candidate.toLowerCase() === lower) return candidate
    if (Math.abs(candidate.length - word.length) > limit) continue
    const edits = distance(word, candidate)
    if (edits > limit || (found !== undefined && edits === limit)) continue
    found = candidate
    limit = edits
  }
  return found
}

/** The hint `did you mean "…"?`, or undefined where nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const near = suggest(word, candidates)
  return near === undefined ? undefined : `did you mean "${near}"?`
}
