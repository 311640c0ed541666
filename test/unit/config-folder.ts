import { join } from 'node:path'
import type { Test } from 'tap'
import { ConfigError } from '../../core/config/diagnostics.ts'
import { readDocument, type ConfigDocument } from '../../core/config/document.ts'
import { formatDiagnostics } from '../../core/config/format.ts'
import { loadConfig, type LoadedConfig, type Overrides } from '../../core/config/load.ts'
import type { Diagnostic } from '../../core/config/types.ts'

/** Files of a test, by name; a name may hold folders. */
export interface Files {
  readonly [name: string]: string
}

export interface Env {
  readonly [name: string]: string | undefined
}

/** Writes the files into a folder of their own and returns its path. */
export function folder(t: Test, files: Files): string {
  const tree: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(files)) {
    const parts = name.split('/')
    let level = tree
    for (const part of parts.slice(0, -1)) {
      level[part] ??= {}
      level = level[part] as Record<string, unknown>
    }
    level[parts.at(-1) ?? name] = text
  }
  return t.testdir(tree as Parameters<Test['testdir']>[0])
}

export function read(t: Test, files: Files | string, env: Env = {}): ConfigDocument {
  const dir = folder(t, typeof files === 'string' ? { 'headgate.yaml': files } : files)
  return readDocument(join(dir, 'headgate.yaml'), { env })
}

export function load(t: Test, files: Files | string, env: Env = {}, overrides: Overrides = {}): LoadedConfig {
  const dir = folder(t, typeof files === 'string' ? { 'headgate.yaml': files } : files)
  return loadConfig(join(dir, 'headgate.yaml'), { env, overrides })
}

/** The diagnostics that reading or loading ends with; empty when nothing is wrong. */
export function mistakes(t: Test, files: Files | string, env: Env = {}): readonly Diagnostic[] {
  try {
    return load(t, files, env).report.list
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics
    throw error
  }
}

/** The same as printed, with file names relative to the folder of the config. */
export function printed(t: Test, files: Files | string, env: Env = {}): string {
  const list = mistakes(t, files, env)
  return formatDiagnostics(list, { color: false, cwd: t.testdirName })
}
