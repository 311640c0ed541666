import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const root = fileURLToPath(new URL('../..', import.meta.url))

// The runner puts its own loader into the options of every child, so they are taken out after that.
const UNSET = ['-u', 'NODE_OPTIONS']

const PLUGIN_MANIFEST = {
  name: '@acme/headgate-plugin-words',
  version: '1.0.0',
  type: 'module',
  keywords: ['headgate-plugin'],
  exports: './index.js',
  headgate: { apiVersion: 1, plugins: { '.': 'plugin' } },
  peerDependencies: { '@headgate/api': '^0.1.0' }
}

const PLUGIN = `
import { definePlugin, reject } from '@headgate/api'

export default definePlugin({
  name: '@acme/headgate-plugin-words',
  apiVersion: 1,
  configSchema: {
    type: 'object',
    properties: { word: { type: 'string', description: 'The word that is refused' } },
    required: ['word'],
    additionalProperties: false
  },
  setup: ({ config }) => ({
    request (ctx) {
      for (const span of ctx.texts()) {
        if (span.text.includes(config.word)) throw reject(403, 'forbidden_word', 'a word is not allowed here')
      }
      ctx.setHeader('x-acme-words', 'clean')
    }
  })
})
`

const CONFIG = `
version: 1
server: { listen: 127.0.0.1:0, admin: false }
plugins:
  open: { use: auth-none }
  words: { use: '@acme/headgate-plugin-words', config: { word: swordfish } }
  router: { use: model-router, config: { models: { demo: [demo/demo] } } }
providers:
  demo: { use: provider-demo }
routes:
  - { name: all, match: { path: /v1/* }, pipeline: [open, words, router] }
`

test('packed packages and a plugin from outside work in an empty project', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-pack-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const tarballs = [...packWorkspace(folder), packPlugin(folder)]
  t.ok(
    tarballs.some(file => file.endsWith('headgate-api-0.1.0.tgz')),
    'the contract is packed'
  )

  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }\n')
  writeFileSync(join(project, 'gateway.yaml'), CONFIG)
  run(project, 'npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs])

  const gateway = await start(project)
  t.teardown(() => stop(gateway.child))

  const clean = await chat(gateway.url, 'hello')
  t.equal(clean.status, 200, await clean.text())
  t.equal(clean.headers.get('x-acme-words'), 'clean', 'the plugin from outside ran')

  const refused = await chat(gateway.url, 'the password is swordfish')
  t.equal(refused.status, 403)
  t.match(await refused.json(), { error: { code: 'forbidden_word' } })
})

test('the command says how to get a Node when this one is too old', t => {
  const bin = join(root, 'core/bin/headgate.js')
  const pretend = 'data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.11.0" })'
  const { status, stderr } = spawnSync(process.execPath, ['--import', pretend, bin, 'start'], { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /needs Node 22\.19 or newer, this is 20\.11\.0/)
  t.match(stderr, /npx -y -p node@24 -p headgate headgate start/)
  t.end()
})

function packWorkspace(folder: string): string[] {
  const out = join(folder, 'dist')
  run(root, process.execPath, ['.ci/build.ts', '--pack', '--out', out])
  return readdirSync(join(out, 'tarballs')).map(file => join(out, 'tarballs', file))
}

function packPlugin(folder: string): string {
  const source = join(folder, 'words')
  mkdirSync(source)
  writeFileSync(join(source, 'package.json'), JSON.stringify(PLUGIN_MANIFEST))
  writeFileSync(join(source, 'index.js'), PLUGIN)
  return join(source, run(source, 'npm', ['pack', '--silent']).trim())
}

/** Runs a command to its end and returns what it printed. */
function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('env', [...UNSET, command, ...args], { cwd, encoding: 'utf8', env: outsideEnv() })
  if (status !== 0) throw new Error(`${command} ${args[0]} failed with status ${status}: ${stderr}${stdout}`)
  return stdout
}

/** The environment without what the surrounding npm script and test runner put there: a stranger has none of it. */
function outsideEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|cache|userconfig))|INIT_CWD|_?TAP|HEADGATE_|NODE_V8_COVERAGE)/.test(name)
  )
  return Object.fromEntries(entries)
}

async function start(project: string): Promise<{ url: string; child: ChildProcess }> {
  const env = { ...outsideEnv(), HEADGATE_CONFIG: 'gateway.yaml', HEADGATE_LISTEN: '127.0.0.1:0' }
  const child = spawn('env', [...UNSET, 'npx', 'headgate', 'start'], {
    cwd: project,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  return { url: await listening(child), child }
}

/** The URL that a started gateway prints, on whichever stream. Both are kept empty, or it would stop at a full pipe. */
function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const read = (text: string): void => {
      printed += text
      const url = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(printed)?.[1]
      if (url !== undefined) resolve(url)
    }
    child.stdout?.setEncoding('utf8').on('data', read)
    child.stderr?.setEncoding('utf8').on('data', read)
    child.once('exit', () => reject(new Error(`headgate start ended: ${printed}`)))
  })
}

/** npx does not pass a signal on to what it runs: the whole group gets it. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exited
}

function chat(url: string, content: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content }] }),
    signal: AbortSignal.timeout(10_000)
  })
}
