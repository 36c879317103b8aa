// GET /_resolver/resolve: tells any proxy or backend who is calling. Always 200 unless `?deny=` asks otherwise, and
// never "valid" out of ignorance: when nobody can say, it is 503.

import { clearedCookie } from '../http/cookies.ts'
import { forwarded, originalRequest } from '../http/proxy.ts'
import type { Node } from '../node.ts'
import { makeNonce, nonceHolds, proofAlgorithms } from '../oauth/dpop.ts'
import { isOfApp } from '../oauth/redirect_uri.ts'
import type { Project, Site } from '../projects/find.ts'
import type { Session } from '../sessions/resolve.ts'
import { databaseOutage } from '../storage/database.ts'
import { presentedCredentials } from './credentials.ts'
import { sessionHeaders } from './headers.ts'
import { keyBehind } from './protected_request.ts'

export const resolverPath = '/_resolver/resolve'

export type ResolverRequest = {
  method: string
  /** Path and query. */
  url: string
  header(name: string): string | undefined
  /** Address of the socket's other end. */
  peer: string
}

export type ResolverAnswer = { status: number; headers: Record<string, string>; body?: string }

const plain = { 'content-type': 'text/plain; charset=utf-8' }

/**
 * The answer when everything it takes is in memory and the first credential holds: no promise, no statement. Undefined
 * leaves the rest to `answerResolve`.
 */
export function answerWarm(node: Node, request: ResolverRequest): ResolverAnswer | undefined {
  if (request.method !== 'GET') return undefined
  const { host, ip } = forwarded(request.header, request.peer, node.trusted)
  const site =
    (host === undefined ? undefined : node.directory.warmByHost(host)) ??
    node.directory.warmByHost(request.header('host') ?? '')
  if (site === undefined) return undefined
  const [first] = presentedCredentials(
    request.header('authorization'),
    request.header('cookie'),
    site.origin.cookiePrefix,
  )
  const session = first && node.sessions.warm(site.project, first, { ip })
  return session && { status: 200, headers: headersOf(session, site.project) }
}

// A session that stays warm says the same until its facts or the configuration change, and both make new objects.
const said = new WeakMap<Session, { project: Project; headers: Record<string, string> }>()

function headersOf(session: Session, project: Project): Record<string, string> {
  const before = said.get(session)
  if (before?.project === project) return before.headers
  const headers = { ...sessionHeaders(session, project.config), 'content-length': '0' }
  said.set(session, { project, headers })
  return headers
}

/** Decides the answer; the two servers that carry it only copy it out. */
export async function answerResolve(node: Node, request: ResolverRequest): Promise<ResolverAnswer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } }
  const { host, ip } = forwarded(request.header, request.peer, node.trusted)
  try {
    const site = await siteOf(node, request, host)
    if (site === undefined) return { status: 404, headers: plain, body: 'app not found' }
    const { project, origin } = site
    const prefix = origin.cookiePrefix
    const cookie = request.header('cookie')
    const now = node.world.clock.now()
    const nonceIsOurs = (nonce: string) => nonceHolds(nonce, project.ring, project.id, now)
    const presented = presentedCredentials(request.header('authorization'), cookie, prefix, (token) =>
      keyBehind(token, request.header, nonceIsOurs, now),
    )
    for (const credential of presented) {
      const session = await node.sessions.resolve(project, credential, { ip })
      if (session !== undefined) return { status: 200, headers: headersOf(session, project) }
    }
    const headers: Record<string, string> = { 'content-length': '0' }
    if (presented.length > 0) headers['x-authgear-session-valid'] = 'false'
    if (presented.some((credential) => credential.as === 'session'))
      headers['set-cookie'] = clearedCookie(`${prefix}session`, origin)
    const deny = denyOf(request.url)
    if (deny === undefined) return { status: 200, headers }
    const signIn = deny === 'redirect' ? signInFor(node, request, site) : undefined
    if (signIn !== undefined)
      return { status: 302, headers: { ...headers, location: signIn, 'cache-control': 'no-store' } }
    if (presented.some((credential) => credential.as === 'dpop')) {
      // Whatever was wrong, with this nonce the client’s next proof is right by its time.
      headers['dpop-nonce'] = makeNonce(project.ring, project.id, now)
      headers['www-authenticate'] = `DPoP error="invalid_token", algs="${proofAlgorithms.join(' ')}"`
      return { status: 401, headers }
    }
    const error = presented.some((credential) => credential.as === 'bearer') ? ' error="invalid_token"' : ''
    return { status: 401, headers: { ...headers, 'www-authenticate': `Bearer${error}` } }
  } catch (error) {
    const outage = databaseOutage(error)
    if (outage === undefined) node.world.log.error({ err: error }, 'resolver')
    return outage
      ? { status: 503, headers: { ...plain, 'retry-after': '1' }, body: 'service unavailable' }
      : { status: 500, headers: plain, body: 'internal error' }
  }
}

/**
 * The site that is asked. A forward-auth proxy names the app's host in `X-Forwarded-Host`, which is no site of ours, and
 * asks for us by `Host`.
 */
async function siteOf(node: Node, request: ResolverRequest, host: string | undefined): Promise<Site | undefined> {
  const site = host === undefined ? undefined : await node.directory.byHost(host)
  const direct = request.header('host')
  return site ?? (direct === undefined || direct === host ? undefined : node.directory.byHost(direct))
}

/** How a caller without a session is turned away: by status, or towards sign-in. */
function denyOf(url: string): '401' | 'redirect' | undefined {
  const query = url.indexOf('?')
  const deny = query === -1 ? null : new URLSearchParams(url.slice(query + 1)).get('deny')
  return deny === '401' || deny === 'redirect' ? deny : undefined
}

/**
 * Where a person signs in and comes back from, to the address that the proxy was asked for. Undefined for what no person
 * can follow (a form, a call by script) and for addresses of no app of the project.
 */
function signInFor(node: Node, request: ResolverRequest, { project, origin }: Site): string | undefined {
  const original = originalRequest(request.header, request.peer, node.trusted)
  if (original === undefined || !['GET', 'HEAD'].includes(original.method)) return undefined
  const readsPages = (request.header('accept') ?? '').includes('text/html')
  if (!readsPages || !isOfApp(project.config.oauth.clients, original.url)) return undefined
  return `${origin.origin}/?${new URLSearchParams({ redirect_uri: original.url })}`
}
