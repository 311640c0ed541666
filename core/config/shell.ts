import type { Schema } from '@headgate/api'

function duration(description: string, extra: object = {}): Schema {
  return { type: 'string', format: 'timer', description, ...extra }
}

function oneOrMany(description: string, item: Schema = { type: 'string', minLength: 1 }): Schema {
  return { description, anyOf: [item, { type: 'array', items: item, minItems: 1 }] }
}

function map(description: string, properties: { readonly [name: string]: Schema }, extra: object = {}): Schema {
  return { type: 'object', description, additionalProperties: false, properties, ...extra }
}

const ON_ERROR: Schema = {
  type: 'string',
  enum: ['deny', 'allow'],
  description:
    'What happens to the request when the plugin fails: deny refuses it, allow goes on without the plugin. The default depends on the hook; whatever decides or changes something denies.'
}
const STEP_TIMEOUT = duration('How long one run of a hook may take.')
const REQUIRED: Schema = {
  type: 'boolean',
  description: 'The config is invalid unless this plugin covers everything that its routes serve.'
}

const UPSTREAM_LIMITS = {
  connect: duration('Until the connection to the upstream stands.'),
  first_token: duration('Until the first content of the answer.'),
  idle: duration('Between two pieces of a streamed answer.')
}
const ROUTE_LIMITS = { ...UPSTREAM_LIMITS, total: duration('For the whole request, retries included.') }

const SERVER = map(
  'Listeners and limits of the process.',
  {
    listen: { type: 'string', format: 'address', default: '127.0.0.1:8080', description: 'Address of the API, host:port.' },
    admin: {
      description: 'Address of health, metrics and administration, host:port, or false for none. Keep it away from clients.',
      default: '127.0.0.1:9090',
      anyOf: [
        { type: 'string', format: 'address', description: 'host:port' },
        { type: 'boolean', const: false, description: 'No admin listener.' }
      ]
    },
    data: { type: 'string', minLength: 1, default: './data', description: 'Folder for files of the gateway, created when needed.' },
    body_limit: { type: 'string', format: 'size', default: '20mb', description: 'Largest request body that is accepted.' },
    trust_proxy: {
      description: 'Whose X-Forwarded-For is believed: true for everyone, or addresses and CIDR ranges of the proxies in front.',
      default: false,
      anyOf: [
        { type: 'boolean', description: 'Everyone or no one.' },
        { type: 'string', minLength: 1, description: 'One address or range.' },
        { type: 'array', items: { type: 'string', minLength: 1 }, description: 'Several addresses or ranges.' }
      ]
    },
    reuse_port: { type: 'boolean', default: false, description: 'Lets two processes listen on the same port, for restarts without a gap.' },
    heartbeat: duration('Silence on a stream after which a comment is sent, so that proxies keep it open; 0s for never.', {
      default: '15s'
    }),
    max_connections: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 10_000, description: 'Client connections at a time.' },
    timeout: map(
      'How long a client may take.',
      {
        headers: duration('For the request line and headers.', { default: '10s' }),
        request: duration('For the whole request with its body.', { default: '30s' }),
        write_stall: duration('For reading on when an answer waits for it.', { default: '60s' }),
        keep_alive: duration('Between two requests on one connection.', { default: '72s' })
      },
      { default: {} }
    ),
    drain: {
      description:
        'How the process ends: how long it says so before it stops accepting, and how long open streams may go on. One duration is that of the streams.',
      default: {},
      anyOf: [
        duration('How long open streams may go on.'),
        map('Both times.', {
          notice: duration('Serving on while /ready already says no.', { default: '5s' }),
          streams: duration('How long open streams may go on.', { default: '120s' })
        })
      ]
    }
  },
  { default: {} }
)

const PLUGIN = map(
  'A plugin instance. Its name is what pipelines name.',
  {
    use: { type: 'string', minLength: 1, description: 'The plugin: a built-in, an npm package, or a file that begins with ./' },
    config: { description: 'Options of the plugin, checked against its own schema.' },
    on_error: ON_ERROR,
    timeout: STEP_TIMEOUT,
    required: REQUIRED
  },
  { required: ['use'] }
)

