/** A well-known server and what is special about it. */
export interface Preset {
  readonly baseUrl: string
  /** Runs on the operator's own machine or network; needs no key. */
  readonly local: boolean
  /** False where `stream_options` is refused or not documented; such servers send usage unasked. */
  readonly usageInStream: boolean
}

function hosted(baseUrl: string, usageInStream = true): Preset {
  return { baseUrl, local: false, usageInStream }
}

function local(baseUrl: string): Preset {
  return { baseUrl, local: true, usageInStream: true }
}

/** The servers that `preset` may name. */
export const PRESETS = Object.freeze({
  openai: hosted('https://api.openai.com/v1'),
  openrouter: hosted('https://openrouter.ai/api/v1'),
  groq: hosted('https://api.groq.com/openai/v1'),
  deepseek: hosted('https://api.deepseek.com'),
  mistral: hosted('https://api.mistral.ai/v1', false),
  xai: hosted('https://api.x.ai/v1'),
  together: hosted('https://api.together.xyz/v1'),
  fireworks: hosted('https://api.fireworks.ai/inference/v1'),
  cerebras: hosted('https://api.cerebras.ai/v1'),
  perplexity: hosted('https://api.perplexity.ai', false),
  vllm: local('http://127.0.0.1:8000/v1'),
  lmstudio: local('http://127.0.0.1:1234/v1'),
  ollama: local('http://127.0.0.1:11434/v1'),
  llamacpp: local('http://127.0.0.1:8080/v1')
})

/** A name of {@link PRESETS}. */
export type PresetName = keyof typeof PRESETS
