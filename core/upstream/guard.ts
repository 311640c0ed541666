import { BlockList, isIP } from 'node:net'

/** How far an address reaches. `metadata` addresses hand out cloud credentials. */
export type AddressScope = 'public' | 'private' | 'metadata'

const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4]
]

// Transition forms (mapped, NAT64, 6to4, Teredo) count as private because an IPv4 address hides in them.
const PRIVATE_V6: readonly (readonly [string, number])[] = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8]
]

/** AWS, Azure, Google, Oracle, OpenStack; ECS and EKS credentials; Azure wire server; Alibaba; Tencent; Oracle classic. */
const METADATA_V4: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '100.100.100.200',
  '169.254.0.23',
  '192.0.0.192'
]

/** AWS, EKS, Google, OpenStack, Oracle. */
const METADATA_V6: readonly string[] = ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fe80::a9fe:a9fe', 'fd00:c1::a9fe:a9fe']

// One list for each family: a list compares IPv4 addresses with mapped rules too, which would make every IPv4 address private.
const privateV4 = subnets(PRIVATE_V4, 'ipv4')
const privateV6 = subnets(PRIVATE_V6, 'ipv6')
const metadataV4 = metadataList(METADATA_V4, 'ipv4')
const metadataV6 = hidden(metadataList(METADATA_V6, 'ipv6'))

/** The scope of an IP address; what is not an IP address counts as `metadata`, so that it is never connected to. */
export function scopeOf(address: string): AddressScope {
  const zone = address.indexOf('%')
  const bare = zone === -1 ? address : address.slice(0, zone)
  const family = isIP(bare)
  if (family === 0) return 'metadata'
  if (family === 4) return metadataV4.check(bare, 'ipv4') ? 'metadata' : privateV4.check(bare, 'ipv4') ? 'private' : 'public'
  return metadataV6.check(bare, 'ipv6') ? 'metadata' : privateV6.check(bare, 'ipv6') ? 'private' : 'public'
}

/** True when an upstream may connect to the address. */
export function isAllowed(address: string, allowPrivate: boolean): boolean {
  const scope = scopeOf(address)
  return scope === 'public' || (scope === 'private' && allowPrivate)
}

function subnets(rules: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of rules) list.addSubnet(net, prefix, family)
  return list
}

function metadataList(addresses: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const address of addresses) list.addAddress(address, family)
  return list
}

/** Adds every IPv6 form in which an IPv4 metadata address can hide. */
function hidden(list: BlockList): BlockList {
  for (const address of METADATA_V4) {
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
    const high = (a * 256 + b).toString(16)
    const low = (c * 256 + d).toString(16)
    for (const prefix of ['::', '::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::']) list.addAddress(`${prefix}${high}:${low}`, 'ipv6')
    list.addSubnet(`2002:${high}:${low}::`, 48, 'ipv6')
  }
  return list
}
