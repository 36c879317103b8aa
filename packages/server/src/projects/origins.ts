// A project's origins: each its own issuer and its own cookie domain (wire contract §4.2).
import { isIP } from 'node:net'
import { parse } from 'tldts'
import type { Config } from '../config/schema.ts'

export type Origin = {
  /** Scheme and host, no trailing slash: the issuer. */
  origin: string
  host: string
  /** `Domain` of shared cookies; undefined is host-only. */
  cookieDomain: string | undefined
  /** Whether cookies are `Secure`: the configured scheme decides, whatever a proxy in between speaks. */
  secure: boolean
  /** Put before every cookie name on this origin. */
  cookiePrefix: string
  /** Its cookies are not the hub's, so signing in passes through there (oauth/carry.ts). */
  carries: boolean
}

/** First the hub, `http.public_origin`, then the alternates in their order. */
export function originsOf(http: Config['http']): Origin[] {
  const hub = cookieDomainOf(new URL(http.public_origin), http.cookie_domain)
  return [http.public_origin, ...http.alternate_origins].map((text, index) => {
    const url = new URL(text)
    const cookieDomain = index === 0 ? hub : cookieDomainOf(url)
    return {
      origin: url.origin,
      host: url.host,
      cookieDomain,
      secure: url.protocol === 'https:',
      cookiePrefix: http.cookie_prefix,
      carries: index > 0 && (cookieDomain === undefined || cookieDomain !== hub),
    }
  })
}

function cookieDomainOf(url: URL, given?: string): string | undefined {
  return given ?? derivedCookieDomain(url.hostname)
}

/**
 * A development project's own port on localhost, for servers that cannot resolve `x.localhost`. Browsers share cookies
 * between ports, so its names carry the project.
 */
export function localOrigin(projectId: string, origin: string, prefix: string): Origin {
  const url = new URL(origin)
  return {
    origin: url.origin,
    host: url.host,
    cookieDomain: undefined,
    secure: false,
    cookiePrefix: `${prefix}${projectId}_`,
    carries: false,
  }
}

/**
 * The widest domain that an origin's apps may share: the host without its first label when that still is longer than
 * the registrable domain, else the registrable domain. An IP address or a single label gives none.
 */
export function derivedCookieDomain(hostname: string): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 || !host.includes('.')) return undefined
  const registrable = parse(host, { allowPrivateDomains: true }).domain
  if (registrable === null) return undefined
  const parent = host.slice(host.indexOf('.') + 1)
  return parent.length > registrable.length ? parent : registrable
}

/** The key under which a host is looked up: the name without its port, except where only the port tells projects apart. */
export function hostKey(host: string): string {
  const lower = host.toLowerCase()
  const hostname = lower.replace(/:\d+$/, '')
  const bare = hostname.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || isIP(bare) !== 0 ? lower : hostname
}
