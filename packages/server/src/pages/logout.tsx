// Signing out, asked first: whoever only follows a link is not signed out by it.
import { at, type Ctx } from '../http/context.ts'
import { clearedCookie } from '../http/cookies.ts'
import { currentSession, forgetCurrentSession } from '../http/current.ts'
import { endSession } from '../sessions/end.ts'
import { setCookies } from './browser.ts'
import { insideOf } from './destination.ts'
import { draw, redirect } from './draw.tsx'
import type { Form as Fields } from './page.ts'
import { Button, Buttons, Emblem, Form, Lead } from './parts.tsx'
import { T } from './sentences.tsx'
import { address, type Visit } from './visit.ts'

/** Clears the cookies of a session that has ended. */
export function forgetCookies(c: Ctx): void {
  const { origin } = at(c)
  setCookies(
    c,
    ['session', 'same_site_strict', 'app_session', 'app_access_token'].map((cookie) =>
      clearedCookie(origin.cookiePrefix + cookie, origin),
    ),
  )
}

/** Where a signed-out person goes (wire contract §2.13). */
function afterwards(visit: Visit): string {
  const { project, origin } = at(visit.c)
  const { ui, oauth } = project.config
  const asked = visit.url.searchParams.get('redirect_uri')
  const inside = asked === null ? undefined : insideOf(origin.origin, asked)
  if (inside !== undefined) return inside
  const wanted = visit.url.searchParams.get('post_logout_redirect_uri') ?? asked
  if (wanted !== null && oauth.clients.some((client) => client.post_logout_redirect_uris?.includes(wanted)))
    return wanted
  return ui.default_post_logout_redirect_uri ?? '/login'
}

export async function drawLogout(visit: Visit): Promise<Response> {
  const { words, site } = visit
  const session = await currentSession(visit.c, 'cookies')
  if (session === undefined)
    return draw(visit, {
      title: { k: 'logout.done_title' },
      emblem: <Emblem icon="out" tone="ok" />,
      body: (
        <>
          <Lead>
            <T k="logout.done" />
          </Lead>
          <Button href="/login">{words('common.sign_in')}</Button>
        </>
      ),
    })
  return draw(visit, {
    title: { k: 'logout.title', vars: { app: site.name } },
    leadsTo: [afterwards(visit)],
    body: (
      <>
        <Lead>
          <T k="logout.help" vars={{ app: site.name }} />
        </Lead>
        <Form hidden={{ x_action: 'logout' }}>
          <Buttons>
            <Button>{words('logout.submit')}</Button>
            <Button kind="secondary" href={address(visit, '/settings')}>
              {words('logout.stay')}
            </Button>
          </Buttons>
        </Form>
      </>
    ),
  })
}

export async function takeLogout(visit: Visit, form: Fields): Promise<Response> {
  const { c } = visit
  if (form.get('x_action') !== 'logout') return redirect(c, visit.url.pathname + visit.url.search)
  const { world, project } = at(c)
  const session = await currentSession(c, 'cookies')
  if (session !== undefined) {
    const name =
      session.kind === 'idp'
        ? { kind: session.kind, id: session.session.id }
        : { kind: session.kind, id: session.grant.id }
    await endSession(world, project, name, { event: 'user.signed_out', reason: 'signed out' })
    forgetCurrentSession(c)
  }
  forgetCookies(c)
  return redirect(c, afterwards(visit))
}
