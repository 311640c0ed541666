import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import fastifyEnv from '@fastify/env'
import { Secret } from '@headgate/api'
import type { Ajv } from 'ajv'
import fastify from 'fastify'
import { ConfigError, type Finding } from './diagnostics.ts'
import { FORMATS } from './formats.ts'
import type { Overrides } from './load.ts'
import { readBounded } from './read-bounded.ts'
import type { Diagnostic } from './types.ts'
import type { Variables } from './variables.ts'

/** The process variables, checked. */
export interface Environment {
  /** Path of the config file. */
  readonly config: string
  /** What wins over the file. */
  readonly overrides: Overrides
  /** `HEADGATE_BOOTSTRAP_KEY`. */
  readonly bootstrapKey: Secret | undefined
  readonly logLevel: LogLevel
  /** What `${…}` is filled from: the process's variables over those of the `.env` file, without the bootstrap key. */
  readonly variables: Variables
}

/** How much is logged. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/** Options of {@link readEnvironment}. */
export interface EnvironmentOptions {
  /** File with more variables; `.env` in the folder by default, false for none. It need not exist. */
  readonly envFile?: string | false
  /** Folder that files are looked for in; the working directory by default. */
  readonly cwd?: string
}

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Bytes of a `.env` file. */
const MAX_ENV_FILE = 256 * 1024

/** The expected form of each variable, as the sentence says it. */
const FORMS: { readonly [name: string]: string } = Object.freeze({
  HEADGATE_CONFIG: 'must be the path of a config file',
  HEADGATE_LISTEN: 'must be host:port, such as 127.0.0.1:8080',
  HEADGATE_ADMIN: 'must be host:port, such as 127.0.0.1:9090, or off',
  HEADGATE_DATA: 'must be the path of a folder',
  HEADGATE_BOOTSTRAP_KEY: 'must begin with hg_ and have 32 to 256 characters without spaces',
  LOG_LEVEL: `must be one of ${LEVELS.join(', ')}`
})

interface Raw {
  readonly HEADGATE_CONFIG?: string
  readonly HEADGATE_LISTEN?: string
  readonly HEADGATE_ADMIN?: string
  readonly HEADGATE_DATA?: string
  readonly HEADGATE_BOOTSTRAP_KEY?: string
  readonly LOG_LEVEL: LogLevel
}

function schema(): object {
  const path = { type: 'string', minLength: 1, maxLength: 4096 }
  return {
    type: 'object',
    properties: {
      HEADGATE_CONFIG: path,
      HEADGATE_LISTEN: { type: 'string', format: 'address' },
      HEADGATE_ADMIN: { type: 'string', format: 'address_or_off' },
      HEADGATE_DATA: path,
      HEADGATE_BOOTSTRAP_KEY: { type: 'string', minLength: 32, maxLength: 256, pattern: '^hg_[\\x21-\\x7e]+$' },
      LOG_LEVEL: { type: 'string', enum: LEVELS, default: 'info' }
    }
  }
}

function formats(ajv: Ajv): Ajv {
  const address = FORMATS.address?.test ?? (() => false)
  ajv.addFormat('address', { type: 'string', validate: address })
  return ajv.addFormat('address_or_off', { type: 'string', validate: (text: string) => text === 'off' || address(text) })
}

/** Reads the process variables that the gateway knows. An empty one is as good as none. */
export async function readEnvironment(env: Variables, options: EnvironmentOptions = {}): Promise<Environment> {
  const cwd = options.cwd ?? process.cwd()
  const variables: { [name: string]: string | undefined } = { ...fromFile(cwd, options.envFile ?? '.env'), ...withoutUndefined(env) }
  const raw = await check(variables)
  delete variables.HEADGATE_BOOTSTRAP_KEY
  const admin = raw.HEADGATE_ADMIN === 'off' ? false : raw.HEADGATE_ADMIN
  return {
    config: raw.HEADGATE_CONFIG ?? defaultConfig(cwd),
    overrides: { listen: raw.HEADGATE_LISTEN, admin, data: raw.HEADGATE_DATA },
    bootstrapKey: raw.HEADGATE_BOOTSTRAP_KEY === undefined ? undefined : new Secret(raw.HEADGATE_BOOTSTRAP_KEY),
    logLevel: raw.LOG_LEVEL,
    variables
  }
}

function defaultConfig(cwd: string): string {
  const inFolder = resolve(cwd, 'config', 'headgate.yaml')
  return existsSync(inFolder) ? inFolder : resolve(cwd, 'headgate.yaml')
}

function withoutUndefined(env: Variables): { [name: string]: string } {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function fromFile(cwd: string, envFile: string | false): { [name: string]: string | undefined } {
  if (envFile === false) return {}
  const file = resolve(cwd, envFile)
  const reading = readBounded(file, MAX_ENV_FILE)
  if ('text' in reading) return parseEnv(reading.text)
  if (reading.problem === 'missing') return {}
  throw new ConfigError([mistake(file, `the file cannot be used: ${reading.problem}`)])
}

/** Through `@fastify/env`, on an instance that is never listened on. */
async function check(variables: { readonly [name: string]: string | undefined }): Promise<Raw> {
  const data: { [name: string]: string } = {}
  for (const name of Object.keys(FORMS)) {
    const value = variables[name]
    if (value !== undefined && value !== '') data[name] = name === 'LOG_LEVEL' ? value.toLowerCase() : value
  }
  const app = fastify()
  try {
    app.register(fastifyEnv, { schema: schema(), data, env: false, dotenv: false, ajv: { customOptions: formats } })
    await app.ready()
    return app.getEnvs<Raw>()
  } catch (error) {
    throw asConfigError(error)
  } finally {
    await app.close()
  }
}

function asConfigError(error: unknown): unknown {
  const { errors } = error as { errors?: readonly { instancePath: string }[] }
  if (errors === undefined) return error
  const names = new Set(errors.map(entry => entry.instancePath.slice(1)))
  return new ConfigError([...names].sort().map(name => mistake('environment', `${name} ${FORMS[name] ?? 'is not valid'}`)))
}

function mistake(file: string, message: string): Diagnostic {
  return { code: 'HG_ENV_INVALID' satisfies Finding['code'], message, file, line: 0, col: 0, length: 0, source: '' }
}
