// An app on a domain of its own, and the project that signs its users in.

import type { Headgear as Server } from 'headgear/testing'
import type { DevelopmentProject } from '../../../server/src/dev/projects.ts'
import { type Headgear, headgear, type Options, type Visit } from '../../src/index.ts'
import { openTab, type Tab } from './person.ts'
import { openWire, type Wire } from './wire.ts'

export const shopOrigin = 'https://shop.example.net'
export const cookieKey = 'a key for the cookies of the shop, in a test'

/** The client that a shop at `origin` is. */
export const shopClient = (client_id: string, more: object = {}, origin = shopOrigin) => ({
  client_id,
  name: client_id,
  client_name: 'The shop',
  x_application_type: 'confidential',
  redirect_uris: [`${origin}/auth/callback`],
  post_logout_redirect_uris: [`${origin}/`],
  // Headgear reaches the shop where it is served over sockets.
  ...(origin.startsWith('http:') ? { backchannel_logout_uri: `${origin}/auth/backchannel-logout` } : {}),
  issue_jwt_access_token: true,
  ...more,
})

const shops = [
  shopClient('shop'),
  shopClient('opaque', { issue_jwt_access_token: false }),
  shopClient('rotating', { refresh_token_rotation_enabled: true }),
  shopClient('public', { x_application_type: 'traditional_webapp' }),
]

/** A project whose clients are the shop in several ways. */
export function shopProject(server: Server, clients: object[] = shops): Promise<DevelopmentProject> {
  return server.project({
    authentication: { primary_authenticators: ['password', 'oob_otp_email'] },
    identity: { login_id: { keys: [{ type: 'email' }] } },
    oauth: { clients },
  })
}

/** Ends the session that an access token speaks for, behind the app's back. */
export async function endAtHeadgear(server: Server, project: DevelopmentProject, token = ''): Promise<void> {
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const [, id] = Buffer.from(sid, 'base64url').toString().split(':')
  await server.admin(
    `mutation ($id: ID!) { revokeSession(input: { sessionID: $id }) { user { id } } }`,
    { id: Buffer.from(`Session:${id}`).toString('base64url') },
    project,
  )
}

export type Shop = {
  auth: Headgear
  wire: Wire
  faults: string[]
  /** What the last visit saw. */
  seen: Visit | undefined
  /** A new browser. */
  tab(): Tab
}

/**
 * Pages: `/` says who is here, `/token` shows their access token, `/members` needs a session. One more process of the
 * same shop is another shop with the same options.
 */
export function openShop(server: Server, project: DevelopmentProject, options: Partial<Options> = {}): Shop {
  const wire = openWire()
  const faults: string[] = []
  const clientId = options.clientId ?? 'shop'
  const auth = headgear({
    issuer: project.local_origin,
    clientId,
    ...(clientId === 'public' ? { publicClient: true } : { clientSecret: project.client_secrets[clientId] }),
    origin: shopOrigin,
    cookieKeys: [cookieKey],
    fetch: wire.fetch,
    now: server.clock.now,
    onFault: (fault) => faults.push(fault.message),
    ...options,
  })
  const serve = auth.fetch(async (request, visit) => {
    shop.seen = visit
    const { pathname } = new URL(request.url)
    const { session } = visit
    if (pathname === '/members' && session === undefined) return auth.demand(request, visit)
    if (pathname === '/token')
      return (session?.accessToken() ?? Promise.reject(new Error('nobody is signed in'))).then(
        (token) => new Response(token),
        (error: Error) => new Response(error.message, { status: 500 }),
      )
    return Response.json(
      session === undefined
        ? null
        : { sub: session.sub, email: session.claims.email, stale: session.stale, logout: session.logoutPath },
    )
  })
  const shop: Shop = { auth, wire, faults, seen: undefined, tab: () => openTab(auth.origin, serve) }
  return shop
}
