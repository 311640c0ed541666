import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secret } from '@headgate/api'
import { atomicWrite } from './atomic-write.ts'
import { hasCode } from './fs-error.ts'
import { withLock } from './lock.ts'

const BYTES = 32

/** Where the pepper comes from, and whether it may be made. */
export interface PepperSource {
  readonly configured: Secret | undefined
  readonly dataDir: string
  /** False once there are keys: a new pepper would silently void them all. */
  readonly mayCreate: boolean
}

/**
 * The secret that goes into every digest: from the config, else from the data folder, where the
 * first start makes it.
 *
 * @throws {Error} when it is gone although there are keys, or too short to be a secret
 */
export async function loadPepper(source: PepperSource): Promise<Buffer> {
  if (source.configured !== undefined) return source.configured.use(text => Buffer.from(text))
  const path = join(source.dataDir, 'pepper')
  const found = await readPepper(path)
  if (found !== undefined) return found
  if (!source.mayCreate)
    throw new Error(
      'there are keys but their pepper is gone: restore the file `pepper` of the data folder, or delete the key file and make new keys'
    )
  await mkdir(source.dataDir, { recursive: true, mode: 0o700 })
  return withLock(`${path}.lock`, async () => {
    const made = await readPepper(path)
    if (made !== undefined) return made
    const pepper = randomBytes(BYTES)
    await atomicWrite(path, pepper)
    return pepper
  })
}

async function readPepper(path: string): Promise<Buffer | undefined> {
  try {
    const pepper = await readFile(path)
    if (pepper.length < BYTES) throw new Error(`the file \`pepper\` of the data folder holds fewer than ${BYTES} bytes`)
    return pepper
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return undefined
    throw err
  }
}
