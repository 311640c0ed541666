// What a config and services may not be taken for.
import { definePlugin, defineProvider, provide, service, type Infer } from '@headgate/api'

interface Store { get (key: string): Promise<string | undefined> }
const store = service<Store>('types/store')

const configSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: { type: 'string', format: 'uri', description: 'Where it is.' },
    limit: { type: 'integer', default: 10, description: 'How many.' },
    wait: { type: 'string', format: 'duration', default: '1s', description: 'How long.' },
    key: { type: 'string', format: 'secret', description: 'The key.' },
    mode: { enum: ['fast', 'safe'], default: 'safe', description: 'How.' },
    names: { type: 'array', items: { type: 'string' }, default: [], description: 'Which.' }
  }
} as const

type Config = Infer<typeof configSchema>

export const config = (given: Config): void => {
  const url: string = given.url
  const limit: number = given.limit
  const wait: number = given.wait
  const mode: 'fast' | 'safe' = given.mode
  const names: readonly string[] = given.names
  // @ts-expect-error a misspelt option
  given.limitt.toFixed()
  // @ts-expect-error an option without a default may be absent
  given.key.use(text => text)
  // @ts-expect-error a secret is no string
  const key: string | undefined = given.key
  // @ts-expect-error a duration is a number of milliseconds
  const text: string = given.wait
  // @ts-expect-error a value that the schema does not allow
  const other: 'slow' = given.mode
  // @ts-expect-error a config is read-only
  given.limit = 1
  // @ts-expect-error so are its lists
  given.names.push('x')
  void [url, limit, wait, mode, names, key, text, other]
}

definePlugin({
  name: 'consumer',
  apiVersion: 1,
  configSchema,
  requires: { store },
  setup ({ services, config }) {
    void services.store.get('a')
    // @ts-expect-error a service that was not asked for
    void services.cache
    // @ts-expect-error a method that the service does not have
    void services.store.put('a', 'b')
    // @ts-expect-error a misspelt option
    void config.urll
    return { receive () { /* nothing to do */ } }
  }
})

definePlugin({
  name: 'lonely',
  apiVersion: 1,
  configSchema,
  setup ({ services }) {
    // @ts-expect-error nothing was asked for
    void services.store
    return { receive () { /* nothing to do */ } }
  }
})

// @ts-expect-error an implementation that is none
provide(store, { get: 1 })

definePlugin({
  name: 'validator',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a problem has a path and a message
  validate: () => [{ path: '/url' }],
  setup: () => ({ receive () { /* nothing to do */ } })
})

defineProvider({
  name: 'provider',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a provider says what operations it speaks
  setup: ({ config: { url } }) => ({ origin: url })
})

defineProvider({
  name: 'codec',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a conversion needs both ways
  setup: ({ config: { url } }) => ({ origin: url, operations: { chat: { encode: () => ({ path: '/', body: {} }) } } })
})

defineProvider({
  name: 'header',
  apiVersion: 1,
  configSchema,
  // @ts-expect-error a header is a text or a secret
  setup: ({ config: { url } }) => ({ origin: url, headers: () => ({ 'x-limit': 5 }), operations: {} })
})
