#!/usr/bin/env node
// The only file that must run on every Node: it says what to do on one that is too old. So no
// syntax and no module prefix younger than ES modules themselves.
import { existsSync } from 'fs'
import nodeModule from 'module'

var version = process.versions.node.split('.').map(Number)

if (version[0] < 22 || (version[0] === 22 && version[1] < 19)) {
  process.stderr.write(
    'headgate needs Node 22.19 or newer, this is ' +
      process.versions.node +
      '. To run it with another Node, without installing that:\n\n' +
      '  npx -y -p node@24 -p headgate headgate ' +
      process.argv.slice(2).join(' ') +
      '\n\n'
  )
  process.exitCode = 1
} else {
  // Off where the folder cannot be written, which is not an error.
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache()
  import(existsSync(new URL('../cli/main.ts', import.meta.url)) ? '../cli/main.ts' : '../cli/main.js').then(run).catch(fail)
}

function run(cli) {
  return cli.main(process.argv.slice(2)).then(code => {
    if (code === undefined) return
    process.exitCode = code
    // A plugin that failed to start may have left timers or sockets behind that would keep a finished command alive.
    setTimeout(() => process.exit(), 500).unref()
  })
}

function fail(err) {
  process.stderr.write(((err && err.stack) || String(err)) + '\n')
  process.exitCode = 1
}
