import type { Infer, Schema } from '@headgate/api'

/** JSON Schema of the config. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    preset: {
      enum: [
        'openai',
        'openrouter',
        'groq',
        'deepseek',
        'mistral',
        'xai',
        'together',
        'fireworks',
        'cerebras',
        'perplexity',
        'vllm',
        'lmstudio',
        'ollama',
        'llamacpp'
      ],
      description: 'A well-known server: its address and its peculiarities. By default `openai` where `base_url` is absent.'
    },
    base_url: {
      type: 'string',
      format: 'uri',
      description: 'Address up to and with the version, such as `http://127.0.0.1:8000/v1`. By default that of the preset.'
    },
    api_key: { type: 'string', format: 'secret', description: 'Key of the server. Needed for hosted presets.' },
    api_key_header: {
      type: 'string',
      pattern: '^[A-Za-z0-9-]+$',
      description: 'Send the key, bare, in this header in place of `Authorization: Bearer`; `api-key` for Azure-like servers.'
    },
    organization: { type: 'string', minLength: 1, description: 'Value of `OpenAI-Organization`.' },
    project: { type: 'string', minLength: 1, description: 'Value of `OpenAI-Project`.' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', format: 'secret' },
      description: 'Further headers of every request, such as `HTTP-Referer`. Treated as secrets.'
    },
    models: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      uniqueItems: true,
      description: 'Models to advertise in `GET /v1/models`.'
    },
    usage_in_stream: {
      type: 'boolean',
      description: 'Whether the server takes `stream_options.include_usage`. By default what the preset says, else yes.'
    },
    local: {
      type: 'boolean',
      description:
        'Whether the server is on your own machine or network. By default what the preset says, else whether the address is a loopback one.'
    }
  }
} as const satisfies Schema

/** A valid config. */
export type Config = Infer<typeof configSchema>
