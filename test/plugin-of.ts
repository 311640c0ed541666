import { definePlugin, type Instance, type Plugin, type PluginDef, type Schema, type StateKey } from '@headgate/api'
import { reply, sse, type Reply, type StreamOptions } from '@headgate/api/test'

/** A plugin without options, as most tests need it. */
export function pluginOf(
  name: string,
  instance: Instance | (() => Instance),
  def: Partial<Omit<PluginDef<Schema, Record<never, never>, Instance>, 'setup'>> = {}
): Plugin {
  return definePlugin({
    name,
    apiVersion: 1,
    configSchema: { type: 'object', additionalProperties: false },
    ...def,
    setup: () => (typeof instance === 'function' ? instance() : instance)
  })
}

/** A state key of some type, declared by nobody. */
export function keyOf(name: string): StateKey<string> {
  return { kind: 'state', name }
}

/** A whole chat answer of an upstream. */
export function said(text: string, more: object = {}): Reply {
  return reply({
    json: {
      id: 'c1',
      object: 'chat.completion',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      ...more
    }
  })
}

/** The same as a stream, one event a piece. */
export function streamedText(pieces: readonly string[], options: StreamOptions = {}): Reply {
  const frame = (delta: object, finish: string | null = null): { [key: string]: unknown } => ({
    id: 'c1',
    object: 'chat.completion.chunk',
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }]
  })
  return sse([frame({ role: 'assistant', content: '' }), ...pieces.map(content => frame({ content })), frame({}, 'stop')], options)
}
