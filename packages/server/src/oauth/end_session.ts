// RP-Initiated Logout 1.0 (wire contract §2.8). Nobody is sent anywhere that is not registered, and nobody is signed out
// by a link from elsewhere without being asked.
import { Hono } from 'hono'
import { getCookie } from 'hono/cookie'
import { at, type Ctx, type Env } from '../http/context.ts'
import { clearedCookie, setCookie } from '../http/cookies.ts'
import { currentSession, forgetCurrentSession } from '../http/current.ts'
import { isSameOrigin } from '../http/same_origin.ts'
import { verifyOwnJwt } from '../keys/verify.ts'
import { scopeOf } from '../projects/find.ts'
import { readSid } from '../sessions/credential.ts'
import { endSession } from '../sessions/end.ts'
import type { Session } from '../sessions/resolve.ts'
import { findGrant } from '../sessions/store.ts'
import { isThirdParty } from './clients.ts'
import { readForm } from './form.ts'
import { postLogoutAllowed } from './redirect_uri.ts'
import { appended, goTo } from './respond.ts'

type Asked = { id_token_hint?: string; post_logout_redirect_uri?: string; state?: string; client_id?: string }

const names = ['id_token_hint', 'post_logout_redirect_uri', 'state', 'client_id'] as const
const path = '/oauth2/end_session'
const binding = 'end_session_ref_key'

export const endSessionDoor = new Hono<Env>()

endSessionDoor.on(['GET', 'POST'], path, async (c) => {
  const form = await readForm(c)
  const ref = form.get('x_end_session_ref')
  const given = ref === undefined ? pick(form) : unsealed(c, ref)
  if (given === undefined)
    return c
      .get('views')
      .protocolError(c, { error: 'invalid_request', description: 'this logout has expired; start again' })
  const confirmed = c.req.method === 'POST' && form.get('x_action') === 'logout'
  if (confirmed && !isSameOrigin(c)) return c.text('this form was sent from another site', 403)
  // A form from another site comes without our Lax cookies; the same question asked by GET has them.
  if (c.req.method === 'POST' && !confirmed) return c.redirect(sealed(c, given), 302)
  return logOut(c, given, confirmed)
})

function pick(form: ReadonlyMap<string, string>): Asked {
  return Object.fromEntries(names.flatMap((name) => (form.get(name) ? [[name, form.get(name)]] : []))) as Asked
}

/** The parameters sealed into a reference that only this browser can use, within five minutes. */
function sealed(c: Ctx, asked: Asked): string {
  const { node, world, origin } = at(c)
  const key = world.random(16).toString('base64url')
  const cookie = { name: origin.cookiePrefix + binding, value: key, sameSite: 'Lax' as const, path, maxAgeSeconds: 300 }
  c.header('set-cookie', setCookie(cookie, origin), { append: true })
  return `${path}?x_end_session_ref=${node.sealer.seal(JSON.stringify(asked), `end_session ${key}`)}`
}

function unsealed(c: Ctx, ref: string): Asked | undefined {
  const { node, origin } = at(c)
  try {
    return JSON.parse(
      node.sealer.open(ref, `end_session ${getCookie(c, origin.cookiePrefix + binding)}`).toString(),
    ) as Asked
  } catch {
    return undefined
  }
}

async function logOut(c: Ctx, asked: Asked, confirmed: boolean): Promise<Response> {
  const { world, project, origin } = at(c)
  const hint = readHint(c, asked.id_token_hint)
  const views = c.get('views')
  if (hint === 'bad' || (hint !== undefined && asked.client_id !== undefined && asked.client_id !== hint.clientId))
    return views.protocolError(c, { error: 'invalid_request', description: 'id_token_hint is not one of ours' })
  const client = project.clients.get(hint?.clientId ?? asked.client_id ?? '')
  if (client === undefined && asked.client_id !== undefined)
    return views.protocolError(c, { error: 'invalid_request', description: 'client_id names no client' })
  const sameSite = getCookie(c, `${origin.cookiePrefix}same_site_strict`) === 'true'
  const uri = asked.post_logout_redirect_uri
  if (uri !== undefined && !postLogoutAllowed(uri, client === undefined ? project.clients.values() : [client]))
    return views.protocolError(c, { error: 'invalid_request', description: 'post_logout_redirect_uri is not allowed' })

  const session = await currentSession(c, 'browser')
  const named = session !== undefined && hint !== undefined && (await sameGroup(c, session, hint))
  const asksNobody = sameSite || (named && client !== undefined && !isThirdParty(client))
  if (session !== undefined && !asksNobody && !confirmed)
    return views.confirmLogout(c, { action: sealed(c, asked), leadsTo: client === undefined ? undefined : uri })
  if (session?.kind === 'idp') {
    await endSession(
      world,
      project,
      { kind: 'idp', id: session.session.id },
      { event: 'user.signed_out', reason: 'logout' },
    )
    forgetCurrentSession(c)
  }
  for (const name of ['session', 'same_site_strict', 'app_session', 'app_access_token'])
    c.header('set-cookie', clearedCookie(origin.cookiePrefix + name, origin), { append: true })
  // Without a client nobody vouches for the address, unless the person came from our own site, or nobody was signed in
  // and the app only wants them back.
  const vouched = client !== undefined || sameSite || (session === undefined && hint === undefined)
  if (uri === undefined || !vouched) return views.loggedOut(c)
  return goTo(c, appended(uri, asked.state === undefined ? [] : [['state', asked.state]], 'query'))
}

type Hint = { clientId: string; sid: string | undefined; sub: unknown }

function readHint(c: Ctx, text: string | undefined): Hint | undefined | 'bad' {
  if (text === undefined) return undefined
  const jwt = verifyOwnJwt(text, at(c).project.signingKeys)
  if (jwt === undefined || jwt.header.typ === 'at+jwt') return 'bad'
  const { aud, sid, sub } = jwt.claims
  const clientId: unknown = Array.isArray(aud) ? aud[0] : aud
  return typeof clientId === 'string' ? { clientId, sid: typeof sid === 'string' ? sid : undefined, sub } : 'bad'
}

/** Whether the hint names the session of this browser, or a grant made from it. */
async function sameGroup(c: Ctx, session: Session, hint: Hint): Promise<boolean> {
  if (session.kind !== 'idp' || hint.sid === undefined) return false
  const named = readSid(hint.sid)
  if (named === undefined) return false
  if (named.kind === 'idp') return named.id.equals(session.session.id)
  const { world, project } = at(c)
  const found = await findGrant(scopeOf(world.db, project), named.id)
  return found?.grant.idp_session_id?.equals(session.session.id) ?? false
}
