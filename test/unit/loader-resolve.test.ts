import { join } from 'node:path'
import { ConfigError, Gateway } from 'headgate'
import { captureLog } from '@headgate/api/test'
import { test, type Test } from 'tap'
import { demoConfig } from '../cli-process.ts'
import { pluginOf } from '../plugin-of.ts'

/** A plugin module that says who it is. */
function moduleOf(name: string): string {
  return `export default Object.freeze({ [Symbol.for('@headgate/plugin')]: true, kind: 'plugin', name: '${name}', apiVersion: 1, configSchema: { type: 'object', additionalProperties: false }, setup: () => ({ receive () {} }) })\n`
}

function manifestOf(name: string, exports: unknown): string {
  return JSON.stringify({ name, version: '1.2.3', type: 'module', exports, headgate: { apiVersion: 1, plugins: { '.': 'plugin' } } })
}

/** Where the instance of each `use` was found, or what was said about it. */
async function found(
  t: Test,
  dir: string,
  uses: readonly string[],
  more: object = {},
  given = {}
): Promise<{ name: string; file: string; version: string | null }[]> {
  const config = JSON.parse(demoConfig(Object.fromEntries(uses.map((use, index) => [`p${index}`, { use }])))) as object
  const file = join(dir, 'headgate.yaml')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(file, JSON.stringify({ ...config, ...more }))
  const gateway = await Gateway.load({ file, log: captureLog().log, plugins: given })
  t.teardown(() => gateway.close())
  return uses.map((_use, index) => {
    const entry = gateway.generation.entries.find(({ name }) => name === `p${index}`)!
    return { name: entry.definition.name, file: entry.found.file, version: entry.found.version }
  })
}

async function said(
  t: Test,
  dir: string,
  uses: readonly string[],
  more: object = {}
): Promise<readonly { code: string; message: string; hint?: string }[]> {
  const error = await found(t, dir, uses, more).then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  if (!(error instanceof ConfigError)) throw new Error('the config was not refused', { cause: error })
  return error.diagnostics
}

test('use: finds files and folders next to the config, TypeScript without a build', async t => {
  const dir = t.testdir({
    'one.ts': `interface Unused { readonly a: string }\n${moduleOf('one')}`,
    'two.mjs': moduleOf('two'),
    three: { 'index.ts': moduleOf('three') },
    four: { 'package.json': '{"type":"module","exports":"./src/main.ts"}', src: { 'main.ts': moduleOf('four') } },
    five: { 'index.js': moduleOf('five'), 'package.json': '{"type":"module"}' }
  })
  const uses = ['./one.ts', './two.mjs', './three', './four', './five', join(dir, 'one.ts')]
  const plugins = await found(t, dir, uses)
  t.same(
    plugins.map(({ name }) => name),
    ['one', 'two', 'three', 'four', 'five', 'one']
  )
  t.equal(plugins[3]!.file, join(dir, 'four/src/main.ts'))
  t.same(
    plugins.map(({ version }) => version),
    [null, null, null, null, null, null]
  )
})

test('use: finds npm packages as seen from the config, whatever way they export', async t => {
  const packages: { [name: string]: unknown } = {
    text: './index.js',
    dot: { '.': './index.js' },
    importonly: { '.': { import: './index.js' } },
    nested: { '.': { import: { types: './index.d.ts', default: './index.js' } } },
    nodeonly: { '.': { node: './index.js' } },
    sub: { './guard': { import: './index.js' } }
  }
  const tree = Object.fromEntries(
    Object.entries(packages).map(([name, exports]) => [
      name,
      { 'package.json': manifestOf(`@acme/${name}`, exports), 'index.js': moduleOf(name) }
    ])
  )
  const dir = t.testdir({
    node_modules: {
      '@acme': tree,
      'headgate-plugin-short': { 'package.json': manifestOf('headgate-plugin-short', './index.js'), 'index.js': moduleOf('short') },
      plain: { 'package.json': manifestOf('plain', './index.js'), 'index.js': moduleOf('plain') },
      'auth-none': { 'package.json': manifestOf('auth-none', './index.js'), 'index.js': moduleOf('impostor') }
    }
  })
  const uses = [
    '@acme/text',
    '@acme/dot',
    '@acme/importonly',
    '@acme/nested',
    '@acme/nodeonly',
    '@acme/sub/guard',
    'short',
    'plain',
    'npm:plain'
  ]
  const plugins = await found(t, dir, uses)
  t.same(
    plugins.map(({ name }) => name),
    ['text', 'dot', 'importonly', 'nested', 'nodeonly', 'sub', 'short', 'plain', 'plain']
  )
  t.same(new Set(plugins.map(({ version }) => version)), new Set(['1.2.3']))
  const names = await found(t, dir, ['auth-none', 'builtin:auth-none', 'npm:auth-none'])
  t.same(
    names.map(({ name }) => name),
    ['auth-none', 'auth-none', 'impostor'],
    'a short name is the built-in, unless npm: is asked for'
  )
})

