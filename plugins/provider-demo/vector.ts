/** Places of the vector that each word adds to. */
const PLACES = 8

/** A unit vector for a text: each word adds to a few places chosen by its hash, so shared words mean nearness. */
export function vectorOf(text: string, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) addWord(sums, word)
  let length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0))
  if (length === 0) {
    sums[0] = 1
    length = 1
  }
  return Float32Array.from(sums, value => value / length)
}

function addWord(sums: Float64Array, word: string): void {
  let state = seed(word)
  for (let i = 0; i < PLACES; i++) {
    state = shuffle(state)
    const place = (state >>> 1) % sums.length
    sums[place] = sums[place]! + ((state & 1) === 0 ? 1 : -1)
  }
}

/** FNV-1a, never 0. */
function seed(word: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < word.length; i++) state = Math.imul(state ^ word.charCodeAt(i), 0x01000193)
  return state === 0 ? 1 : state
}

/** One step of xorshift32. */
function shuffle(state: number): number {
  let next = state ^ (state << 13)
  next ^= next >>> 17
  return next ^ (next << 5)
}
