// Who stands behind a settings page, and the ways in and out of one.

import type { Asking } from '../../account/sessions.ts'
import { at } from '../../http/context.ts'
import { currentSession } from '../../http/current.ts'
import { completeSettingsAction } from '../../oauth/app_session.ts'
import { Refusal } from '../../refusal.ts'
import { isAnonymous, type UserFacts } from '../../users/facts.ts'
import { carry, type News } from '../carried.ts'
import { redirect } from '../draw.tsx'
import { problemOf } from '../errors.ts'
import type { Form } from '../page.ts'
import { address, type Visit } from '../visit.ts'

export type Person = { user: UserFacts; asking: Asking; authTime: Date; amr: readonly string[] }
export type SettingsPage = {
  path: string
  get(visit: Visit, person: Person): Response | Promise<Response>
  post?(visit: Visit, person: Person, form: Form): Promise<Response>
}

/** The signed-in person, or the way to become one. Guests have the first page only. */
export async function personAt(visit: Visit, path: string): Promise<Person | Response> {
  const { c, url } = visit
  const { ui } = at(c).project.config
  if (ui.settings_disabled) return redirect(c, '/errors/feature_disabled')
  const session = await currentSession(c, 'cookies')
  if (session === undefined) return redirect(c, `/?${new URLSearchParams({ redirect_uri: url.pathname + url.search })}`)
  if (isAnonymous(session.user) && path !== '/settings') return redirect(c, '/settings')
  const node = session.kind === 'idp' ? session.session : session.grant
  const above = session.kind === 'offline_grant' && session.grant.sso ? session.grant.idp_session_id : null
  return {
    user: session.user,
    asking: { kind: session.kind, id: node.id, ...(above ? { idpSessionId: above } : {}) },
    authTime: node.auth_time,
    amr: node.amr,
  }
}

/** Back to this page with what was refused and what was typed; anything unexpected goes on up. */
export function refused(visit: Visit, error: unknown, typed: Record<string, string> = {}): Response {
  if (!(error instanceof Refusal) || error.name === 'ServiceUnavailable') throw error
  const here = visit.url.pathname + visit.url.search
  carry(visit.c, here, { problem: problemOf(error), typed })
  return redirect(visit.c, here)
}

/** On to another page of the settings with good news. */
export async function onTo(visit: Visit, path: string, news?: News): Promise<Response> {
  // What was just changed must not be shown as it was: this node hears its own event before it draws the next page.
  await at(visit.c).node.log.poll()
  const to = address(visit, path)
  if (news !== undefined) carry(visit.c, to, { news })
  return redirect(visit.c, to)
}

/** Done: back to the app that asked for this one action, or on to `path`. */
export async function done(visit: Visit, person: Person, path: string, news?: News): Promise<Response> {
  const { request } = visit
  if (request?.settingsAction === undefined) return onTo(visit, path, news)
  const by = { userId: person.user.id, authTime: person.authTime, amr: person.amr }
  return (await completeSettingsAction(visit.c, request.ref, by)) ?? onTo(visit, path, news)
}
