// The one way out. Every request that a project's settings can cause goes through here: to public addresses only, unless
// the operator lists others, with a time-out, a size cap, and no redirects.
import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import type { Agent } from 'undici'

export type OutboundRequest = {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string
  timeoutSeconds?: number
  maxBytes?: number
}
export type OutboundResponse = { status: number; headers: Headers; text: string }
export type Fetch = (url: string, request?: OutboundRequest) => Promise<OutboundResponse>

const privateRanges = new BlockList()
for (const [net, bits] of [
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
  ['240.0.0.0', 4],
] as const)
  privateRanges.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  privateRanges.addSubnet(net, bits, 'ipv6')

/** Whether an address is one that a tenant's settings must not reach; IPv4 inside IPv6 counts as IPv4. */
export function isPrivateAddress(address: string, allowed: BlockList): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  const plain = mapped ?? address
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(plain) === 0) return true
  return privateRanges.check(plain, family) && !allowed.check(plain, family)
}

/**
 * The guarded client. `allowed` are CIDR ranges of private space that the operator opens.
 * The address is checked when the socket connects, so that a name cannot change its mind in between.
 */
export function guardedFetch(allowed: readonly string[]): Fetch {
  const open = new BlockList()
  for (const cidr of allowed) {
    const [net, bits] = cidr.split('/')
    if (net === undefined || isIP(net) === 0) throw new Error(`not an address range: ${cidr}`)
    open.addSubnet(net, Number(bits ?? (isIP(net) === 6 ? 128 : 32)), isIP(net) === 6 ? 'ipv6' : 'ipv4')
  }
  let agent: Agent | undefined
  const newAgent = (undici: typeof import('undici')) =>
    new undici.Agent({
      connect: {
        lookup(hostname, options, done) {
          lookup(hostname, { all: true, ...(options.family ? { family: options.family as 4 | 6 } : {}) }).then(
            (found) => {
              const public_ = found.filter(({ address }) => !isPrivateAddress(address, open))
              if (public_.length === 0) done(new Error(`${hostname} has no address that may be reached`), [])
              else if (options.all) done(null, public_)
              else done(null, public_[0]?.address ?? '', public_[0]?.family)
            },
            (error: Error) => done(error as NodeJS.ErrnoException, []),
          )
        },
      },
    })
  return async (url, request = {}) => {
    const target = new URL(url)
    if (target.protocol !== 'https:' && target.protocol !== 'http:')
      throw new Error(`cannot call ${target.protocol} URLs`)
    const host = target.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && isPrivateAddress(host, open)) throw new Error(`${host} may not be reached`)
    const undici = await import('undici') // large, and many a server calls nobody
    agent ??= newAgent(undici)
    const response = await undici.fetch(target, {
      method: request.method ?? 'GET',
      redirect: 'manual',
      dispatcher: agent,
      signal: AbortSignal.timeout((request.timeoutSeconds ?? 10) * 1000),
      ...(request.headers ? { headers: request.headers } : {}),
      ...(request.body !== undefined ? { body: request.body } : {}),
    })
    return {
      status: response.status,
      headers: response.headers as unknown as Headers,
      text: await readAtMost(response.body, request.maxBytes ?? 1_048_576),
    }
  }
}

async function readAtMost(body: AsyncIterable<Uint8Array> | null, limit: number): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body ?? []) {
    size += part.byteLength
    if (size > limit) throw new Error(`the answer is larger than ${limit} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
