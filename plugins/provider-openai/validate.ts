import type { Problem } from '@headgate/api'
import type { Config } from './config.ts'
import { headerMistake, isHeaderValue } from './headers.ts'
import { serverOf } from './server.ts'

/** What the schema cannot say: the form of the address and of headers, a missing key. */
export function validate(config: Config): readonly Problem[] {
  const problems: Problem[] = []
  if (config.base_url !== undefined) problems.push(...checkAddress(config.base_url))
  const missing = config.api_key === undefined || config.api_key.length === 0
  if (missing && serverOf(config).needsKey)
    problems.push({
      path: '/api_key',
      message: `${config.preset ?? 'openai'} needs an API key`,
      hint: 'set api_key: "${…}", or base_url for a server without one'
    })
  if (config.api_key !== undefined && !isHeaderValue(config.api_key))
    problems.push({ path: '/api_key', message: 'the key has a control character, such as a line end' })
  for (const [name, value] of Object.entries(config.headers ?? {})) {
    const mistake = headerMistake(name, value)
    if (mistake !== undefined) problems.push({ path: `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, message: mistake })
  }
  return problems
}

function checkAddress(text: string): Problem[] {
  const path = '/base_url'
  if (!URL.canParse(text)) return [{ path, message: 'the address is not a URL', hint: 'write http://host:port/v1' }]
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return [{ path, message: 'the address is neither http nor https' }]
  if (url.username !== '' || url.password !== '')
    return [{ path, message: 'the address holds a user name or password', hint: 'use api_key' }]
  if (url.search !== '' || url.hash !== '')
    return [{ path, message: 'the address has a query or a fragment', hint: 'give only scheme, host and path' }]
  if (/\/(chat\/completions|completions|embeddings)\/*$/.test(url.pathname))
    return [{ path, message: 'the address ends in an endpoint', hint: 'stop after the version, such as /v1' }]
  return []
}
