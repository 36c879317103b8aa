// What a hosted page may load, where its forms may lead, and who may frame it. Rules only.
import type { ClientConfig } from '../config/schema.ts'

/** Whether a URI is one that a browser opens as a page of its own kind: custom schemes belong to native apps. */
function sourceOf(uri: string): string | undefined {
  if (!URL.canParse(uri)) return undefined
  const { protocol } = new URL(uri)
  return /^[a-z][a-z0-9+.-]*:$/.test(protocol) ? protocol : undefined
}

function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname.endsWith('.localhost') || url.hostname === '127.0.0.1'
}

/** Origins of the host's own apps, which may show its pages in a frame; an app of somebody else's may not. */
export function framers(clients: readonly ClientConfig[]): string[] {
  const urls = clients
    .filter((client) => client.x_application_type !== 'third_party_app')
    .flatMap((client) => client.redirect_uris ?? [])
    .filter((uri) => URL.canParse(uri))
    .map((uri) => new URL(uri))
    .filter((url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)))
  return [...new Set(urls.map((url) => url.origin))]
}

/**
 * The Content-Security-Policy of a page. No script or style stands in a page, so none is allowed there.
 * @param leadsTo URIs that submitting a form may end at. Chrome holds every redirect that follows a form against
 *   `form-action`, those of the app that it ends at included, and no server knows where an app goes on to. So the scheme
 *   of the URI is opened rather than its origin; a page that leads nowhere else stays with its own origin.
 */
export function contentPolicy({
  leadsTo,
  framedBy,
}: {
  leadsTo: readonly string[]
  framedBy: readonly string[]
}): string {
  const schemes = [...new Set(leadsTo.flatMap((uri) => sourceOf(uri) ?? []))]
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' https: data:",
    "connect-src 'self'",
    ["form-action 'self'", ...schemes].join(' '),
    ["frame-ancestors 'self'", ...framedBy].join(' '),
    "base-uri 'none'",
  ].join('; ')
}
