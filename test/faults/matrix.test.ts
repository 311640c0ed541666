// Every row of the fault matrix that is served has a test whose title begins with its id.
import { globSync, readFileSync } from 'node:fs'
import { test } from 'tap'

const ROWS = ['U1-17', 'U20-30', 'U33-34', 'C1-17', 'C22-29', 'P1-10', 'P12-13', 'P15-23', 'P27', 'G1-4', 'G18-19', 'G21', 'G23']

test('no row is without a test', async t => {
  const root = new URL('../../', import.meta.url)
  const proven = new Set<string>()
  for (const file of globSync('{test,plugins}/**/*.test.ts', { cwd: root.pathname, exclude: path => path.includes('node_modules') })) {
    const titles = readFileSync(new URL(file, root), 'utf8').matchAll(/\btest\(\s*[`'"]((?:[UCPGK]\d+[ ,]+)+)/g)
    for (const [, ids] of titles) for (const id of (ids as string).split(/[ ,]+/)) proven.add(id)
  }
  for (const row of ROWS.flatMap(expand)) t.ok(proven.has(row), row)
})

function expand(range: string): string[] {
  const [, letter = '', first = '', last = first] = /^([A-Z])(\d+)(?:-(\d+))?$/.exec(range) ?? []
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => `${letter}${Number(first) + at}`)
}
