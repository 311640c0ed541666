import type { Plugin } from '../index.ts'
import { createTestGateway, type TestGateway } from './gateway.ts'
import { ObservedPlugin } from './observed-plugin.ts'
import type { PluginTestOptions } from './plugin-case.ts'
import { reply } from './reply.ts'

/** The name of the plugin under test in its gateway. */
export const SUBJECT = 'subject'

/** The clock of a gateway under test, in milliseconds: it stands still, so that equal requests have equal answers. */
const STANDING = 1_735_689_600_000

/** How a subject is run where that is not the usual way. */
export interface SubjectOptions {
  readonly instance?: { readonly on_error?: 'deny' | 'allow'; readonly timeout?: string }
  /** The plugin itself, without frozen views and without a record. */
  readonly bare?: boolean
}

/** A plugin running in a gateway of its own. */
export interface Subject {
  readonly observed: ObservedPlugin
  readonly gateway: TestGateway
}

/** Runs a plugin in one gateway after the other. */
export class Bench {
  readonly plugin: Plugin
  readonly options: PluginTestOptions
  readonly #authenticates: boolean

  private constructor(plugin: Plugin, options: PluginTestOptions, authenticates: boolean) {
    this.plugin = plugin
    this.options = options
    this.#authenticates = authenticates
  }

  /** Loads the plugin once, to see what it is. @throws {ConfigError} when it does not load */
  static async of(plugin: Plugin, options: PluginTestOptions): Promise<Bench> {
    const probe = new ObservedPlugin(plugin)
    const gateway = await open(probe.plugin, options, true, {})
    await gateway.close()
    return new Bench(plugin, options, probe.hooks.includes('authenticate'))
  }

  /** Runs some work with a fresh instance in a fresh gateway. Whoever lets callers in is tested as the one that does. */
  async with<T>(work: (subject: Subject) => Promise<T>, how: SubjectOptions = {}): Promise<T> {
    const observed = new ObservedPlugin(this.plugin)
    const gateway = await open(how.bare === true ? this.plugin : observed.plugin, this.options, !this.#authenticates, how.instance ?? {})
    try {
      return await work({ observed, gateway })
    } finally {
      await gateway.close()
    }
  }
}

function open(
  plugin: Plugin,
  options: PluginTestOptions,
  auth: boolean,
  instance: NonNullable<SubjectOptions['instance']>
): Promise<TestGateway> {
  return createTestGateway(null, {
    plugins: { ...options.before, [SUBJECT]: [plugin, options.config ?? {}, { ...instance }] },
    auth,
    upstream: reply({ status: 503 }),
    route: { retry: { max_attempts: 2 } },
    now: options.now ?? (() => STANDING)
  })
}
