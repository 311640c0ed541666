/** Significant digits, without leading and trailing zeros, and the power of ten of the last of them. */
interface Decimal {
  readonly digits: string
  readonly exponent: number
}

/** Longer numbers are taken as not exact without looking: no double prints in so many characters. */
const MAX_LENGTH = 40

/** Numbers of up to 15 digits without an exponent always survive, so most never get further than this. */
const SAFE_DIGITS = 15

function decimalOf(text: string): Decimal {
  const unsigned = text.startsWith('-') ? text.slice(1) : text
  const [mantissa = '', power = '0'] = unsigned.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const all = (whole + fraction).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return { digits: '0', exponent: 0 }
  return { digits, exponent: Number(power) - fraction.length + (all.length - digits.length) }
}

/**
 * True when a JSON number means the same after `JSON.parse` and `JSON.stringify`. The spelling may
 * change (`1.0`, `1e2`), the value may not; minus zero loses its sign and so is not exact.
 */
export function isExact(text: string): boolean {
  if (text.length > MAX_LENGTH) return false
  const value = Number(text)
  if (!Number.isFinite(value) || Object.is(value, -0)) return false
  if (text.length <= SAFE_DIGITS && !/[eE]/.test(text)) return true
  const before = decimalOf(text)
  const after = decimalOf(String(value))
  return before.digits === after.digits && before.exponent === after.exponent
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function digits(bytes: Buffer, from: number): number {
  let at = from
  while (isDigit(bytes[at])) at++
  return at
}

/** Index after the JSON number that begins at `from`, or -1 where none stands. */
export function numberEnd(bytes: Buffer, from: number): number {
  let at = bytes[from] === 0x2d ? from + 1 : from
  const whole = at
  at = digits(bytes, at)
  if (at === whole || (bytes[whole] === 0x30 && at - whole > 1)) return -1
  if (bytes[at] === 0x2e) {
    const fraction = digits(bytes, at + 1)
    if (fraction === at + 1) return -1
    at = fraction
  }
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) return at
  const sign = bytes[at + 1]
  const power = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1
  const end = digits(bytes, power)
  return end === power ? -1 : end
}

/** True when the number in these bytes survives `JSON.parse`; short plain ones are not even read. */
export function survives(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > SAFE_DIGITS || bytes[from] === 0x2d) return isExact(bytes.toString('latin1', from, to))
  for (let at = from; at < to; at++) {
    if (((bytes[at] as number) | 0x20) === 0x65) return isExact(bytes.toString('latin1', from, to))
  }
  return true
}
