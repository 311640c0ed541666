import { mock } from 'node:test'
import type { Instance, Plugin } from '@headgate/api'
import { captureLog, createTestGateway } from '@headgate/api/test'
import { ConfigError, Gateway } from 'headgate'
import { test, type Test } from 'tap'
import { pluginOf } from '../plugin-of.ts'

const never = (): Promise<never> => new Promise(() => undefined)

/** A gateway of these plugins, in this order, without a listener. */
function load(t: Test, plugins: { readonly [name: string]: Plugin }): Promise<Gateway> {
  const auth = pluginOf('auth', { authenticate: () => ({ id: 'x' }) })
  const names = ['auth', ...Object.keys(plugins)]
  const config = {
    version: 1,
    server: { data: './data' },
    plugins: Object.fromEntries(names.map(name => [name, { use: name }])),
    routes: [{ name: 'r', match: { path: '/*' }, pipeline: names }]
  }
  const dir = t.testdir({ 'headgate.yaml': JSON.stringify(config) })
  return Gateway.load({
    file: `${dir}/headgate.yaml`,
    log: captureLog().log,
    plugins: { auth, ...plugins },
    overrides: { data: `${dir}/data` }
  })
}

/** Lets the clock run, with the promises in between, until `pending` has settled or `ms` have passed. */
async function clockUntil(pending: Promise<unknown>, ms: number): Promise<number> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  pending.then(note, note)
  let passed = 0
  for (; !settled && passed < ms; passed += 500) {
    mock.timers.tick(500)
    await new Promise(resolve => setImmediate(resolve))
  }
  return passed
}

function clock(t: Test): void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => {
    mock.timers.reset()
  })
}

function noisy(name: string, seen: string[], more: Instance = {}): Plugin {
  return pluginOf(name, {
    receive() {},
    start() {
      seen.push(`start ${name}`)
    },
    close() {
      seen.push(`close ${name}`)
    },
    ...more
  })
}

test('P19 a setup that hangs ends the boot within 30 s, by name, and closes what stood', async t => {
  clock(t)
  const seen: string[] = []
  const hanging = Object.freeze({ ...noisy('hanging', seen), setup: never }) as unknown as Plugin
  const pending = load(t, { one: noisy('one', seen), hanging, two: noisy('two', seen) })
  const error = pending.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  const took = await clockUntil(pending, 60_000)
  t.ok(took >= 30_000 && took <= 31_000, `${took} ms`)
  const thrown = await error
  t.type(thrown, ConfigError)
  t.match((thrown as ConfigError).diagnostics, [{ code: 'HG_PLUGIN_SETUP', message: 'hanging: setup failed: it took longer than 30 s' }])
  t.same(seen, ['close two', 'close one'], 'in reverse, and nothing was started')
})

test('P19 a start that hangs ends the boot within 30 s, by name, and closes everything in reverse', async t => {
  clock(t)
  const seen: string[] = []
  const gateway = await load(t, { one: noisy('one', seen), hanging: noisy('hanging', seen, { start: never }), two: noisy('two', seen) })
  const pending = gateway.start()
  const error = pending.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  const took = await clockUntil(pending, 60_000)
  t.ok(took >= 30_000 && took <= 31_000, `${took} ms`)
  t.match(await error, { code: 'HG_PLUGIN_START', message: 'hanging: start failed: it took longer than 30 s' })
  t.same(seen, ['start one', 'close two', 'close hanging', 'close one'])
  t.equal(gateway.ready, false)
})

test('P20 a close that hangs is left behind after 5 s, and the others are closed all the same', async t => {
  const seen: string[] = []
  let deadline: AbortSignal | undefined
  const hanging = noisy('hanging', seen, {
    close(signal) {
      deadline = signal
      return never()
    }
  })
  const gateway = await load(t, {
    one: noisy('one', seen),
    hanging,
    bad: noisy('bad', seen, {
      close() {
        throw new Error('stuck')
      }
    }),
    two: noisy('two', seen)
  })
  await gateway.start()
  seen.length = 0
  clock(t)
  const pending = gateway.close()
  const took = await clockUntil(pending, 60_000)
  t.ok(took >= 5_000 && took <= 6_000, `${took} ms`)
  t.same(await pending, ['bad: close failed: stuck', 'hanging: close failed: it took longer than 5 s'])
  t.same(seen, ['close two', 'close one'])
  t.type(deadline, AbortSignal)
})

test('an import that hangs ends the boot after 10 s', async t => {
  const dir = t.testdir({
    'headgate.yaml': JSON.stringify({ version: 1, plugins: { slow: { use: './slow.mjs' } }, routes: [] }),
    'slow.mjs': 'await new Promise(() => {})\nexport default 1\n'
  })
  clock(t)
  const pending = Gateway.load({ file: `${dir}/headgate.yaml`, log: captureLog().log })
  const error = pending.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  const took = await clockUntil(pending, 60_000)
  t.ok(took >= 10_000 && took <= 11_000, `${took} ms`)
  t.match(((await error) as ConfigError).diagnostics, [
    { code: 'HG_PLUGIN_IMPORT', message: 'slow: "./slow.mjs" cannot be imported: importing it took longer than 10 s' }
  ])
})

test('instances start before the first request and in the order of the file; two of one plugin are apart', async t => {
  const seen: string[] = []
  const counter = (): Plugin =>
    pluginOf('counter', () => {
      let requests = 0
      return {
        start() {
          seen.push('start')
        },
        request(ctx) {
          ctx.setHeader(`x-count-${seen.length}`, String(++requests))
        }
      }
    })
  const gw = await createTestGateway(t, { plugins: { a: counter(), b: noisy('b', seen), c: noisy('c', seen) } })
  t.same(seen, ['start', 'start b', 'start c'])
  await gw.chat()
  await gw.close()
  await gw.close()
  t.same(seen.slice(3), ['close c', 'close b'], 'closed once, in reverse')
})
