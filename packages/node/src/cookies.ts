// Cookies of this host alone: no script reads them, no other site sends them but by a link.

export type Cookies = ReadonlyMap<string, string>

/** What a browser takes for one cookie, name and attributes included. */
export const largestCookie = 4096

/** Reads a `Cookie` header. Of several with one name the first counts. */
export function readCookies(header: string | null | undefined): Cookies {
  const cookies = new Map<string, string>()
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim()
    if (at > 0 && !cookies.has(name)) cookies.set(name, part.slice(at + 1).trim())
  }
  return cookies
}

export type CookieWriter = {
  /** The full name of a cookie: on https with a prefix that keeps sibling hosts from planting one (RFC 6265bis §4.1.3). */
  name(short: string): string
  set(short: string, value: string, maxAgeSeconds: number): string
  clear(short: string): string
}

export function cookieWriter(base: string, origin: string): CookieWriter {
  const secure = origin.startsWith('https:')
  const name = (short: string) => `${secure ? '__Host-' : ''}${base}${short}`
  const line = (short: string, value: string, maxAge: number) =>
    `${name(short)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  return { name, set: line, clear: (short) => line(short, '', 0) }
}

/** The `Cookie` header that a browser would send after an answer with these `Set-Cookie` lines. */
export function afterwards(header: string | null | undefined, lines: readonly string[]): string {
  const cookies = new Map(readCookies(header))
  for (const line of lines) {
    const [pair = ''] = line.split(';')
    const at = pair.indexOf('=')
    if (line.includes('; Max-Age=0;')) cookies.delete(pair.slice(0, at))
    else cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}
