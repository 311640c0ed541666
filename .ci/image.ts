// Puts together what the container image runs: the packages of `npm run build` beside the exact
// dependencies of the lockfile. Usage: node .ci/image.ts <folder>, after `npm ci --omit=dev`.
import { cpSync, existsSync, globSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(resolve(process.argv[2] ?? 'dist/image'), 'node_modules')
const installed = join(root, 'node_modules')

// The root's optional dependencies are Node itself, which the image has; .bin is for npm scripts.
const unwanted = new Set([...Object.keys(manifestOf(root).optionalDependencies ?? {}), '.bin', '.package-lock.json'])

for (const name of globSync(['*', '@*/*', '.*'], { cwd: installed })) {
  if (unwanted.has(name) || /^@[^/]+$/.test(name) || lstatSync(join(installed, name)).isSymbolicLink()) continue
  cpSync(join(installed, name), join(target, name), { recursive: true })
}

for (const folder of globSync('dist/packages/*', { cwd: root })) {
  const { name } = manifestOf(join(root, folder))
  cpSync(join(root, folder), join(target, name), { recursive: true })
  const own = join(realpathSync(join(installed, name)), 'node_modules')
  if (existsSync(own)) cpSync(own, join(target, name, 'node_modules'), { recursive: true })
}

function manifestOf(folder: string): { readonly name: string; readonly optionalDependencies?: object } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; optionalDependencies?: object }
}
