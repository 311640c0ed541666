import { join } from 'node:path'
import { test } from 'tap'
import { chat, demoConfig, run, serve } from '../cli-process.ts'

const HEAD =
  "import { definePlugin } from '@headgate/api'\nexport default definePlugin({ name: 'local', apiVersion: 1, configSchema: { type: 'object', additionalProperties: false },\n"

/** A local plugin from the text of its `setup`. */
function local(setup: string): string {
  return `${HEAD}  setup: ({ name }) => (${setup}) })\n`
}

const STRAY = `{
  request (ctx) {
    const how = ctx.headers['x-how']
    if (how !== name) return
    if (how === 'reject') Promise.reject(new Error('floating'))
    if (how === 'undefined') Promise.reject(undefined)
    if (how === 'timer') setTimeout(() => { throw new Error('in a timer') }, 1)
    if (how === 'await') (async () => { await null; await null; throw new Error('after an await') })()
    if (how === 'emitter') setImmediate(() => { new (process.getBuiltinModule('node:events'))().emit('error', new Error('nobody listens')) })
  }
}`

test('P3 stray errors are survived and charged to their plugin; the third one quarantines it', async t => {
  const ways = ['reject', 'undefined', 'timer', 'await', 'emitter']
  const pipelines = Object.fromEntries(ways.map(how => [how, { use: './stray.ts' }]))
  const config = JSON.parse(demoConfig(pipelines)) as { routes: { name: string; match: object; pipeline: string[] }[] }
  config.routes.unshift(
    ...ways.map(how => ({ name: how, match: { path: '/v1/*', header: { 'x-route': how } }, pipeline: ['open', how, 'router'] }))
  )
  const dir = t.testdir({ 'headgate.yaml': JSON.stringify(config), 'stray.ts': local(STRAY) })
  const gateway = await serve(t, dir, { HEADGATE_ADMIN: '127.0.0.1:0' })
  for (const how of ways) {
    for (let strike = 1; strike <= 3; strike++) {
      t.equal((await chat(gateway.url, {}, { 'x-how': how, 'x-route': how })).status, 200)
      await gateway.printed(`"plugin":"${how}","strikes":${strike}`)
    }
    t.match(gateway.stderr(), `"plugin":"${how}","strikes":3,"quarantined":true,"msg":"plugin \\"${how}\\" left an error unhandled"`)
    const answer = await chat(gateway.url, {}, { 'x-route': how })
    t.equal(answer.status, 500, 'what it should have decided is not left undecided')
    t.match(await answer.json(), { error: { code: 'plugin_error' } })
    t.match(
      await (await fetch(`${gateway.adminUrl}/metrics`)).text(),
      `headgate_plugin_errors_total{plugin="${how}",hook="any",kind="unhandled"} 3`
    )
  }
  t.equal((await fetch(`${gateway.url}/health`)).status, 200)
  t.equal((await chat(gateway.url)).status, 500, 'quarantined is the instance, on whatever route')
})

test('P3 a quarantined plugin that may fail is left out, and other requests never notice', async t => {
  const config = demoConfig({ stray: { use: './stray.ts', on_error: 'allow' } })
  const dir = t.testdir({
    'headgate.yaml': config,
    'stray.ts': local(STRAY.replace('if (how !== name) return', "ctx.setHeader('x-stray', 'ran')"))
  })
  const gateway = await serve(t, dir)
  for (let strike = 1; strike <= 3; strike++) {
    const answers = await Promise.all([chat(gateway.url, {}, { 'x-how': 'timer' }), chat(gateway.url), chat(gateway.url)])
    t.same(
      answers.map(answer => answer.status),
      [200, 200, 200]
    )
    await gateway.printed(`"strikes":${strike}`)
  }
  const answer = await chat(gateway.url)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('x-stray'), null, 'it does not run any more')
})

test('P3 a timer that start left running is charged to its plugin too', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig({ stray: { use: './stray.ts' } }),
    'stray.ts': local("{ start () { setTimeout(() => { throw new Error('background') }, 5) }, receive () {} }")
  })
  const gateway = await serve(t, dir)
  await gateway.printed('"plugin":"stray","strikes":1')
  t.equal((await chat(gateway.url)).status, 200)
})

