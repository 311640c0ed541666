/** The inputs of an embedding or a text completion: one text, several, or token ids, which stand as numbers in a text. */
export function inputsOf(input: unknown): readonly string[] {
  if (typeof input === 'string') return [input]
  if (!Array.isArray(input)) return ['']
  if (input.every(item => typeof item === 'number')) return [input.join(' ')]
  return input.map(item => (Array.isArray(item) ? item.join(' ') : String(item)))
}
