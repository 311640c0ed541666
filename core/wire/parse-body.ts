import { isExact } from './number.ts'
import { parseExact } from './raw-json.ts'
import type { BodyScan } from './scan.ts'
import { stringText } from './string.ts'

/** The text of the object with its keys written without escapes, wherever JSON allows it. */
function plainKeys(bytes: Buffer, scan: BodyScan): string {
  let text = ''
  let from = scan.start
  for (const { start, end } of scan.escapedKeys) {
    text += bytes.toString('utf8', from, start) + JSON.stringify(stringText(bytes, start + 1, end - 1))
    from = end
  }
  return text + bytes.toString('utf8', from, scan.end)
}

/**
 * Parses a scanned object. Escaped keys are rewritten first, because of a defect of the engine
 * (nodejs/node#63785, V8 13.6 to 14.6 at least): `JSON.parse` takes `"\u0063ontent"` for the key
 * `\u0063o` once objects with that literal key were parsed anywhere in the process, so a client could
 * hide a field from every policy while the upstream reads it. Keys that cannot be written without an
 * escape hold a quote, a backslash or a control character, and no field that is read does.
 * With `exact`, numbers that a double cannot hold are kept as their source text.
 *
 * @throws {SyntaxError} when a string that the scan skipped is malformed
 */
export function parseBody(bytes: Buffer, scan: BodyScan, exact: boolean): unknown {
  const text = scan.escapedKeys.length === 0 ? bytes.toString('utf8', scan.start, scan.end) : plainKeys(bytes, scan)
  return exact && scan.bigNumbers ? parseExact(text, isExact) : JSON.parse(text)
}
