import { join } from 'node:path'
import { test } from 'tap'
import { ConfigError } from '../../core/config/diagnostics.ts'
import { readEnvironment } from '../../core/config/environment.ts'

const KEY = `hg_${'k'.repeat(40)}`

test('nothing set: defaults', async t => {
  const cwd = t.testdir({})
  const environment = await readEnvironment({}, { cwd })
  t.strictSame(environment, {
    config: join(cwd, 'headgate.yaml'),
    overrides: { listen: undefined, admin: undefined, data: undefined },
    bootstrapKey: undefined,
    logLevel: 'info',
    variables: {}
  })
})

test('the config file is the one in config/ when it exists', async t => {
  const cwd = t.testdir({ config: { 'headgate.yaml': '' } })
  t.equal((await readEnvironment({}, { cwd })).config, join(cwd, 'config', 'headgate.yaml'))
  t.equal((await readEnvironment({ HEADGATE_CONFIG: './other.yaml' }, { cwd })).config, './other.yaml')
})

test('everything set', async t => {
  const environment = await readEnvironment(
    {
      HEADGATE_LISTEN: '0.0.0.0:80',
      HEADGATE_ADMIN: 'off',
      HEADGATE_DATA: '/srv',
      HEADGATE_BOOTSTRAP_KEY: KEY,
      LOG_LEVEL: 'DEBUG',
      OTHER: 'x',
      GONE: undefined
    },
    { envFile: false }
  )
  t.strictSame(environment.overrides, { listen: '0.0.0.0:80', admin: false, data: '/srv' })
  t.equal(
    environment.bootstrapKey?.use(key => key),
    KEY
  )
  t.equal(environment.logLevel, 'debug')
  t.equal(environment.variables.OTHER, 'x')
  t.notMatch(JSON.stringify(environment), KEY, 'the key is nowhere but in its secret')
  t.equal((await readEnvironment({ HEADGATE_ADMIN: '[::1]:9' }, { envFile: false })).overrides.admin, '[::1]:9')
})

test('an empty variable is as good as none', async t => {
  const { overrides, logLevel } = await readEnvironment({ HEADGATE_LISTEN: '', LOG_LEVEL: '' }, { envFile: false })
  t.equal(overrides.listen, undefined)
  t.equal(logLevel, 'info')
})

test('all mistakes at once, by name, without the value', async t => {
  const planted = 'planted value'
  let error: unknown
  try {
    await readEnvironment(
      {
        HEADGATE_LISTEN: planted,
        HEADGATE_ADMIN: 'on',
        HEADGATE_DATA: 'x'.repeat(5000),
        HEADGATE_BOOTSTRAP_KEY: `sk_${planted}`,
        LOG_LEVEL: planted
      },
      { envFile: false }
    )
  } catch (thrown) {
    error = thrown
  }
  t.ok(error instanceof ConfigError)
  t.strictSame((error as ConfigError).message.split('\n\n'), [
    'environment: HEADGATE_ADMIN must be host:port, such as 127.0.0.1:9090, or off',
    'environment: HEADGATE_BOOTSTRAP_KEY must begin with hg_ and have 32 to 256 characters without spaces',
    'environment: HEADGATE_DATA must be the path of a folder',
    'environment: HEADGATE_LISTEN must be host:port, such as 127.0.0.1:8080',
    'environment: LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent'
  ])
  t.equal((error as ConfigError).code, 'HG_ENV_INVALID')
  t.notMatch(JSON.stringify((error as ConfigError).diagnostics), 'planted')
  for (const bad of [`hg_${'k'.repeat(28)}`, `hx_${'k'.repeat(40)}`, `hg_ ${'k'.repeat(40)}`])
    await t.rejects(readEnvironment({ HEADGATE_BOOTSTRAP_KEY: bad }, { envFile: false }), ConfigError, bad)
})

test('.env is read, the process wins, and the process is left alone', async t => {
  const cwd = t.testdir({ '.env': '# comment\nHEADGATE_LISTEN=127.0.0.1:1\nOPENAI_API_KEY="sk-from-file"\nBOTH=file\nexport MORE=1\n' })
  const env = { BOTH: 'process' }
  const environment = await readEnvironment(env, { cwd })
  t.equal(environment.overrides.listen, '127.0.0.1:1')
  t.match(environment.variables, { OPENAI_API_KEY: 'sk-from-file', BOTH: 'process', MORE: '1' })
  t.strictSame(env, { BOTH: 'process' })
  t.equal(process.env.OPENAI_API_KEY === 'sk-from-file', false)
  t.strictSame((await readEnvironment({}, { cwd, envFile: './none.env' })).variables, {})
})

test('a .env file that cannot be used is an error', async t => {
  const cwd = t.testdir({ '.env': {} })
  await t.rejects(readEnvironment({}, { cwd }), { code: 'HG_ENV_INVALID', message: /\.env: the file cannot be used: not a file/ })
})
