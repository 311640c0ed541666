import type { lookup } from 'node:dns'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exchange, Plugin, Provider, RequestBody } from '../index.ts'
import { startFaultUpstream, type FaultUpstream, type Teardown } from './fault-upstream.ts'
import { readAnswer, type TestAnswer } from './answer.ts'
import { kitAuth, kitProvider, kitRecorder, kitRouter } from './kit-plugins.ts'
import { captureLog, type LogLine } from './log-capture.ts'
import type { Source } from './script.ts'

/** A plugin with its config, and what the YAML says about the instance. */
export type TestPlugin =
  | Plugin
  | readonly [
      plugin: Plugin,
      config?: object,
      instance?: { on_error?: 'deny' | 'allow'; timeout?: string | number; [key: string]: unknown }
    ]

/** What a test gateway is made of; everything has a default. */
export interface TestGatewayOptions {
  /** Instances under their names, in pipeline order, between an authenticating step and a router of the kit. */
  readonly plugins?: { readonly [name: string]: TestPlugin }
  /** What the upstream does. Without it there is no upstream and answers have to come from plugins. */
  readonly upstream?: Source
  /** More providers under their names; a router under test can name them. */
  readonly providers?: { readonly [name: string]: readonly [provider: Provider, config?: object, instance?: object] }
  /** More of the route: `retry`, `timeout`, `strict`. */
  readonly route?: object
  /** More of the `server` section. */
  readonly server?: object
  /** Replaces an entry of the pipeline by name, to set `when`, `on_error`, `timeout` or `overlap` of a step. */
  readonly steps?: { readonly [name: string]: object }
  /** False leaves out the step that lets everybody in. */
  readonly auth?: boolean
  /** A whole config in place of the above; the plugins given are known under their names as `use:`. */
  readonly config?: string | object
  /** What `${…}` is filled from. */
  readonly variables?: { readonly [name: string]: string }
  /** True listens on a free port, for clients that need a URL. */
  readonly listen?: boolean
  /** Wall clock in milliseconds. */
  readonly now?: () => number
  /** How the gateway resolves names in place of the system, and PEM certificates it trusts in place of the built-in ones. */
  readonly dispatcher?: { readonly lookup?: typeof lookup; readonly ca?: string | readonly string[] }
}

/** A gateway under test: the real one, with everything that happened kept to be looked at. */
export interface TestGateway {
  /** Base URL with `listen: true`, else empty. */
  readonly url: string
  /** The upstream, when there is one. */
  readonly upstream: FaultUpstream
  /** The records of all finished requests. */
  readonly exchanges: readonly Exchange[]
  /** The last of them. */
  readonly exchange: Exchange
  readonly logs: readonly LogLine[]
  /** A chat completion; `model` and `messages` have defaults. */
  chat(body?: Partial<RequestBody>, headers?: { readonly [name: string]: string }): Promise<TestAnswer>
  /** Any request. */
  request(
    method: 'GET' | 'POST' | 'HEAD' | 'DELETE',
    path: string,
    body?: object | string | Uint8Array,
    headers?: { readonly [name: string]: string }
  ): Promise<TestAnswer>
  /** Waits until no request is under way and every record is written. */
  settled(): Promise<void>
  /** A counter of the gateway by name and labels. */
  count(name: string, labels?: { readonly [name: string]: string }): number
  close(): Promise<void>
}

const ABSENT = 'this test gateway has no upstream; give it one with { upstream: … }'

/**
 * Starts a real gateway for a test, in memory and closed with it:
 *
 *     const gw = await createTestGateway(t, { plugins: { pii: [pii, { patterns: {} }] }, upstream: reply({ json: … }) })
 *     const answer = await gw.chat({ stream: true })
 *
 * @throws {ConfigError} when the config that comes of it is not valid
 */
