// Cookies as the contract has them (wire contract §4.2): names with the project's prefix, `Secure` by the origin's scheme.
import { parse } from 'tldts'
import { derivedCookieDomain, type Origin } from '../projects/origins.ts'

const tldOptions = { allowPrivateDomains: true }

export type CookieSpec = {
  /** Full name, prefix included. */
  name: string
  value: string
  sameSite: 'Lax' | 'Strict' | 'None'
  /** Shared with the origin's siblings through its cookie domain, or this host's alone. */
  shared?: boolean
  path?: string
  maxAgeSeconds?: number
}

/** A Set-Cookie value. Browsers refuse `SameSite=None` without `Secure`, so it is left out on plain http. */
export function setCookie(spec: CookieSpec, origin: Origin): string {
  const parts = [`${spec.name}=${spec.value}`, `Path=${spec.path ?? '/'}`]
  if (spec.shared && origin.cookieDomain !== undefined) parts.push(`Domain=${origin.cookieDomain}`)
  if (spec.maxAgeSeconds !== undefined) parts.push(`Max-Age=${Math.floor(spec.maxAgeSeconds)}`)
  parts.push('HttpOnly')
  if (origin.secure) parts.push('Secure')
  if (spec.sameSite !== 'None' || origin.secure) parts.push(`SameSite=${spec.sameSite}`)
  return parts.join('; ')
}

/**
 * Set-Cookie values that remove cookies of this name from every domain but the origin's own: left behind by an earlier
 * cookie domain, or planted by a sibling host. Browsers send all of them under one name, and do not say whose each is.
 */
export function clearedElsewhere(name: string, origin: Origin): string[] {
  const hostname = origin.host.replace(/:\d+$/, '')
  const widest = derivedCookieDomain(hostname) === undefined ? undefined : parse(hostname, tldOptions).domain
  const domains: (string | undefined)[] = [undefined]
  for (let domain = hostname; widest; domain = domain.slice(domain.indexOf('.') + 1)) {
    domains.push(domain)
    if (domain === widest || !domain.includes('.')) break
  }
  return domains
    .filter((domain) => domain !== origin.cookieDomain)
    .map((cookieDomain) => clearedCookie(name, { ...origin, cookieDomain }))
}

/** A Set-Cookie value that removes a shared cookie; `shared: false` for a host-only one. */
export function clearedCookie(name: string, origin: Origin, options: { shared?: boolean; path?: string } = {}): string {
  const parts = [`${name}=`, `Path=${options.path ?? '/'}`, 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']
  if ((options.shared ?? true) && origin.cookieDomain !== undefined) parts.push(`Domain=${origin.cookieDomain}`)
  parts.push('HttpOnly')
  if (origin.secure) parts.push('Secure')
  parts.push('SameSite=Lax')
  return parts.join('; ')
}
