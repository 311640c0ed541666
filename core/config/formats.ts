import { MAX_TIMER, parseDuration, parseSize } from './units.ts'
import { parseAddress } from './address.ts'

/** A format of a string: its test, what its values are called in messages, and how to write one. */
export interface Format {
  readonly test: (text: string) => boolean
  readonly noun: string
  readonly hint: string
  /** For editors, where the format is one that they do not know. */
  readonly pattern?: string
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && URL.canParse(text)
}

function isTimer(text: string): boolean {
  const ms = parseDuration(text)
  return ms !== undefined && ms <= MAX_TIMER
}

function isRegex(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}

const DURATION_HINT = 'write a number and a unit, such as 500ms, 30s, 5m, 1h or 1d'
const DURATION_PATTERN = '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$'

/** The formats that configs have beyond those of JSON Schema. `timer` and `address` are the shell's own. */
export const FORMATS: { readonly [name: string]: Format } = Object.freeze({
  duration: { test: text => parseDuration(text) !== undefined, noun: 'a duration', hint: DURATION_HINT, pattern: DURATION_PATTERN },
  timer: { test: isTimer, noun: 'a duration of at most 24 days', hint: DURATION_HINT, pattern: DURATION_PATTERN },
  size: {
    test: text => parseSize(text) !== undefined,
    noun: 'a size',
    hint: 'write a number and a unit, such as 64kb, 10mb or 1gb',
    pattern: '^[0-9]+(\\.[0-9]+)?([bB]|[kKmMgGtT][iI]?[bB])?$'
  },
  secret: { test: () => true, noun: 'a secret', hint: 'write "${NAME}" and set the variable' },
  regex: { test: isRegex, noun: 'a regular expression', hint: 'brackets and braces must be closed; a \\ must escape something' },
  uri: { test: isUrl, noun: 'a URL', hint: 'write it whole, such as https://api.example.com/v1' },
  address: {
    test: text => parseAddress(text) !== undefined,
    noun: 'an address',
    hint: 'write host:port, such as 127.0.0.1:8080',
    pattern: '^(\\[[0-9a-fA-F:.%]+\\]|\\*|[A-Za-z0-9_.-]+):[0-9]{1,5}$'
  }
})
