import type { Config } from './config.ts'
import { PRESETS, type Preset } from './presets.ts'

const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** The server that a config means. */
export interface Server {
  /** Without a trailing slash. */
  readonly origin: string
  readonly local: boolean
  readonly usageInStream: boolean
  /** True where a request without a key cannot succeed. */
  readonly needsKey: boolean
}

/** The server that a config means; `openai` where it names none. */
export function serverOf(config: Config): Server {
  const preset: Preset | undefined =
    config.preset !== undefined ? PRESETS[config.preset] : config.base_url === undefined ? PRESETS.openai : undefined
  const origin = (config.base_url ?? preset?.baseUrl ?? '').replace(/\/+$/, '')
  return {
    origin,
    local: config.local ?? preset?.local ?? isLoopback(origin),
    usageInStream: config.usage_in_stream ?? preset?.usageInStream ?? true,
    needsKey: config.base_url === undefined && preset?.local === false
  }
}

function isLoopback(origin: string): boolean {
  return URL.canParse(origin) && LOOPBACK.test(new URL(origin).hostname)
}
