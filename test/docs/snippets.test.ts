import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { childEnvironment, KEY, ROOT, runHeadgate, startHeadgate, type RunningHeadgate } from '../e2e/command-line.ts'
import { commandsOf, pluginName, snippetsOf, type Snippet } from './snippet.ts'

const DOCUMENTS = ['README.md', 'plugins/README.md', 'config/README.md']
const PUBLIC_URL = /http:\/\/localhost:8080|(?<![/\w])localhost:8080/g
const ANSWERED = /\[demo\] You said: "Hello"/

/** Commands that are not run here, and why. */
const NOT_RUN: { readonly [command: string]: string } = {
  'npm ci': 'it would take away the packages that this test runs on',
  'npm test': 'it is what runs this test'
}

/** What the fragments of YAML in the documents may name without saying what it is. */
const AROUND = {
  plugins: { keys: { use: 'auth-api-key' }, open: { use: 'auth-none' }, router: { use: 'model-router' }, out: { use: 'log-stdout' } },
  providers: { demo: { use: 'provider-demo' } }
}

const snippets = DOCUMENTS.flatMap(snippetsOf)

/** A folder in which packages are found as in a project that has installed them, with the plugins of the documents. */
function project(t: Test): string {
  mkdirSync(join(ROOT, '.tap'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tap/docs-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'plugins'))
  mkdirSync(join(folder, 'test'))
  for (const snippet of snippets) {
    const name = pluginName(snippet)
    if (name === undefined) continue
    for (const file of [`${name}.ts`, `plugins/${name}.ts`]) writeFileSync(join(folder, file), snippet.code, { mode: 0o644 })
  }
  return folder
}

test('every snippet is of a kind that is checked', async t => {
  t.ok(snippets.length >= 12, `${snippets.length} snippets`)
  for (const { at, language } of snippets)
    t.ok(['sh', 'console', 'ts', 'js', 'python', 'yaml', 'json'].includes(language), `${at} is ${language || 'of no kind'}`)
})

test('programs', async t => {
  const gateway = await startHeadgate(t)
  const folder = project(t)
  let number = 0
  for (const snippet of snippets) {
    if (pluginName(snippet) !== undefined) continue
    if (snippet.language === 'ts' || snippet.language === 'js') {
      const file = join(folder, 'test', `snippet-${++number}.ts`)
      writeFileSync(file, snippet.code.replace(PUBLIC_URL, gateway.url))
      const { status, stdout, stderr } = run([process.execPath, file], folder)
      t.equal(status, 0, `${snippet.at} runs: ${stderr.slice(-500)}`)
      if (snippet.code.search(PUBLIC_URL) >= 0) t.match(stdout, ANSWERED, `${snippet.at} is answered`)
    }
    if (snippet.language === 'python') checkPython(t, snippet, gateway, folder)
  }
  t.ok(number >= 3)
})

test('shell commands', async t => {
  const gateway = await startHeadgate(t)
  const folder = project(t)
  const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { [name: string]: string } }).scripts
  for (const snippet of snippets) {
    if (snippet.language !== 'sh' && snippet.language !== 'console') continue
    for (const command of commandsOf(snippet))
      await t.test(`${snippet.at} ${command.slice(0, 60)}`, async t => {
        if (NOT_RUN[command] !== undefined) return t.ok(command === 'npm ci' || scripts[command.slice(4)] !== undefined, NOT_RUN[command])
        if (command === 'npm start') return checkStart(t, folder)
        const { status, stdout, stderr } = run(['sh', '-c', command.replace(PUBLIC_URL, gateway.url)], ROOT, {
          HEADGATE_KEY: KEY,
          HEADGATE_DATA: join(folder, 'data')
        })
        t.equal(status, 0, stderr.slice(-500))
        if (command.startsWith('curl')) t.match(stdout, /\[demo\]/)
        else t.not(stdout.trim(), '', 'it prints something')
      })
  }
})

test('configs and parts of configs', async t => {
  const folder = project(t)
  snippets
    .filter(({ language }) => language === 'yaml')
    .forEach((snippet, at) => {
      const file = join(folder, `config-${at}.yaml`)
      writeFileSync(file, stringify(completed(parse(snippet.code) as Config)))
      const { status, stderr } = runHeadgate(['check', '-c', file], { cwd: folder })
      t.equal(status, 0, `${snippet.at} is valid ${stderr}`)
    })
  for (const snippet of snippets)
    if (snippet.language === 'json')
      t.doesNotThrow(() => {
        JSON.parse(snippet.code)
      }, snippet.at)
  for (const file of globSync('config/**/*.yaml', { cwd: ROOT })) {
    const { status, stdout, stderr } = runHeadgate(['check', '-c', file, '--explain'])
    t.equal(status, 0, `${file} is valid ${stderr}`)
    t.match(stdout, /\w/)
  }
})