for (const [hook, body] of [
  ['request', 'request () { BLOCK }'],
  ['log', 'log () { BLOCK }'],
  ['stream', 'stream () { return { text (delta) { BLOCK; return delta } } }']
] as const) {
  test(`P5 the watchdog names the plugin whose ${hook} hook blocks the event loop`, async t => {
    const blocking = `{ ${body.replace('BLOCK', 'if (!globalThis.blocked) { globalThis.blocked = true; const until = Date.now() + 1600; while (Date.now() < until); }')} }`
    const dir = t.testdir({ 'headgate.yaml': demoConfig({ hog: { use: './hog.ts' } }), 'hog.ts': local(blocking) })
    const gateway = await serve(t, dir, { HEADGATE_ADMIN: '127.0.0.1:0' })
    const answer = await chat(gateway.url, { stream: hook === 'stream' })
    await answer.text()
    await gateway.printed('plugin \\"hog\\" blocked the event loop')
    t.match(
      gateway.stderr(),
      /"plugin":"hog","blocked_ms":\d+,"msg":"plugin \\"hog\\" is blocking the event loop"/,
      'said while it was stuck'
    )
    t.match(await (await fetch(`${gateway.adminUrl}/metrics`)).text(), /headgate_eventloop_blocked_total\{plugin="hog"\} 1/)
  })
}

test('P19 a setup or start that throws ends with exit code 78 and names the instance; what stood is torn down in reverse', async t => {
  const noisy = (name: string, more = ''): string =>
    `{ start () { process.stderr.write('start ${name}\\n'); setInterval(() => {}, 1000); ${more} }, close () { process.stderr.write('close ${name}\\n') }, receive () {} }`
  const dir = t.testdir({
    'headgate.yaml': demoConfig({ one: { use: './one.ts' }, two: { use: './two.ts' }, three: { use: './three.ts' } }),
    'one.ts': local(noisy('one')),
    'two.ts': local(noisy('two')),
    'three.ts': local(noisy('three', "throw new Error('no database')"))
  })
  const started = await run(['start'], dir)
  t.equal(started.code, 78)
  t.match(
    started.stderr,
    /start one\nstart two\nstart three\nclose three\nclose two\nclose one\nheadgate: three: start failed: no database\n$/
  )

  const other = t.testdir({
    'headgate.yaml': demoConfig({ one: { use: './one.ts' }, two: { use: './two.ts' } }),
    'one.ts': local(noisy('one')),
    'two.ts': `${HEAD}  setup () { throw new Error('bad luck') } })\n`
  })
  const set = await run(['start'], other)
  t.equal(set.code, 78)
  t.match(set.stderr, /close one\nheadgate\.yaml:\d+:\d+ two: setup failed: bad luck\n/)
  t.notMatch(set.stderr, /start one/)
})

test('P27 local plugins come from below the config only', async t => {
  const good = local('{ receive () {} }')
  const dir = t.testdir({
    'outside.ts': good,
    gateway: {
      'up.yaml': demoConfig({ p: { use: '../outside.ts' } }),
      'far.yaml': demoConfig({ p: { use: '../../../../../../../../etc/passwd' } }),
      'absolute.yaml': demoConfig({ p: { use: '/etc/passwd' } }),
      'link.yaml': demoConfig({ p: { use: './link.ts' } }),
      'writable.yaml': demoConfig({ p: { use: './writable.ts' } }),
      'entry.yaml': demoConfig({ p: { use: './folder' } }),
      'link.ts': t.fixture('symlink', '../outside.ts'),
      'writable.ts': good,
      folder: { 'package.json': '{"type":"module","exports":"../../outside.ts"}' }
    }
  })
  const { chmodSync } = await import('node:fs')
  chmodSync(join(dir, 'gateway/writable.ts'), 0o666)
  const refused: { [config: string]: RegExp } = {
    up: /p: "\.\.\/outside\.ts" lies outside/,
    far: /passwd" lies outside/,
    absolute: /p: "\/etc\/passwd" lies outside/,
    link: /p: "\.\/link\.ts" is a link to a place outside/,
    writable: /p: "\.\/writable\.ts" can be written by every user of this machine[\s\S]*chmod o-w writable\.ts/,
    entry: /p: "\.\/folder" is a link to a place outside/
  }
  await Promise.all(
    Object.keys(refused).map(async name => {
      const { code, stderr } = await run(['check', '-c', `${name}.yaml`], join(dir, 'gateway'))
      t.equal(code, 78, name)
      t.match(stderr, refused[name]!)
    })
  )
  const atRoot = await run(['check', '-c', join(dir, 'gateway/up.yaml')], '/')
  t.equal(atRoot.code, 78, 'a working directory of / does not open everything')
})

test('P20 an instance that never closes does not keep the process', async t => {
  const dir = t.testdir({
    'headgate.yaml': demoConfig({ clingy: { use: './clingy.ts' } }),
    'clingy.ts': local("{ receive () {}, close () { setInterval(() => {}, 1000); throw new Error('stuck') } }")
  })
  const gateway = await serve(t, dir)
  gateway.child.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
  t.match(gateway.stderr(), /clingy: close failed: stuck/)
})