const PROVIDER = map(
  'A provider instance. Routers name its models as name/model.',
  {
    use: { type: 'string', minLength: 1, description: 'The provider: a built-in, an npm package, or a file that begins with ./' },
    config: { description: 'Options of the provider, checked against its own schema.' },
    optional: {
      type: 'boolean',
      description: 'When a variable is not set, the provider is left out and listed as not configured instead of being an error.'
    },
    allow_private: { type: 'boolean', description: 'Lets the upstream be in a private network. Addresses of cloud metadata stay refused.' },
    pool: map('Connections to the upstream.', {
      connections: { type: 'integer', minimum: 1, maximum: 65_535, description: 'Connections at a time to one origin.' },
      keep_alive: duration('How long an idle connection is kept.')
    }),
    timeout: map('Limits of one call, before those of the route.', UPSTREAM_LIMITS),
    max_response: { type: 'string', format: 'size', description: 'Largest answer that is accepted.' }
  },
  { required: ['use'] }
)

const MATCH = map(
  'Which requests take this route. Only what is known before the body is read.',
  {
    path: oneOrMany('Path or paths; * is any run of characters.', { type: 'string', pattern: '^/' }),
    method: oneOrMany('HTTP method or methods.', { type: 'string', pattern: '^[A-Za-z]+$' }),
    host: oneOrMany('Host name or names; * is any run of characters.'),
    header: {
      type: 'object',
      description: 'Headers that must be there, by name, with the value or values they may have.',
      additionalProperties: oneOrMany('Value or values; * is any run of characters.')
    }
  },
  { required: ['path'] }
)

const STEP: Schema = {
  description: 'A step: the name of a plugin instance, or the name with conditions and policies.',
  anyOf: [
    { type: 'string', minLength: 1, description: 'Name of a plugin instance.' },
    map(
      'A step with conditions and policies.',
      {
        plugin: { type: 'string', minLength: 1, description: 'Name of a plugin instance.' },
        when: { description: 'Condition on facts of the request; without one the step always runs.' },
        on_error: ON_ERROR,
        timeout: STEP_TIMEOUT,
        overlap: {
          type: 'boolean',
          description: 'Lets the upstream call begin while this guard still runs; nothing reaches the client before it agrees.'
        },
        required: REQUIRED
      },
      { required: ['plugin'] }
    )
  ]
}

const ROUTE = map(
  'A route: which requests it takes, and the pipeline that they go through. The first that matches wins.',
  {
    name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: 64, description: 'Name in logs and metrics.' },
    match: MATCH,
    pipeline: { type: 'array', items: STEP, maxItems: 256, description: 'Steps in the order in which they run.' },
    retry: map('Limits of retrying that no plugin exceeds.', {
      max_attempts: { type: 'integer', minimum: 1, maximum: 10, description: 'Attempts in all, the first included.' }
    }),
    timeout: {
      description: 'Limit of the whole request, or each limit by name.',
      anyOf: [duration('Limit of the whole request.'), map('Each limit by name.', ROUTE_LIMITS)]
    },
    strict: { type: 'boolean', description: 'Makes it an error when something in a request cannot be carried over to the provider.' },
    uncovered: { type: 'string', enum: ['allow', 'deny'], description: 'What happens to operations that a required step does not cover.' }
  },
  { required: ['name', 'match', 'pipeline'] }
)

/** Schema of everything in a config file but the options of plugins and providers. */
export const SHELL: Schema = map(
  'A Headgate config.',
  {
    version: { type: 'integer', const: 1, description: 'Version of the config format.' },
    server: SERVER,
    plugins: { type: 'object', description: 'Plugin instances by name.', additionalProperties: PLUGIN, default: {} },
    providers: { type: 'object', description: 'Provider instances by name.', additionalProperties: PROVIDER, default: {} },
    routes: {
      type: 'array',
      description: 'Routes, the first that matches wins. Those of included files come after the own ones.',
      items: ROUTE,
      maxItems: 1000,
      default: []
    },
    include: oneOrMany('Other config files, relative to this one; * stands within a file or folder name. What this file says itself wins.'),
    plugins_allow: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: 'Patterns of what may be loaded, such as @acme/* or builtin:*; without it, everything.'
    },
    allow_experimental: { type: 'boolean', description: 'Lets experimental plugins be loaded.' }
  },
  { required: ['version'] }
)
