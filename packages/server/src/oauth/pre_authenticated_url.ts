// A browser opened by a native app with a one-time token: signed in to a web app by the cookie `app_access_token`
// (wire contract §2.3).
import { at, type Ctx } from '../http/context.ts'
import { setCookie } from '../http/cookies.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import { noteIssued } from '../sessions/store.ts'
import type { Checked } from './authorize.ts'
import { accessExpiry, accessToken, jwtExpiry } from './issue.ts'
import { takeOneTimeToken } from './one_time.ts'
import { liveGrant } from './presented_grant.ts'
import { appended, goTo } from './respond.ts'

/** Spends the token, sets the cookie and goes on. @throws Refusal `invalid_request`; the token is spent even then. */
export async function openPreAuthenticated(
  c: Ctx,
  checked: Extract<Checked, { kind: 'pre_authenticated' }>,
): Promise<Response> {
  const { world, project, origin } = at(c)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const refusal = (why: string) => oauthRefusal('invalid_request', why)
  const data = await takeOneTimeToken(scope, 'pre_authenticated_url', checked.token, now)
  if (typeof data?.grant_id !== 'string' || data.client_id !== checked.client.client_id)
    throw refusal('the token is unknown, used, too old or for another client')
  const grantId = Buffer.from(data.grant_id, 'base64url')
  if (!grantId.equals(checked.grantId)) throw refusal('token and id_token_hint are of different sessions')
  const found = await liveGrant(world, project, grantId)
  const owner = found && project.clients.get(found.grant.client_id)
  if (found === undefined || owner === undefined || found.user.id !== checked.sub)
    throw refusal('the session has ended')
  const { grant, user } = found
  const scopes = (data.scopes as string[]).filter((one) => grant.scopes.includes(one))
  const expiresAt = accessExpiry(owner, now)
  const narrowed = scopes.length < grant.scopes.length
  if (!(await noteIssued(scope, grant.id, jwtExpiry(owner, now, narrowed)))) throw refusal('the session has ended')
  const token = await accessToken(world, project, owner, {
    holder: { ...grant, scopes },
    user,
    now,
    expiresAt,
    jkt: null,
    narrowed,
  })
  const cookie = {
    name: `${origin.cookiePrefix}app_access_token`,
    value: token,
    sameSite: 'Lax' as const,
    shared: true,
  }
  c.header('set-cookie', setCookie(cookie, origin), { append: true })
  const { state, redirectUri } = checked.to
  return goTo(c, appended(redirectUri, state === undefined ? [] : [['state', state]], 'query'))
}
