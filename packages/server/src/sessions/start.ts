// A new browser session, and its two cookies.
import { append } from '../events/log.ts'
import { setCookie } from '../http/cookies.ts'
import type { Project } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { Refusal } from '../refusal.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { barred } from '../users/status.ts'
import { touchLastLogin } from '../users/store.ts'
import type { Instant, World } from '../world.ts'
import { mintCookie } from './credential.ts'
import { announceEnded } from './end.ts'
import { endNodes, insertIdpSession, lockUser } from './store.ts'

export type StartedSession = { id: Buffer; cookies: string[] }

/**
 * Starts a browser session inside the caller's transaction. One browser holds one session: `replaces`, the session that
 * the same browser presented, ends with its whole group.
 * @returns the session's id and the Set-Cookie values.
 * @throws Refusal 403 with the account-status reason when the user may not act.
 */
export async function startBrowserSession(
  tx: Scope<Tx>,
  world: World,
  project: Project,
  start: {
    userId: string
    origin: Origin
    authTime: Instant
    amr: readonly string[]
    caller: { ip: string; userAgent: string }
    replaces?: { id: Buffer; userId: string } | undefined
    clientId?: string | undefined
  },
): Promise<StartedSession> {
  const now = world.clock.now()
  // The row is written below; two sign-ins that both only shared it would each wait for the other.
  const user = await lockUser(tx, start.userId, 'update')
  if (user === undefined) throw new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
  const bar = barred(user, now)
  if (bar !== undefined) throw new Refusal({ name: 'Forbidden', message: 'this account may not sign in', ...bar })
  if (start.replaces !== undefined) {
    const { id, userId } = start.replaces
    const ended = await endNodes(
      tx,
      { userId, idpSessions: [id], grants: [] },
      { at: now, reason: 'replaced by a new sign-in' },
    )
    await announceEnded(tx, ended, { event: 'user.signed_out', reason: 'replaced by a new sign-in' }, now)
  }
  const { token, id } = mintCookie('session', { ring: project.ring, projectId: project.id, random: world.random })
  await insertIdpSession(tx, {
    id,
    userId: start.userId,
    origin: start.origin.origin,
    authTime: start.authTime,
    amr: start.amr,
    ip: start.caller.ip,
    userAgent: start.caller.userAgent,
    now,
  })
  await touchLastLogin(tx, start.userId, now)
  await append(tx, now, 'user.authenticated', {
    user_id: start.userId,
    idp_session_id: id.toString('base64url'),
    ...(start.clientId !== undefined ? { client_id: start.clientId } : {}),
    amr: [...start.amr],
  })
  return { id, cookies: sessionCookies(project, start.origin, token) }
}

/** The `session` cookie, and its Strict twin that tells a same-site navigation. */
export function sessionCookies(project: Project, origin: Origin, token: string): string[] {
  const { session } = project.config
  const lifetime = session.use_session_cookie ? {} : { maxAgeSeconds: session.lifetime_seconds }
  return [
    setCookie(
      { name: `${origin.cookiePrefix}session`, value: token, sameSite: 'Lax', shared: true, ...lifetime },
      origin,
    ),
    setCookie(
      { name: `${origin.cookiePrefix}same_site_strict`, value: 'true', sameSite: 'Strict', shared: true, ...lifetime },
      origin,
    ),
  ]
}
