import type { Usage } from '@headgate/api'
import { isRecord } from './record.ts'

/** Characters of a token, taken over English prose. */
const CHARS_PER_TOKEN = 4

/** Tokens that a text of so many characters has, roughly; for when the upstream says nothing. */
export function estimateTokens(chars: number): number {
  return Math.ceil(chars / CHARS_PER_TOKEN)
}

/** Null for nothing, NaN for what is no count. */
function count(value: unknown): number | null {
  if (value === undefined || value === null) return null
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : NaN
}

/** The first valid count; a part that is wrong does not spoil the whole. */
function part(...values: readonly unknown[]): number | null {
  for (const value of values) {
    const found = count(value)
    if (found !== null && !Number.isNaN(found)) return found
  }
  return null
}

/** The sum of two counts, null where one is unknown or the sum is past 2^53. */
function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null || !Number.isSafeInteger(a + b) ? null : a + b
}

/**
 * Reads usage in OpenAI's shape and the variants of servers like it. Null where there is none, or
 * where a total is negative, fractional or past 2^53: a wrong figure is worse than none.
 */
export function readUsage(raw: unknown): Usage | null {
  if (!isRecord(raw)) return null
  const prompt = count(raw.prompt_tokens)
  let completion = count(raw.completion_tokens)
  let total = count(raw.total_tokens)
  if (Number.isNaN(prompt) || Number.isNaN(completion) || Number.isNaN(total)) return null
  if (prompt === null && completion === null && total === null) return null
  const inputs = isRecord(raw.prompt_tokens_details) ? raw.prompt_tokens_details : {}
  const outputs = isRecord(raw.completion_tokens_details) ? raw.completion_tokens_details : {}
  const reasoning = part(outputs.reasoning_tokens, raw.reasoning_tokens)
  // Some count reasoning apart: then only the three together make the total.
  const apart = sum(sum(prompt, completion), reasoning)
  if (reasoning !== null && reasoning > 0 && total !== null && total === apart) completion = (completion as number) + reasoning
  total ??= sum(prompt, completion)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: total,
    cached_tokens: part(inputs.cached_tokens, raw.prompt_cache_hit_tokens, raw.cached_tokens, raw.num_cached_tokens),
    cache_write_tokens: part(inputs.cache_write_tokens),
    reasoning_tokens: reasoning,
    source: 'upstream'
  }
}
