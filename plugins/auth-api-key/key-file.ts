import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { atomicWrite } from './atomic-write.ts'
import { hasCode } from './fs-error.ts'
import { parseKeys, printKeys, type KeyRecord } from './key-record.ts'
import { withLock } from './lock.ts'

/** Path of the key file: `file` beside the config, or `keys.json` in the data folder. */
export function keyFilePath(file: string | undefined, places: { readonly dataDir: string; readonly configDir: string }): string {
  return file === undefined ? join(places.dataDir, 'keys.json') : resolve(places.configDir, file)
}

/** The key file. It is read without a lock, and changed only under one. */
export class KeyFile {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** A text that differs whenever the file was replaced or changed; empty where there is no file. */
  async stamp(): Promise<string> {
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(this.#path)
      return `${mtimeMs}/${ctimeMs}/${size}/${ino}`
    } catch (err) {
      if (hasCode(err, 'ENOENT')) return ''
      throw err
    }
  }

  /** All keys, revoked ones too; none where there is no file. @throws {Error} when it is not a key file */
  async read(): Promise<KeyRecord[]> {
    try {
      return parseKeys(await readFile(this.#path, 'utf8'))
    } catch (err) {
      if (hasCode(err, 'ENOENT')) return []
      throw err
    }
  }

  /** Replaces the keys by what `change` makes of them; the file stays as it is when that is undefined. */
  async update(change: (keys: readonly KeyRecord[]) => readonly KeyRecord[] | undefined): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    await withLock(`${this.#path}.lock`, async () => {
      const next = change(await this.read())
      if (next !== undefined) await atomicWrite(this.#path, printKeys(next))
    })
  }
}
