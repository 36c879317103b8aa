// From an app into the browser: a one-time token becomes the `app_session` cookie, and a settings action comes back with
// a code when it is done (wire contract §2.3).
import { at, type Ctx } from '../http/context.ts'
import { setCookie } from '../http/cookies.ts'
import { scopeOf } from '../projects/find.ts'
import { oauthRefusal } from '../refusal.ts'
import { mintCookie } from '../sessions/credential.ts'
import { findGrant, insertAppSession } from '../sessions/store.ts'
import type { Checked } from './authorize.ts'
import { complete } from './finish.ts'
import { takeOneTimeToken } from './one_time.ts'
import type { OAuthRequest } from './request.ts'
import { saveOAuthRequest, takeOAuthRequest } from './requests.ts'

/** Turns the token into the cookie and goes on, with no OAuth parameter added. @throws Refusal `invalid_request`. */
export async function openAppSession(c: Ctx, checked: Extract<Checked, { kind: 'app_session' }>): Promise<Response> {
  const { world, project, origin } = at(c)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const data = await takeOneTimeToken(scope, 'app_session_token', checked.token, now)
  if (typeof data?.grant_id !== 'string')
    throw oauthRefusal('invalid_request', 'the app session token is unknown, used or too old')
  const found = await findGrant(scope, Buffer.from(data.grant_id, 'base64url'))
  if (found === undefined || found.grant.ended_at !== null)
    throw oauthRefusal('invalid_request', 'the session of the app session token has ended')
  const { user, grant } = found
  const { request } = checked
  if (request?.hint !== undefined && request.hint.sub !== user.id)
    throw oauthRefusal('invalid_request', 'id_token_hint and app session token are of different users')
  const { token, id } = mintCookie('app_session', { ring: project.ring, projectId: project.id, random: world.random })
  await insertAppSession(scope, { id, grantId: grant.id, now })
  c.header(
    'set-cookie',
    setCookie({ name: `${origin.cookiePrefix}app_session`, value: token, sameSite: 'Lax', shared: true }, origin),
    { append: true },
  )
  if (request?.settingsAction === undefined) return c.redirect(checked.to.redirectUri, 302)
  // Whoever finishes the action must be the user that the app sent.
  const kept = { ...request, hint: { ...request.hint, sub: user.id } }
  const ref = await saveOAuthRequest(scope, { request: kept, random: world.random, now })
  return c.redirect(settingsPage(origin.origin, kept, ref), 302)
}

/**
 * Sends the person back to the app whose settings action they have finished, with a code for the settings-action grant.
 * @param ref the page's `x_ref`.
 * @param by who did it, session or not (closing an account ends it).
 * @returns undefined when no settings action of this user waits under that reference: there is nowhere to go back to.
 */
export async function completeSettingsAction(
  c: Ctx,
  ref: string,
  by: { userId: string; authTime: Date; amr: readonly string[] },
): Promise<Response | undefined> {
  const { world, project } = at(c)
  const request = await takeOAuthRequest(scopeOf(world.db, project), ref, world.clock.now(), {
    settingsActionOf: by.userId,
  })
  return request && complete(c, request, { ...by, idpSessionId: null, grantId: null })
}

const settingsPages: Record<NonNullable<OAuthRequest['settingsAction']>, string> = {
  change_password: '/settings/change_password',
  delete_account: '/settings/delete_account',
  add_email: '/settings/identity/add_email',
  add_phone: '/settings/identity/add_phone',
  add_username: '/settings/identity/add_username',
  change_email: '/settings/identity/change_email',
  change_phone: '/settings/identity/change_phone',
  change_username: '/settings/identity/change_username',
  link_oauth: '/settings/identity/oauth',
  unlink_oauth: '/settings/identity/oauth',
}

/** The settings page of an action; `x_ref` brings the person back to the app when it is done. */
function settingsPage(origin: string, request: OAuthRequest, ref: string): string {
  const url = new URL(settingsPages[request.settingsAction as NonNullable<OAuthRequest['settingsAction']>], origin)
  for (const [name, value] of new URLSearchParams(request.settingsActionQuery ?? ''))
    if (name.startsWith('q_') && value !== 'undefined') url.searchParams.set(name, value)
  url.searchParams.set('x_ref', ref)
  if (request.uiLocales !== undefined) url.searchParams.set('ui_locales', request.uiLocales)
  if (request.colorScheme !== undefined) url.searchParams.set('x_color_scheme', request.colorScheme)
  return url.href
}
