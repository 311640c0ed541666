import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
const TEMPORARY = fileURLToPath(new URL('../../.tap', import.meta.url))
const DIRECTIVE = /^.*@ts-expect-error.*\n/gm

/** Seconds that checking the contract and everything that uses it here may take, on a machine that does something else too. */
const BUDGET_S = 5

function compile (folder: string, ...options: string[]): { status: number | null, output: string } {
  // The runner puts its own loader into the options of every child; the compiler is to run without it.
  const { status, stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, TSC, '-p', folder, '--noEmit', '--pretty', 'false', ...options], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('the compiler refuses everything that a stage may not do, within the budget', t => {
  const { status, output } = compile(HERE, '--extendedDiagnostics')
  t.equal(status, 0, output)
  const seconds = Number(/^Check time:\s+([\d.]+)s/m.exec(output)?.[1])
  t.ok(seconds < BUDGET_S, `checked in ${seconds} s of ${BUDGET_S}`)
  t.end()
})

test('each of these lines is an error by itself, and a line that is none is noticed', t => {
  // In a folder of the repository, so that the packages are found, and one that no other check reads.
  mkdirSync(TEMPORARY, { recursive: true })
  const copy = mkdtempSync(join(TEMPORARY, 'types-'))
  t.teardown(() => rmSync(copy, { recursive: true, force: true }))
  const files = readdirSync(HERE).filter(name => /(?<!\.test)\.ts$/.test(name))
  const expected = files.map(file => [file, readFileSync(join(HERE, file), 'utf8').match(DIRECTIVE)?.length ?? 0] as const)
  for (const file of files) writeFileSync(join(copy, file), readFileSync(join(HERE, file), 'utf8').replace(DIRECTIVE, '\n'))
  writeFileSync(join(copy, 'unused.ts'), '// @ts-expect-error there is nothing wrong\nexport const fine: number = 1\n')
  writeFileSync(join(copy, 'tsconfig.json'), readFileSync(join(HERE, 'tsconfig.json'), 'utf8'))
  const { status, output } = compile(copy)
  t.not(status, 0)
  for (const [file, count] of expected) {
    const lines = new Set([...output.matchAll(new RegExp(`^.*${file}\\((\\d+),`, 'gm'))].map(match => match[1]))
    t.ok(count >= 9, `${file} has ${count} expectations`)
    t.equal(lines.size, count, `${file}: every expectation is an error of its own`)
  }
  t.match(output, /unused\.ts\(1,1\): error TS2578/)
  t.end()
})
