// Pages take unsafe requests from their own site's pages only (wire contract §4.6). No token: the browser says where a
// request comes from.
import type { Ctx } from './context.ts'

/** Whether this request may change something on behalf of the person at the browser. */
export function isSameOrigin(c: Ctx): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)) return true
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const origin = c.req.header('origin')
  // A browser sends `Origin: null` for a form under `Referrer-Policy: no-referrer`; only Sec-Fetch-Site can vouch then.
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === c.get('origin').host
}
