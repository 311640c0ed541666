import { test } from 'tap'
import fc from 'fast-check'
import { SlidingCount } from '../sliding-count.ts'
import { makeRig } from './context.ts'

test('a provider in trouble sees at most a tenth more requests', async t => {
  const rig = await makeRig()
  let repeats = 0
  for (let i = 0; i < 1000; i++) {
    if (rig.fail({ kind: 'server_error', retryClass: 'B' }).action === 'retry') repeats++
  }
  t.ok(repeats >= 80 && repeats <= 100, `${repeats} repetitions of 1000 failures`)
  t.equal(rig.tags['retry_budget'], 'exhausted')
})

test('few requests may be repeated three times in a window, then the window passes', async t => {
  const rig = await makeRig()
  for (let i = 0; i < 3; i++) t.match(rig.fail(), { action: 'retry' })
  t.same(rig.fail(), { action: 'fail' })
  t.match(rig.fail({ target: 'two/m' }), { action: 'retry' }, 'another provider has its own budget')
  t.same(rig.fail({ remaining: ['two/m'], attempt: 1 }), { action: 'next' }, 'without budget the request still moves on')
  t.same(rig.fail({ remaining: ['one/other'], attempt: 2 }), { action: 'fail' }, 'but not to another model of the same provider')
  rig.clock += 121_000
  t.match(rig.fail(), { action: 'retry' })
})

test('an outage of the first provider moves every request, not a tenth of them', async t => {
  const rig = await makeRig()
  for (let i = 0; i < 200; i++) t.equal(rig.fail({ kind: 'overloaded', remaining: ['two/m'] }).action, 'next')
})

test('successes earn repetitions', async t => {
  const rig = await makeRig()
  for (let i = 0; i < 100; i++) rig.attempt('one/m')
  let repeats = 0
  while (repeats < 50 && rig.fail().action === 'retry') repeats++
  t.ok(repeats >= 10 && repeats <= 12, `${repeats} repetitions for about 110 requests`)
})

test('two instances have budgets of their own', async t => {
  const [a, b] = [await makeRig(), await makeRig()]
  for (let i = 0; i < 4; i++) a.fail()
  t.match(b.fail(), { action: 'retry' })
})

test('the sliding count is the events of the window, give or take one slice', async t => {
  fc.assert(
    fc.property(fc.array(fc.nat(400), { maxLength: 200 }), steps => {
      const count = new SlidingCount(1200)
      const times: number[] = []
      let now = 5_000
      for (const step of steps) {
        now += step
        count.add(now)
        times.push(now)
        const least = times.filter(time => time > now - 1100).length
        const most = times.filter(time => time > now - 1200).length
        const counted = count.count(now)
        if (counted < least || counted > most) return false
      }
      return count.count(now + 1200) === 0
    })
  )
  t.pass()
})

test('the clock going back neither counts twice nor throws', async t => {
  const count = new SlidingCount(1200)
  count.add(10_000)
  count.add(9_000)
  t.equal(count.count(9_500), 2)
  t.equal(count.count(20_000), 0)
})
