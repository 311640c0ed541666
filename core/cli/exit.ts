/** Exit codes, those of sysexits.h where it has one. */
export const EXIT = Object.freeze({ ok: 0, failed: 1, usage: 64, internal: 70, config: 78 })

/** A command line that is not understood. */
export class UsageError extends Error {
  readonly code = 'HG_USAGE'

  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
