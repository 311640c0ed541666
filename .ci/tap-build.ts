import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

// tap compiles its own test class from the list of plugins in .taprc. The class that npm installs
// has the TypeScript plugin, which does not work with this compiler; the build takes seconds, so
// it is made only when that plugin is still in.
const built = new URL('../node_modules/@tapjs/test/test-built/dist/esm/index.js', import.meta.url)

if (!existsSync(built) || readFileSync(built, 'utf8').includes('@tapjs/typescript')) {
  const { status } = spawnSync('tap', ['build'], { stdio: 'inherit', shell: process.platform === 'win32' })
  process.exit(status ?? 1)
}
