import type { Secret } from '@headgate/api'

/** Headers in an answer beyond which the rest is dropped. */
const MAX_HEADERS = 100

/** Headers that belong to the connection; what a provider says about them is left out. */
const OWNED: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'content-length',
  'accept-encoding'
])

/** The headers of a request as they go to the socket, names and values in turn. Secrets are opened here and nowhere else. */
export function requestHeaders(headers: { readonly [name: string]: string | Secret }): string[] {
  const list = ['accept-encoding', 'identity']
  let agent = false
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    const lower = name.toLowerCase()
    if (value === undefined || OWNED.has(lower)) continue
    if (lower === 'user-agent') agent = true
    list.push(lower, typeof value === 'string' ? value : value.use(itself))
  }
  if (!agent) list.push('user-agent', 'headgate')
  return list
}

/** The headers of an answer with one value each; what comes after the first 100 is dropped. */
export function responseHeaders(headers: { readonly [name: string]: string | string[] | undefined }): { readonly [name: string]: string } {
  const plain: { [name: string]: string } = {}
  let count = 0
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value === undefined || name === '__proto__') continue
    if (++count > MAX_HEADERS) break
    plain[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return plain
}

/** True when the body is what the server means, not a compressed form of it. */
export function isIdentity(headers: { readonly [name: string]: string }): boolean {
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity') return false
  const transfer = headers['transfer-encoding']
  return transfer === undefined || transfer.toLowerCase() === 'chunked'
}

function itself(value: string): string {
  return value
}
