// Where a person goes when no app waits for them.
import type { Config } from '../config/schema.ts'
import { isOfApp } from '../oauth/redirect_uri.ts'

/**
 * A page of this host, an address of one of its apps, the project's own default, or settings (wire contract §2.13).
 * Nothing else, so that no link can use sign-in to lead astray.
 * @param asked `redirect_uri` of the address, relative or absolute.
 */
export function destinationOf(config: Config, origin: string, asked: string | null): string {
  const here = asked !== null && asked !== '' ? insideOf(origin, asked) : undefined
  if (here !== undefined) return here
  if (asked !== null && isOfApp(config.oauth.clients, asked)) return asked
  return config.ui.default_redirect_uri ?? '/settings'
}

/** The path of an address when it is on this origin and no page that would send the person round in a circle. */
export function insideOf(origin: string, asked: string): string | undefined {
  // A browser reads `/\host` and `//host` as another host; the parser does too, so the origin tells.
  if (!URL.canParse(asked, origin)) return undefined
  const url = new URL(asked, origin)
  if (url.origin !== origin || url.username !== '' || url.password !== '') return undefined
  // Alone, a path like //host is an address of that host.
  if (url.pathname.startsWith('//')) return undefined
  if (['/', '/login', '/signup', '/logout'].includes(url.pathname)) return undefined
  return url.pathname + url.search + url.hash
}
