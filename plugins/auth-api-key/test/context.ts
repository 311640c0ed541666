import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Secret,
  type AuthenticateCtx,
  type CommandResult,
  type Env,
  type Instance,
  type Log,
  type Principal,
  type RequestCtx
} from '@headgate/api'
import type { Test } from 'tap'
import plugin from '../index.ts'

/** What a test may choose. */
export interface Choice {
  dir?: string
  config?: { [name: string]: unknown }
  bootstrapKey?: string
  started?: boolean
}

/** A gateway's worth of surroundings for one instance, in its own folder and with its own clock. */
export interface Rig {
  readonly dir: string
  readonly instance: Instance
  readonly announced: string[]
  readonly logged: { level: string; facts: object; message: string | undefined }[]
  clock: number
  ask(key: string | undefined, ip?: string): Promise<{ principal: Principal | undefined; tags: { [name: string]: string } }>
  run(command: string, options?: { [name: string]: string | readonly string[] }, args?: readonly string[]): Promise<CommandResult>
}

/** A folder that goes away with the test. */
export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-keys-'))
  t.teardown(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

/** Sets an instance up and starts it. */
export async function makeRig(t: Test, choice: Choice = {}): Promise<Rig> {
  const dir = choice.dir ?? folder(t)
  const config = { refresh: 1000, throttle: { failures: 20, window: 60_000 }, ...choice.config }
  const announced: string[] = []
  const logged: Rig['logged'] = []
  const rig = { dir, announced, logged, clock: Date.parse('2030-01-01T00:00:00Z') } as unknown as Rig & { instance: Instance }
  const now = (): number => rig.clock
  const env = {
    config,
    services: {},
    name: 'keys',
    log: makeLog(logged),
    dataDir: dir,
    configDir: dir,
    now,
    bootstrapKey: choice.bootstrapKey === undefined ? undefined : new Secret(choice.bootstrapKey),
    announce: (lines: readonly string[]) => {
      announced.push(...lines)
    }
  } as unknown as Env<unknown, Record<never, never>>
  const instance = await plugin.setup(env)
  t.teardown(() => instance.close?.(AbortSignal.timeout(1000)))
  if (choice.started !== false) await instance.start?.()
  return Object.assign(rig, {
    instance,
    async ask(key: string | undefined, ip = '192.0.2.1') {
      const tags: { [name: string]: string } = {}
      const ctx = {
        credential: key === undefined ? undefined : new Secret(key),
        client: { ip },
        tag(name: string, value: string) {
          tags[name] = value
        }
      }
      try {
        const principal = (await instance.authenticate?.(ctx as unknown as AuthenticateCtx)) ?? undefined
        return { principal, tags }
      } catch (err) {
        throw Object.assign(err as Error, { tags })
      }
    },
    async run(command: string, options = {}, args: readonly string[] = []) {
      return plugin.commands![command]!.run({ config, name: 'keys', dataDir: dir, configDir: dir, now, options, args })
    }
  })
}

/** A request by `principal` for `model`. */
export function requestCtx(principal: Principal, model: string, operation = 'chat'): RequestCtx {
  return { principal, operation, model, request: { model } } as unknown as RequestCtx
}

function makeLog(lines: Rig['logged']): Log {
  function level(name: string) {
    return (facts: object, message?: string): void => {
      lines.push({ level: name, facts, message })
    }
  }
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
}