test('the plugin of the README in the config of the README', async t => {
  const readme = snippetsOf('README.md')
  const plugin = readme.find(snippet => pluginName(snippet) !== undefined)!
  const config = readme.find(({ language }) => language === 'yaml')!
  t.ok(plugin.code.trimEnd().split('\n').length <= 12, 'the plugin takes at most 12 lines')
  t.equal(readFileSync(join(ROOT, 'config/examples/forbidden-word.ts'), 'utf8'), plugin.code, 'the example is the same')
  t.same(parse(readFileSync(join(ROOT, 'config/examples/local-plugin.yaml'), 'utf8')), parse(config.code), 'so is its config')
  const folder = project(t)
  writeFileSync(join(folder, 'headgate.yaml'), config.code)
  const gateway = await startHeadgate(t, { config: join(folder, 'headgate.yaml') })
  const fine = await chat(gateway, 'Hello')
  t.equal(fine.status, 200)
  t.match(await fine.text(), /\[demo\]/)
  const refused = await chat(gateway, 'The word is swordfish.')
  t.equal(refused.status, 403)
  t.match(await refused.json(), { error: { code: 'forbidden_word', message: 'A word is not allowed here.' } })
})

test('the laptop config serves without a key', async t => {
  const gateway = await startHeadgate(t, { config: join(ROOT, 'config/local.yaml') })
  t.match(await (await chat(gateway, 'Hello', '')).json(), { choices: [{ message: { content: ANSWERED } }] })
})

interface Config {
  version?: number
  plugins?: { [name: string]: unknown }
  providers?: { [name: string]: unknown }
  routes?: { name: string; match: object; pipeline: unknown[] }[]
}

/** A fragment as a whole config: what it does not say is what is usual. */
function completed(config: Config): Config {
  if (config.version !== undefined) return config
  const routes = config.routes ?? [
    { name: 'all', match: { path: '/v1/*' }, pipeline: ['open', ...Object.keys(config.plugins ?? {}), 'router'] }
  ]
  const named = new Set(
    routes.flatMap(({ pipeline }) => pipeline.map(step => (typeof step === 'string' ? step : (step as { plugin: string }).plugin)))
  )
  const missing = Object.entries(AROUND.plugins).filter(([name]) => named.has(name))
  return {
    version: 1,
    plugins: { ...Object.fromEntries(missing), ...config.plugins },
    providers: { ...AROUND.providers, ...config.providers },
    routes
  }
}

function checkPython(t: Test, snippet: Snippet, gateway: RunningHeadgate, folder: string): void {
  const file = join(folder, 'snippet.py')
  writeFileSync(file, snippet.code.replace(PUBLIC_URL, gateway.url))
  if (run(['python3', '--version'], folder).status !== 0) {
    t.match(
      snippet.code,
      /OpenAI\(base_url="http:\/\/localhost:8080\/v1", api_key=/,
      `${snippet.at}: no python3 here, so only its text was looked at`
    )
    return
  }
  const isInstalled = run(['python3', '-c', 'import openai'], folder).status === 0
  const { status, stdout, stderr } = run(
    ['python3', file],
    folder,
    isInstalled ? {} : { PYTHONPATH: join(ROOT, 'test/docs'), PYTHONDONTWRITEBYTECODE: '1' }
  )
  t.equal(status, 0, `${snippet.at} runs${isInstalled ? '' : ' with a stand-in for the package'}: ${stderr}`)
  t.match(stdout, ANSWERED)
}

/** `npm start` as in the README, on ports and in a folder of its own. */
async function checkStart(t: Test, folder: string): Promise<void> {
  const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { [name: string]: string } }).scripts
  t.equal(scripts['start'], 'headgate start', 'it is the command that the other tests start')
  const gateway = await startHeadgate(t, { variables: { HEADGATE_DATA: join(folder, 'first'), HEADGATE_BOOTSTRAP_KEY: '' } })
  const key = /\bhg_[\w-]{49}/.exec(gateway.printed())?.[0]
  t.ok(key !== undefined, 'the first start prints a key')
  t.equal((await chat(gateway, 'Hello', key)).status, 200, 'which works')
}

function chat(gateway: RunningHeadgate, content: string, key: string = KEY): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== '' && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content }] }),
    signal: AbortSignal.timeout(10_000)
  })
}

/** Runs a command to its end with the key of the tests. */
function run(
  command: readonly string[],
  cwd: string,
  variables: { readonly [name: string]: string } = {}
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync('env', ['-u', 'NODE_OPTIONS', ...command], {
    cwd,
    env: childEnvironment({ HEADGATE_KEY: KEY, ...variables }),
    encoding: 'utf8',
    timeout: 60_000
  })
}
