/** Where a listener listens. Port 0 lets the system choose. */
export interface Address {
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[([0-9a-f:.%]{2,64})\]|(\*|[a-z0-9_.-]{1,253})):(\d{1,5})$/i

/** Host and port of `127.0.0.1:8080`, `localhost:0` or `[::1]:8080`; undefined for anything else. `*` is every address. */
export function parseAddress(text: string): Address | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  if (port > 65_535) return undefined
  const host = match[1] ?? match[2] ?? ''
  return { host: host === '*' ? '::' : host, port }
}
