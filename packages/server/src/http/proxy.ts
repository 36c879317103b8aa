// Who is really calling: forwarding headers count only when they come from a proxy that the operator named.
import { BlockList, isIP } from 'node:net'

export type TrustedProxies = (address: string) => boolean

/** @throws Error naming the entry that is not an address or CIDR range. */
export function trustedProxies(ranges: readonly string[]): TrustedProxies {
  const list = new BlockList()
  for (const range of ranges) {
    const [net = '', bits] = range.split('/')
    const family = isIP(net)
    const length = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits)
    if (family === 0 || !Number.isInteger(length) || length < 0 || length > (family === 6 ? 128 : 32))
      throw new Error(`not an address range: ${range}`)
    list.addSubnet(net, length, family === 6 ? 'ipv6' : 'ipv4')
  }
  if (ranges.length === 0) return () => false
  return (address) => {
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** An IPv4 address that came in over IPv6 is the IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith('::') ? address.replace(/^::ffff:(?=\d+\.)/i, '') : address
}

type HeaderReader = (name: string) => string | undefined

/** What a proxy in front of an app says of the request that it asks about: Caddy's and Traefik's forward auth do. */
export type Original = { method: string; url: string }

/** The original request as a trusted proxy describes it; undefined when it does not. */
export function originalRequest(header: HeaderReader, peer: string, trusted: TrustedProxies): Original | undefined {
  if (!trusted(plainAddress(peer))) return undefined
  const first = (name: string) => header(name)?.split(',')[0]?.trim()
  const [host, uri] = [first('x-forwarded-host'), header('x-forwarded-uri')]
  if (host === undefined || uri === undefined || !uri.startsWith('/')) return undefined
  const url = `${first('x-forwarded-proto') ?? 'https'}://${host}${uri}`
  return URL.canParse(url) ? { method: first('x-forwarded-method') ?? 'GET', url } : undefined
}

/**
 * The host that was asked for and the caller's address. Of `X-Forwarded-For` the rightmost address that is no trusted
 * proxy counts: what stands left of it anybody can write.
 */
export function forwarded(
  header: HeaderReader,
  peer: string,
  trusted: TrustedProxies,
): { host: string | undefined; ip: string } {
  const address = plainAddress(peer)
  if (!trusted(address)) return { host: header('host'), ip: address }
  const first = (name: string) => header(name)?.split(',')[0]?.trim()
  const hops = (header('x-forwarded-for') ?? '')
    .split(',')
    .map((hop) => plainAddress(hop.trim()))
    .filter((hop) => isIP(hop) !== 0)
  const client = hops.findLast((hop) => !trusted(hop)) ?? hops[0] ?? address
  return { host: first('x-forwarded-host') ?? first('x-original-host') ?? header('host'), ip: client }
}