export async function createTestGateway(t: Teardown | null, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-test-'))
  const upstream = options.upstream === undefined ? null : await startFaultUpstream(null, options.upstream)
  const cleanUp = async (): Promise<void> => {
    await upstream?.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const exchanges: Exchange[] = []
  const { log, lines } = captureLog()
  const file = join(folder, 'headgate.yaml')
  writeFileSync(file, configText(options, upstream, folder))
  try {
    // The kit is part of the contract, the runtime is not: it is loaded only where a gateway is wanted.
    const { createGateway } = await import('headgate')
    const server = await createGateway({
      file,
      log,
      child: facts => captureLog(lines, facts).log,
      plugins: definitionsOf(options, exchange => {
        exchanges.push(exchange)
      }),
      variables: options.variables ?? {},
      ...(options.now !== undefined && { now: options.now }),
      ...(options.dispatcher !== undefined && { dispatcher: options.dispatcher })
    })
    const gateway = new RunningGateway(server, upstream, exchanges, lines, cleanUp)
    t?.teardown(() => gateway.close())
    await gateway.start(options.listen === true)
    return gateway
  } catch (error) {
    await cleanUp()
    throw error
  }
}

/** The part of the runtime's server that the kit uses. */
type Server = Awaited<ReturnType<typeof import('headgate').createGateway>>

class RunningGateway implements TestGateway {
  readonly exchanges: readonly Exchange[]
  readonly logs: readonly LogLine[]
  readonly #server: Server
  readonly #upstream: FaultUpstream | null
  readonly #cleanUp: () => Promise<void>
  #closed = false

  constructor(
    server: Server,
    upstream: FaultUpstream | null,
    exchanges: readonly Exchange[],
    logs: readonly LogLine[],
    cleanUp: () => Promise<void>
  ) {
    this.#server = server
    this.#upstream = upstream
    this.exchanges = exchanges
    this.logs = logs
    this.#cleanUp = cleanUp
  }

  get url(): string {
    return this.#server.url
  }

  get upstream(): FaultUpstream {
    if (this.#upstream === null) throw new Error(ABSENT)
    return this.#upstream
  }

  get exchange(): Exchange {
    const last = this.exchanges.at(-1)
    if (last === undefined) throw new Error('no request has finished yet')
    return last
  }

  async start(listen: boolean): Promise<void> {
    try {
      await (listen ? this.#server.start() : this.#server.gateway.start())
      if (!listen) await this.#server.app.ready()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  chat = (body: Partial<RequestBody> = {}, headers?: { readonly [name: string]: string }): Promise<TestAnswer> =>
    this.request('POST', '/v1/chat/completions', { model: 'test-model', messages: [{ role: 'user', content: 'hello' }], ...body }, headers)

  request: TestGateway['request'] = async (method, path, body, headers = {}) => {
    const payload = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const answer = await this.#server.app.inject({
      method,
      url: path,
      ...(payload !== undefined && { payload: payload as string | Buffer }),
      headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...headers }
    })
    await this.settled()
    return readAnswer(answer.statusCode, answer.headers, answer.rawPayload)
  }

  settled = async (): Promise<void> => {
    const until = Date.now() + 5000
    while (this.#server.gateway.active > 0 && Date.now() < until) await new Promise(resolve => setImmediate(resolve))
    await this.#server.gateway.runtime.logs.settled()
  }

  count = (name: string, labels?: { readonly [name: string]: string }): number => this.#server.gateway.runtime.counters.get(name, labels)

  close = async (): Promise<void> => {
    if (this.#closed) return
    this.#closed = true
    await this.#server.close()
    await this.#cleanUp()
  }
}

/** Every definition under the names by which the config of the test may use it. */
function definitionsOf(options: TestGatewayOptions, keep: (exchange: Exchange) => void): { [use: string]: Plugin | Provider } {
  const given: { [use: string]: Plugin | Provider } = {
    'kit-auth': kitAuth,
    'kit-router': kitRouter,
    'kit-recorder': kitRecorder(keep),
    'kit-provider': kitProvider
  }
  for (const [name, plugin] of Object.entries(options.plugins ?? {}))
    given[`given-${name}`] = given[name] = (Array.isArray(plugin) ? plugin[0] : plugin) as Plugin
  for (const [name, [provider]] of Object.entries(options.providers ?? {})) given[`given-${name}`] = given[name] = provider
  return given
}

/** The config as YAML; JSON is YAML. */
function configText(options: TestGatewayOptions, upstream: FaultUpstream | null, folder: string): string {
  if (typeof options.config === 'string') return options.config.replaceAll('${UPSTREAM}', upstream?.origin ?? '')
  const server = {
    listen: '127.0.0.1:0',
    admin: false,
    data: join(folder, 'data'),
    drain: { notice: '0s', streams: '1s' },
    ...options.server
  }
  if (options.config !== undefined) return JSON.stringify({ server, ...options.config }).replaceAll('${UPSTREAM}', upstream?.origin ?? '')
  const plugins: { [name: string]: object } = { 'kit-router': { use: 'kit-router' }, 'kit-recorder': { use: 'kit-recorder' } }
  if (options.auth !== false) plugins['kit-auth'] = { use: 'kit-auth' }
  for (const [name, plugin] of Object.entries(options.plugins ?? {})) {
    const [, config, instance] = (Array.isArray(plugin) ? plugin : [plugin]) as [Plugin, object?, object?]
    plugins[name] = { use: `given-${name}`, ...(config !== undefined && { config }), ...instance }
  }
  const providers: { [name: string]: object } = {}
  if (upstream !== null) providers['upstream'] = { use: 'kit-provider', config: { base_url: `${upstream.origin}/v1` } }
  for (const [name, [, config, instance]] of Object.entries(options.providers ?? {}))
    providers[name] = { use: `given-${name}`, ...(config !== undefined && { config }), ...instance }
  const names = [...(options.auth === false ? [] : ['kit-auth']), ...Object.keys(options.plugins ?? {}), 'kit-router', 'kit-recorder']
  const pipeline = names.map(name => (options.steps?.[name] === undefined ? name : { plugin: name, ...options.steps[name] }))
  return JSON.stringify({
    version: 1,
    server,
    plugins,
    providers,
    routes: [{ name: 'test', match: { path: '/*' }, pipeline, ...options.route }]
  })
}
