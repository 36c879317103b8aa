// The way back to the client: query, fragment or form_post (OAuth 2.0 Multiple Response Types, Form Post), always with
// `iss` where an answer could be mixed up with another server's (RFC 9207).
import type { Ctx } from '../http/context.ts'
import { at } from '../http/context.ts'
import type { ReturnAddress } from './authorize.ts'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? '')

/** Sends the browser to a URL: 303, and a page that does the same for programs that stop at it. */
export function goTo(c: Ctx, url: string, status: 200 | 303 = 303): Response {
  const shown = escapeHtml(url)
  c.header('content-security-policy', "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
  if (status === 303) c.header('location', url)
  return c.html(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Continue</title><meta http-equiv="refresh" content="0;url=${shown}"></head><body><a href="${shown}">Continue</a></body></html>`,
    status,
  )
}

/** Answers an authorization request. Members that are undefined are left out; `state` is added. */
export function answer(
  c: Ctx,
  to: ReturnAddress,
  members: Record<string, string | undefined>,
): Response | Promise<Response> {
  const { project } = at(c)
  const all: [string, string][] = Object.entries({ ...members, state: to.state }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  )
  if (members.code !== undefined || members.error !== undefined) all.push(['iss', to.issuer])
  if (to.responseMode === 'form_post') return c.get('views').formPost(c, to.redirectUri, all)
  const ownPages = project.clients.get(to.clientId)?.x_custom_ui_uri !== undefined
  return goTo(c, appended(to.redirectUri, all, to.responseMode), ownPages ? 200 : 303)
}

/** The URI with the members in its query or fragment, after what its query holds already. */
export function appended(uri: string, members: readonly [string, string][], mode: 'query' | 'fragment'): string {
  if (members.length === 0) return uri
  // `%20` rather than `+`: not every platform's URL parser reads the latter as a space.
  const text = new URLSearchParams(members as [string, string][]).toString().replaceAll('+', '%20')
  if (mode === 'fragment') return `${uri}#${text}`
  return `${uri}${uri.includes('?') ? '&' : '?'}${text}`
}
