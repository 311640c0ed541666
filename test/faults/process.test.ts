import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'tap'
import { chat, demoConfig, launch, run, serve } from '../cli-process.ts'

test('G1 a YAML mistake ends with 78, its place and a caret', async t => {
  const cases: { readonly [name: string]: readonly [yaml: string, says: RegExp] } = {
    open: ['version: 1\nserver: { listen: "127.0.0.1:0"\n', /^open\.yaml:\d+:\d+ /],
    tab: ['version: 1\nserver:\n\tlisten: 127.0.0.1:0\n', /^tab\.yaml:3:1 .*tab/i],
    twice: ['version: 1\nroutes: []\nroutes: []\n', /^twice\.yaml:3:1 /],
    colon: ['version: 1\nserver: listen: x\n', /^colon\.yaml:2:\d+ /]
  }
  const dir = t.testdir(Object.fromEntries(Object.entries(cases).map(([name, [yaml]]) => [`${name}.yaml`, yaml])))
  await Promise.all(
    Object.keys(cases).map(async name => {
      const { code, stderr, stdout } = await run(['start', '-c', `${name}.yaml`], dir)
      t.equal(code, 78, name)
      t.match(stderr, cases[name]![1])
      t.match(stderr, /\n +\d+ \| .*\n +\| +\^/)
      t.equal(stdout, '')
    })
  )
})

test('G4 a variable that is missing is named, one with YAML in it is only a text, and no value is ever printed', async t => {
  const config = (name: string): string => demoConfig({}, { data: `./data-\${${name}}` })
  const dir = t.testdir({
    'headgate.yaml': config('WHERE'),
    'number.yaml': demoConfig({ again: { use: 'retry', config: { max_attempts: '${WHERE}' } } }),
    'fallback.yaml': config('WHERE:-here')
  })
  const injection = 'planted"\nroutes: []\n# ${HOME} *a &b'
  const [missing, fallback, yaml, wrong] = await Promise.all([
    run(['start'], dir),
    run(['check', '-c', 'fallback.yaml'], dir),
    run(['check'], dir, { WHERE: injection }),
    run(['check', '-c', 'number.yaml'], dir, { WHERE: 'planted-secret' })
  ])
  t.match(missing, { code: 78, stderr: /^headgate\.yaml:\d+:\d+ .*WHERE[\s\S]*\^/ })
  t.match(fallback, { code: 0 })
  t.match(yaml, { code: 0, stdout: /1 route/ }, 'a value cannot become structure')
  t.equal(wrong!.code, 78)
  t.match(wrong!.stderr, /number\.yaml:\d+:\d+ again: /)
  t.notMatch(wrong!.stderr + yaml!.stderr + yaml!.stdout, /planted/)
})

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130]
] as const) {
  test(`G19 a second ${signal} ends at once`, async t => {
    const dir = t.testdir({ 'headgate.yaml': demoConfig({}, { drain: { notice: '30s', streams: '30s' } }) })
    const gateway = await serve(t, dir)
    gateway.child.kill(signal)
    await gateway.printed('"draining"')
    t.equal((await fetch(`${gateway.url}/ready`)).status, 503, 'it says so at once')
    const answer = await chat(gateway.url)
    t.equal(answer.status, 200, 'and serves on')
    t.equal(answer.headers.get('connection'), 'close')
    const since = Date.now()
    gateway.child.kill(signal)
    t.equal(await gateway.ended, code)
    t.ok(Date.now() - since < 2000)
    t.match(gateway.stderr(), 'second signal: stopping at once')
  })
}

test('G18 after SIGTERM it is not ready, serves on for the notice with its connections asked back, and ends with 0', async t => {
  const dir = t.testdir({ 'headgate.yaml': demoConfig({}, { drain: { notice: '1s', streams: '5s' } }) })
  const gateway = await serve(t, dir)
  t.equal((await chat(gateway.url)).headers.get('connection'), 'keep-alive')
  gateway.child.kill('SIGTERM')
  await gateway.printed('"draining"')
  t.equal((await fetch(`${gateway.url}/ready`)).status, 503)
  const late = await chat(gateway.url)
  t.equal(late.status, 200)
  t.equal(late.headers.get('connection'), 'close')
  t.equal(await gateway.ended, 0)
  t.match(gateway.stderr(), /"stopped"/)
})

test('G21 an address that cannot be listened on is said in one line, and nothing is left running', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const dir = t.testdir({ 'headgate.yaml': demoConfig() })
  const [busy, admin, foreign, wrong] = await Promise.all([
    run(['start'], dir, { HEADGATE_LISTEN: `127.0.0.1:${port}` }),
    run(['start'], dir, { HEADGATE_ADMIN: `127.0.0.1:${port}` }),
    run(['start'], dir, { HEADGATE_LISTEN: '192.0.2.1:8080' }),
    run(['start'], dir, { HEADGATE_LISTEN: 'somewhere' })
  ])
  for (const { code, stderr } of [busy!, admin!]) {
    t.equal(code, 78)
    t.equal(
      stderr,
      `headgate: cannot listen on 127.0.0.1:${port}: another process listens there; stop it, or choose another port with HEADGATE_LISTEN or server.listen\n`
    )
  }
  t.match(foreign, { code: 78, stderr: /^headgate: cannot listen on 192\.0\.2\.1:8080: this machine has no such address\n$/ })
  t.match(wrong, { code: 78, stderr: /HEADGATE_LISTEN must be host:port/ })
})

test('G23 a reader of standard output or error that goes away does not end the gateway', async t => {
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ log: { use: 'log-stdout' } }) })
  const gateway = await serve(t, dir)
  t.equal((await chat(gateway.url)).status, 200)
  gateway.child.stdout!.destroy()
  for (let i = 0; i < 5; i++) t.equal((await chat(gateway.url)).status, 200)
  await gateway.printed('the request log cannot be written any more')
  gateway.child.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
  t.match(gateway.stderr(), /"dropped":\d+,"msg":"request log lines were lost"/, 'counted')

  const deaf = await serve(t, dir)
  deaf.child.stdout!.destroy()
  deaf.child.stderr!.destroy()
  for (let i = 0; i < 5; i++) t.equal((await chat(deaf.url)).status, 200)
  deaf.child.kill('SIGTERM')
  t.equal(await deaf.ended, 0)
})

test('G23 a pipe that nobody empties blocks the log, not the requests', async t => {
  const dir = t.testdir({ 'headgate.yaml': demoConfig({ log: { use: 'log-stdout', config: { bodies: true } } }) })
  const child = launch(['start'], dir, {}, ['ignore', 'pipe', 'pipe'])
  t.teardown(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stdout!.pause()
  child.stderr!.on('data', (piece: Buffer) => {
    stderr += piece.toString()
  })
  while (!/listening on (\S+)\n/.test(stderr)) await once(child.stderr!, 'data')
  const url = /listening on (\S+)\n/.exec(stderr)![1]!
  const content = 'x'.repeat(100_000)
  for (let i = 0; i < 8; i++) t.equal((await chat(url, { messages: [{ role: 'user', content }] })).status, 200)
})
