// Makes what is published: dist/packages/<package> with JavaScript, declarations and assets for
// every workspace package, and with --pack a tarball of each in dist/tarballs.
// --out <folder> puts both elsewhere.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** A value of a package.json. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

const { values } = parseArgs({ options: { pack: { type: 'boolean', default: false }, out: { type: 'string', default: 'dist' } } })
const root = fileURLToPath(new URL('..', import.meta.url))
const out = resolve(root, values.out)
const compiled = join(out, 'compiled')

rmSync(out, { recursive: true, force: true })
run('tsc', ['-p', 'tsconfig.build.json', '--outDir', compiled])
const folders = globSync(['core', 'core/api', 'plugins/*'], { cwd: root }).filter(folder => existsSync(join(root, folder, 'package.json')))
const packages = folders.map(makePackage)
rmSync(compiled, { recursive: true })
if (values.pack) pack(packages)
process.stdout.write(`built ${packages.length} packages in ${values.out}/\n`)

/** Makes the package of one folder and returns where it stands. */
function makePackage(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { readonly [key: string]: Json }
  const target = join(out, 'packages', String(manifest['name']).replace('@headgate/', ''))
  for (const file of ownFiles(join(compiled, folder), folder)) copy(join(compiled, folder, file), join(target, file))
  for (const file of ownFiles(join(root, folder), folder).filter(isAsset)) copy(join(root, folder, file), join(target, file))
  if (!existsSync(join(target, 'LICENSE'))) copy(join(root, 'LICENSE'), join(target, 'LICENSE'))
  writeFileSync(join(target, 'package.json'), JSON.stringify(published(manifest), null, 2) + '\n')
  return target
}

/** Files below a folder that belong to its package: no other package inside it, no tests, nothing installed. */
function ownFiles(path: string, folder: string): string[] {
  const inside = folder === 'core' ? /^(api|node_modules)(\/|$)/ : /^node_modules(\/|$)/
  const tests = folder.startsWith('plugins') ? /^test(\/|$)/ : /\.test\.|^(?!api)[^/]+\/test(\/|$)/
  return globSync('**/*', { cwd: path, withFileTypes: true, exclude: entry => entry.name === 'node_modules' })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(path.length + 1))
    .filter(file => !inside.test(file) && !tests.test(file))
}

function isAsset(file: string): boolean {
  return file !== 'package.json' && (!file.endsWith('.ts') || file.includes('templates/'))
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
  if (to.endsWith('.d.ts')) writeFileSync(to, readFileSync(to, 'utf8').replace(/(['"]\.\.?\/[^'"]+)(?<!\.d)\.ts(['"])/g, '$1.js$2'))
}

/** The manifest as it is published: compiled files instead of sources, nothing for development. */
function published(manifest: { readonly [key: string]: Json }): Json {
  // The folder holds nothing but what is published, so there is nothing for `files` to choose.
  const { devDependencies: _development, scripts: _scripts, private: _private, files: _files, exports: entries, ...rest } = manifest
  return { ...(javascript(rest) as object), exports: withTypes(entries ?? './index.ts') }
}

function withTypes(entry: Json): Json {
  if (typeof entry === 'string') {
    return entry.endsWith('.ts') ? { types: entry.replace(/\.ts$/, '.d.ts'), default: entry.replace(/\.ts$/, '.js') } : entry
  }
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return entry
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, withTypes(value)]))
}

function javascript(value: Json): Json {
  if (typeof value === 'string') return /^\.?[\w./-]+\.ts$/.test(value) ? value.replace(/\.ts$/, '.js') : value
  if (Array.isArray(value)) return value.map(javascript)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, javascript(item)]))
}

function pack(targets: readonly string[]): void {
  mkdirSync(join(out, 'tarballs'), { recursive: true })
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', join(out, 'tarballs'), ...targets])
}

function run(command: string, args: readonly string[]): void {
  const path = `${join(root, 'node_modules/.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}`
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
    shell: process.platform === 'win32'
  })
  if (status !== 0) throw new Error(`${command} ${args[0]} failed with status ${status}`)
}
