/** True when `*` stands in the text, so that it is a pattern. */
export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

/**
 * Compiles a pattern in which `*` is any run of characters, nothing else is special. Each fixed
 * part is searched once from the left, so matching never backtracks.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (!isGlob(pattern)) return text => text === pattern
  const parts = pattern.split('*')
  const head = parts[0] ?? ''
  const tail = parts.at(-1) ?? ''
  const middle = parts.slice(1, -1).filter(part => part !== '')
  const least = head.length + tail.length
  return text =>
    text.length >= least && text.startsWith(head) && text.endsWith(tail) && contains(text, middle, head.length, text.length - tail.length)
}

function contains(text: string, parts: readonly string[], start: number, end: number): boolean {
  let from = start
  for (const part of parts) {
    const at = text.indexOf(part, from)
    if (at === -1 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}
