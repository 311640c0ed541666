import type { Log, Secret } from '@headgate/api'
import { digestOf } from './digest.ts'
import { hasCode } from './fs-error.ts'
import { isChosen, mintKey, MIN_CHOSEN_KEY, shownPart } from './key.ts'
import type { KeyFile } from './key-file.ts'
import type { KeyRecord } from './key-record.ts'

const BOOTSTRAP = 'bootstrap'

/** What making the first key needs. */
export interface FirstKeySource {
  readonly file: KeyFile
  readonly pepper: Buffer
  readonly now: () => number
  readonly log: Log
  readonly announce: (lines: readonly string[]) => void
}

/** Refuses a bootstrap key that is too weak. @throws {Error} */
export function checkBootstrapKey(key: Secret | undefined): void {
  if (key !== undefined && !key.use(isChosen))
    throw new Error(`HEADGATE_BOOTSTRAP_KEY is not a key: at least ${MIN_CHOSEN_KEY} printable characters, beginning with hg_`)
}

/**
 * Registers the bootstrap key under the id `bootstrap`; one that was revoked stays revoked. Returns
 * the keys that could not be written because the file is read-only and are to be held in memory.
 */
export async function registerBootstrapKey(key: Secret, { file, pepper, now, log }: FirstKeySource): Promise<readonly KeyRecord[]> {
  const digest = key.use(text => digestOf(text, pepper))
  const record: KeyRecord = { id: BOOTSTRAP, name: BOOTSTRAP, prefix: key.use(shownPart), digest, created: new Date(now()).toISOString() }
  if ((await file.read()).some(known => known.digest === digest)) return []
  try {
    await file.update(keys => [...keys.filter(known => known.id !== BOOTSTRAP && known.digest !== digest), record])
    return []
  } catch (err) {
    if (!hasCode(err, 'EROFS', 'EACCES', 'EPERM')) throw err
    log.warn({ err }, 'the key file cannot be written; the bootstrap key is held in memory')
    return [record]
  }
}

/** Makes one key where there is none yet, and shows it once. */
export async function makeFirstKey({ file, pepper, now, announce }: FirstKeySource): Promise<void> {
  if ((await file.read()).length > 0) return
  const key = mintKey()
  let made = false
  await file.update(keys => {
    made = keys.length === 0
    return made
      ? [{ id: 'first', name: 'first', prefix: shownPart(key), digest: digestOf(key, pepper), created: new Date(now()).toISOString() }]
      : undefined
  })
  if (made)
    announce([
      'The first API key. It is shown once: only its hash is stored.',
      '',
      `  ${key}`,
      '',
      'More keys: headgate keys create --name <name>'
    ])
}
