import type { Chunk } from '@headgate/api'

/** Characters of text and tool arguments in a chunk: the basis of an estimate where a provider reports no usage. */
export function charsOf(chunk: Chunk): number {
  let chars = 0
  for (const choice of chunk.choices ?? []) {
    const content = choice?.delta?.content ?? choice?.text
    if (typeof content === 'string') chars += content.length
    for (const call of choice?.delta?.tool_calls ?? []) chars += call?.function?.arguments?.length ?? 0
  }
  return chars
}