test('use: a definition given by the embedding program comes first', async t => {
  const given = { mine: pluginOf('mine', { receive() {} }), 'auth-none': pluginOf('own-auth', { authenticate: () => ({ id: 'x' }) }) }
  t.same(
    (await found(t, t.testdir({}), ['mine', 'auth-none'], {}, given)).map(({ name, file }) => [name, file]),
    [
      ['mine', '(given)'],
      ['own-auth', '(given)']
    ]
  )
})

test('use: what is broken is said, not thrown', async t => {
  const dir = t.testdir({
    empty: {},
    dangling: { 'package.json': '{"exports":"./gone.js"}' },
    garbled: { 'package.json': '{"exports":' },
    node_modules: {
      garbled: { 'package.json': '{' },
      entryless: { 'package.json': JSON.stringify({ name: 'entryless', version: '1.0.0', exports: {} }) }
    }
  })
  const list = await said(t, dir, ['./empty', './dangling', './garbled', './missing.ts', 'npm:entryless', 'nowhere', 'builtin:nowhere'])
  t.match(
    list.map(({ code, message }) => `${code} ${message}`),
    [
      /HG_PLUGIN_NOT_FOUND p0: the folder "\.\/empty" has no index\.ts, /,
      /HG_PLUGIN_NOT_FOUND p1: the entry of the folder "\.\/dangling" does not exist/,
      /HG_PLUGIN_IMPORT p2: the package\.json of "\.\/garbled" cannot be read/,
      /HG_PLUGIN_NOT_FOUND p3: there is no file or folder "\.\/missing\.ts"/,
      /HG_PLUGIN_IMPORT p4: the package of "entryless" has no entry point/,
      /HG_PLUGIN_NOT_FOUND p5: "nowhere" is not installed/,
      /HG_PLUGIN_NOT_FOUND p6: "builtin:nowhere" is not installed/
    ]
  )
})

test('plugins_allow restricts what may be loaded', async t => {
  const dir = t.testdir({
    'one.ts': moduleOf('one'),
    node_modules: {
      '@acme': { a: { 'package.json': manifestOf('@acme/a', './index.js'), 'index.js': moduleOf('a') } },
      '@other': { b: { 'package.json': manifestOf('@other/b', './index.js'), 'index.js': 'throw new Error("imported")' } }
    }
  })
  const allow = { plugins_allow: ['builtin:*', '@acme/*'] }
  t.same(
    (await found(t, dir, ['@acme/a', 'npm:@acme/a', 'retry'], allow)).map(({ name }) => name),
    ['a', 'a', 'retry']
  )
  const list = await said(t, dir, ['./one.ts', '@other/b'], allow)
  t.match(list, [
    { code: 'HG_PLUGIN_FORBIDDEN', message: 'p0: "./one.ts" is not in plugins_allow' },
    { code: 'HG_PLUGIN_FORBIDDEN', message: 'p1: "@other/b" is not in plugins_allow' }
  ])
})

test('an experimental plugin needs to be allowed in writing', async t => {
  const dir = t.testdir({ 'new.ts': moduleOf('new').replace('apiVersion: 1', "apiVersion: 1, stability: 'experimental'") })
  t.match(await said(t, dir, ['./new.ts']), [
    { code: 'HG_CONFIG_INVALID', message: 'p0: plugin "new" is experimental', hint: 'set allow_experimental: true to use it' }
  ])
  t.equal((await found(t, dir, ['./new.ts'], { allow_experimental: true }))[0]!.name, 'new')
})
