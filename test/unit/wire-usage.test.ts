import { test } from 'tap'
import fc from 'fast-check'
import { estimateTokens, readUsage } from '../../core/wire/usage.ts'

const NONE = {
  prompt_tokens: null,
  completion_tokens: null,
  total_tokens: null,
  cached_tokens: null,
  cache_write_tokens: null,
  reasoning_tokens: null,
  source: 'upstream'
}

test('usage in the shape of every known server', async t => {
  t.same(
    readUsage({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 3 }
    }),
    { ...NONE, prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, cached_tokens: 4, cache_write_tokens: 2, reasoning_tokens: 3 }
  )
  t.match(readUsage({ prompt_tokens: 10, completion_tokens: 5 }), { total_tokens: 15 })
  t.match(readUsage({ prompt_tokens: 1, completion_tokens: 1, prompt_cache_hit_tokens: 7 }), { cached_tokens: 7 })
  t.match(readUsage({ prompt_tokens: 1, completion_tokens: 1, cached_tokens: 8 }), { cached_tokens: 8 })
  t.match(readUsage({ prompt_tokens: 1, completion_tokens: 1, num_cached_tokens: 9 }), { cached_tokens: 9 })
  t.match(
    readUsage({
      prompt_tokens: 1,
      completion_tokens: 1,
      prompt_tokens_details: null,
      completion_tokens_details: { reasoning_tokens: null }
    }),
    { cached_tokens: null, reasoning_tokens: null }
  )
  t.same(readUsage({ prompt_tokens: 5, total_tokens: 5 }), { ...NONE, prompt_tokens: 5, total_tokens: 5 }, 'embeddings complete nothing')
  t.match(
    readUsage({ prompt_tokens: 10, completion_tokens: 1, total_tokens: 239, completion_tokens_details: { reasoning_tokens: 228 } }),
    { completion_tokens: 229, total_tokens: 239 },
    'reasoning counted apart'
  )
  t.match(
    readUsage({ prompt_tokens: 10, completion_tokens: 229, total_tokens: 239, completion_tokens_details: { reasoning_tokens: 228 } }),
    { completion_tokens: 229 }
  )
})

test('U31 negative, fractional, infinite and huge figures are no usage', async t => {
  for (const wrong of [-1, 1.5, NaN, Infinity, 2 ** 53, 1e300, '10', {}, true]) {
    for (const field of ['prompt_tokens', 'completion_tokens', 'total_tokens']) {
      t.equal(readUsage({ prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, [field]: wrong }), null, `${field} ${String(wrong)}`)
    }
    t.match(readUsage({ prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: wrong } }), {
      cached_tokens: null,
      total_tokens: 2
    })
  }
  for (const nothing of [undefined, null, {}, [], 5, 'x', { cost: 1 }, { prompt_tokens: null }]) t.equal(readUsage(nothing), null)
})

test('U31 whatever comes, a figure is null or a count', async t => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(
          'prompt_tokens',
          'completion_tokens',
          'total_tokens',
          'cached_tokens',
          'completion_tokens_details',
          'prompt_tokens_details'
        ),
        fc.anything()
      ),
      raw => {
        const { source, ...figures } = readUsage(raw) ?? { ...NONE, source: 'upstream' }
        return (
          source === 'upstream' &&
          Object.values(figures).every(figure => figure === null || (Number.isSafeInteger(figure) && (figure as number) >= 0))
        )
      }
    )
  )
  t.pass()
})

test('an estimate is a whole number of tokens, and at least one for any text', async t => {
  t.same([0, 1, 4, 5, 4000].map(estimateTokens), [0, 1, 1, 2, 1000])
})
