// The identity server as anybody sees it: its addresses and its keys. Nothing is asked before it is needed.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, customFetch as joseFetch } from 'jose'
import * as oauth from 'oauth4webapi'
import { Unavailable } from './errors.ts'

export type ProviderOptions = {
  /** Headgear's public origin, which is also the issuer of its tokens. https, except on this machine. */
  issuer: string
  /** Instead of the global one, for a proxy or a certificate authority of your own. */
  fetch?: typeof fetch
  /** How long one request to Headgear may take; 5 s unless given. */
  timeoutSeconds?: number
  /** The time by which tokens expire, for tests that turn it. */
  now?: () => Date
}

export type Provider = {
  issuer: string
  fetch: typeof fetch
  now(): Date
  /** A signal that ends one request in time. */
  impatience(): AbortSignal
  /** The discovery document, kept for an hour. @throws Unavailable. */
  metadata(): Promise<oauth.AuthorizationServer>
  /** A key of the JWKS, for `jwtVerify`. @throws Unavailable when the keys cannot be had; jose's own error when there is no such key. */
  key: JWTVerifyGetKey
}

/** Algorithms that Headgear signs with. */
export const algorithms = ['RS256', 'ES256']

const metadataKeptMs = 3_600_000

/** @throws TypeError when the issuer is not an origin, or is http and not on this machine. */
export function provider(options: ProviderOptions): Provider {
  const issuer = safeOrigin(options.issuer, 'issuer')
  const send = options.fetch ?? fetch
  const timeoutMs = (options.timeoutSeconds ?? 5) * 1000
  const impatience = () => AbortSignal.timeout(timeoutMs)

  let found: { document: Promise<oauth.AuthorizationServer>; at: number } | undefined
  const metadata = () => {
    if (found === undefined || performance.now() - found.at > metadataKeptMs) {
      const document = discover()
      const mine = { document, at: performance.now() }
      found = mine
      // What failed is asked again by the next caller.
      document.catch(() => {
        if (found === mine) found = undefined
      })
    }
    return found.document
  }

  async function discover(): Promise<oauth.AuthorizationServer> {
    const url = new URL(issuer)
    try {
      const response = await oauth.discoveryRequest(url, {
        signal: impatience(),
        [oauth.customFetch]: send as never,
        [oauth.allowInsecureRequests]: url.protocol === 'http:',
      })
      return await oauth.processDiscoveryResponse(url, response)
    } catch (cause) {
      throw new Unavailable(`${issuer} could not be discovered`, { cause })
    }
  }

  let keys: { set: ReturnType<typeof createRemoteJWKSet>; uri: string } | undefined
  const key: JWTVerifyGetKey = async (header, token) => {
    const { jwks_uri: uri } = await metadata()
    if (uri === undefined) throw new Unavailable(`${issuer} names no keys`)
    if (keys?.uri !== uri) {
      const set = createRemoteJWKSet(new URL(uri), { timeoutDuration: timeoutMs, [joseFetch]: send })
      keys = { set, uri }
    }
    try {
      return await keys.set(header, token)
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey) throw cause
      throw new Unavailable(`the keys of ${issuer} cannot be had`, { cause })
    }
  }

  return { issuer, fetch: send, now: options.now ?? (() => new Date()), impatience, metadata, key }
}

/** The origin that `text` is. @throws TypeError when it is none, or when what goes there could be read on the way. */
export function safeOrigin(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (text !== url.origin && text !== `${url.origin}/`))
    throw new TypeError(`${name} is not an origin such as https://example.com: ${text}`)
  const local = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local))
    throw new TypeError(`${name} must be https, except on this machine: ${text}`)
  return url.origin
}
