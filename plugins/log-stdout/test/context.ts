import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Env, Exchange, ExchangeRecord, Instance, Log } from '@headgate/api'
import type { Test } from 'tap'
import plugin from '../index.ts'

const DEFAULTS = { bodies: false, max_body: 65_536, headers: ['content-type', 'user-agent'], pretty: 'auto', queue: 10_000 }

/** An exchange that went well; `change` replaces members. */
export function exchange(change: Partial<ExchangeRecord> = {}): Exchange {
  return {
    log_id: '01970000-0000-7000-8000-000000000000',
    timestamp_utc: '2030-01-01T00:00:00.000Z',
    direction: 'inbound',
    trace_id: null,
    request_id: 'req-1',
    api_key_id: 'ci',
    api_key_hash: 'ab'.repeat(32),
    owner: 'ann',
    team: null,
    project: null,
    method: 'POST',
    endpoint: '/v1/chat/completions',
    operation: 'chat',
    route: 'all',
    generation: 1,
    request: {
      headers: { 'content-type': 'application/json', 'user-agent': 'curl', 'x-other': 'no' },
      body: { model: 'fast', secret: 'prompt text' },
      body_bytes: 40,
      stream: true
    },
    response: { status_code: 200, body: { id: 'x', text: 'answer text' }, body_bytes: 30, stream_end: 'done' },
    timing: { total_latency_ms: 120.5, provider_latency_ms: 110, first_token_ms: 40, overhead_ms: 10.5 },
    usage: {
      prompt_tokens: 3,
      completion_tokens: 5,
      total_tokens: 8,
      cached_tokens: 0,
      cache_write_tokens: null,
      reasoning_tokens: null,
      source: 'upstream'
    },
    provider: {
      name: 'openai',
      model_requested: 'fast',
      model_resolved: 'gpt',
      attempts: [{ number: 1, provider: 'openai', model: 'gpt', status: 200, result: 'ok', latency_ms: 110, first_token_ms: 40 }]
    },
    hooks: [],
    outcome: 'ok',
    error: null,
    warnings: [],
    client: { ip: '192.0.2.1', user_agent: 'curl' },
    metadata: { a: 'b' },
    ...change
  }
}

/** An instance that writes to a file of the test. */
export interface Rig {
  readonly instance: Instance
  readonly warned: { facts: object; message: string | undefined }[]
  /** Closes the instance and returns the lines it wrote. */
  lines(): Promise<string[]>
}

/** Sets an instance up and starts it. */
export async function makeRig(t: Test, config: { [name: string]: unknown } = {}): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-log-'))
  t.teardown(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  const warned: Rig['warned'] = []
  function note(facts: object, message?: string): void {
    warned.push({ facts, message })
  }
  const log = { debug: note, info: note, warn: note, error: note } as Log
  const env = { config: { ...DEFAULTS, file: 'requests.log', ...config }, configDir: dir, dataDir: dir, log } as unknown as Env<
    unknown,
    Record<never, never>
  >
  const instance = await plugin.setup(env)
  await instance.start?.()
  t.teardown(() => instance.close?.(AbortSignal.timeout(100)))
  return {
    instance,
    warned,
    async lines() {
      await instance.close?.(AbortSignal.timeout(1000))
      return readFileSync(join(dir, 'requests.log'), 'utf8').split('\n').slice(0, -1)
    }
  }
}
