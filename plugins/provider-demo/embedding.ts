import type { LocalAnswer, LocalCall } from '@headgate/api'
import { errorAnswer, jsonAnswer } from './answer-parts.ts'
import { inputsOf } from './input.ts'
import { vectorOf } from './vector.ts'
import { countWords } from './words.ts'

const DIMENSIONS = 256
const MAX_DIMENSIONS = 4096
const MAX_INPUTS = 2048

/** Answers an embedding request: unit vectors in which texts that share words are near each other. */
export function answerEmbedding({ request, target }: LocalCall): LocalAnswer {
  const inputs = inputsOf(request['input'])
  const dimensions = request['dimensions'] ?? DIMENSIONS
  if (inputs.length === 0 || inputs.length > MAX_INPUTS) return errorAnswer(400, null, `input must have 1 to ${MAX_INPUTS} items`, 'input')
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_DIMENSIONS)
    return errorAnswer(400, null, `dimensions must be an integer from 1 to ${MAX_DIMENSIONS}`, 'dimensions')
  const base64 = request['encoding_format'] === 'base64'
  const tokens = inputs.reduce((sum, text) => sum + countWords(text), 0)
  return jsonAnswer({
    object: 'list',
    data: inputs.map((text, index) => ({ object: 'embedding', index, embedding: encode(vectorOf(text, dimensions), base64) })),
    model: target.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  })
}

/** Numbers, or little-endian 32-bit floats in base64 as the official clients ask for them. */
function encode(vector: Float32Array, base64: boolean): number[] | string {
  if (!base64) return Array.from(vector)
  const bytes = Buffer.alloc(vector.length * 4)
  for (let i = 0; i < vector.length; i++) bytes.writeFloatLE(vector[i]!, i * 4)
  return bytes.toString('base64')
}
