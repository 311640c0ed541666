/** Headers that carry credentials: never written, whatever the config says. */
export const SENSITIVE: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'www-authenticate',
  'proxy-authenticate',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'x-amz-security-token',
  'x-auth-token',
  'x-csrf-token',
  'x-xsrf-token'
])

/** The headers of `names` (lower case) that there are. */
export function pickHeaders(headers: { readonly [name: string]: string }, names: readonly string[]): { [name: string]: string } {
  const picked: { [name: string]: string } = {}
  for (const name of names) {
    const value = headers[name]
    if (value !== undefined && !SENSITIVE.has(name)) picked[name] = value
  }
  return picked
}
