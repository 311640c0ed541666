const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * What counts as one address: an IPv4 address itself, of an IPv6 address its /64, because a single
 * customer owns all 2^64 addresses of one.
 */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip
  const mapped = MAPPED.exec(ip)
  if (mapped !== null) return mapped[1]!
  const [head = '', tail] = ip.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...new Array<string>(gap).fill('0'), ...right]
  return groups
    .slice(0, 4)
    .map(group => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')
}
