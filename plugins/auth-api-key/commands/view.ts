import { stateOf, type KeyRecord, type KeyState } from '../key-record.ts'

/** A key as people see it: everything but its digest. */
export interface KeyView extends Omit<KeyRecord, 'digest'> {
  readonly state: KeyState
}

/** What may be shown of a key at `now`. */
export function viewOf({ digest: _hidden, ...shown }: KeyRecord, now: number): KeyView {
  return { ...shown, state: stateOf({ ...shown, digest: '' }, now) }
}
