import type { Secret } from '@headgate/api'
import type { Config } from './config.ts'

/** Headers that belong to the connection or to the body, which the gateway itself makes. */
const OWN: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy-connection',
  'content-length',
  'content-type',
  'content-encoding',
  'accept-encoding'
])

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/

/** The headers of every request, in lower case. */
export function headersOf(config: Config): { readonly [name: string]: string | Secret } {
  const headers: { [name: string]: string | Secret } = {}
  for (const [name, value] of Object.entries(config.headers ?? {})) headers[name.toLowerCase()] = value
  if (config.organization !== undefined) headers['openai-organization'] = config.organization
  if (config.project !== undefined) headers['openai-project'] = config.project
  if (config.api_key === undefined || config.api_key.length === 0) return Object.freeze(headers)
  if (config.api_key_header === undefined) headers['authorization'] = config.api_key.prefixed('Bearer ')
  else headers[config.api_key_header.toLowerCase()] = config.api_key
  return Object.freeze(headers)
}

/** What is wrong with a header as configured; undefined when nothing is. */
export function headerMistake(name: string, value: Secret): string | undefined {
  if (!NAME.test(name)) return `"${name}" is not a header name`
  if (OWN.has(name.toLowerCase())) return `the gateway itself sends "${name}"`
  return isHeaderValue(value) ? undefined : `the value of "${name}" has a control character`
}

/** True for a value that can stand in a header. */
export function isHeaderValue(value: Secret): boolean {
  return value.use(text => !CONTROL.test(text))
}
