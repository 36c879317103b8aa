// Where an app's request enters the pages, and where a person does who has none.
import { createHash } from 'node:crypto'
import { at } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { throughHub } from '../oauth/carry.ts'
import { findOAuthRequest } from '../oauth/requests.ts'
import { insertAuthenticationResult } from '../oauth/results.ts'
import { scopeOf } from '../projects/find.ts'
import type { Session } from '../sessions/resolve.ts'
import { bindBrowser, hasSignedUp, keep } from './browser.ts'
import { redirect } from './draw.tsx'
import { featureDisabled, pageExpired } from './failures.tsx'
import { type Route, routeOf } from './routing.ts'
import { address, type Visit } from './visit.ts'

type IdpSession = Extract<Session, { kind: 'idp' }>

/** The browser's own session, if it has a live one. */
export async function browserSession(visit: Visit): Promise<IdpSession | undefined> {
  const session = await currentSession(visit.c, 'browser')
  return session?.kind === 'idp' ? session : undefined
}

const paths: Record<Exclude<Route, 'continue'>, string> = {
  promote: '/flows/promote_user',
  reauth: '/reauth',
  select_account: '/authflow/v2/select_account',
  login: '/login',
  signup: '/signup',
}

/** `GET /_internals/oauth_entrypoint?x_ref=`: the first page of an app's request. */
export async function enter(visit: Visit): Promise<Response> {
  const { c, request, now } = visit
  if (request === undefined) return pageExpired(visit)
  const { config } = at(c).project
  if (config.ui.authentication_disabled) return featureDisabled(visit)
  keep(c, 'oauth_ui', request.ref)
  bindBrowser(c)
  const session = await browserSession(visit)
  const route = routeOf(request, {
    session: session && {
      userId: session.user.id,
      authTime: session.session.auth_time,
      loginIds: session.user.identities.flatMap(({ login_id }) => (login_id === null ? [] : [login_id])),
    },
    signedUp: hasSignedUp(c),
    signupClosed: config.authentication.public_signup_disabled,
    now,
  })
  if (route === 'continue' && session !== undefined) return continueAs(visit, session)
  return redirect(c, address(visit, paths[route === 'continue' ? 'login' : route]))
}

/** Goes on with the browser's session as it is: the app learns when and how it was proved. */
export async function continueAs(visit: Visit, session: IdpSession): Promise<Response> {
  const { c, request, now } = visit
  const { world, project, origin } = at(c)
  const scope = scopeOf(world.db, project)
  const saved = request && (await findOAuthRequest(scope, request.ref, now))
  if (saved === undefined) return pageExpired(visit)
  const code = await insertAuthenticationResult(scope, {
    oauthRequestId: saved.id,
    userId: session.user.id,
    idpSessionId: session.session.id,
    grantId: null,
    authTime: session.session.auth_time,
    amr: session.session.amr,
    browser: createHash('sha256').update(bindBrowser(c)).digest(),
    now,
    random: world.random,
  })
  return redirect(c, `${origin.origin}/oauth2/consent?code=${code}`)
}

/** `GET /`: sign-in for who has an account here, else sign-up. The hub is asked first whether that is needed. */
export async function front(visit: Visit): Promise<Response> {
  const { c, url } = visit
  if (at(c).origin.carries && !url.searchParams.has('x_hub') && (await browserSession(visit)) === undefined) {
    const query = new URLSearchParams(url.search)
    query.set('x_hub', 'asked')
    return throughHub(c, `/?${query}`)
  }
  const closed = at(visit.c).project.config.authentication.public_signup_disabled
  return redirect(visit.c, address(visit, hasSignedUp(visit.c) || closed ? '/login' : '/signup'))
}
