/** Characters of a quotation at most. */
const QUOTED = 200

/** The words of a text, each with the white space before it; white space at the end goes to the last. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+(\s+$)?/g) ?? []
}

/** Tokens of a text as the demo counts them: words. */
export function countWords(text: string): number {
  let count = 0
  let inWord = false
  for (let i = 0; i < text.length; i++) {
    const space = text.charCodeAt(i) <= 32
    if (!space && !inWord) count++
    inWord = !space
  }
  return count
}

/** The beginning of a text, at most 200 characters, never half of one. */
export function quote(text: string): string {
  const letters = Array.from(text.slice(0, QUOTED * 2 + 1))
  return letters.length <= QUOTED ? letters.join('') : `${letters.slice(0, QUOTED).join('')}…`
}
