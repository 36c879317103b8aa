// Where a person is signed in, and what they let in: listed as they know it, ended by its owner alone.

import { isThirdParty } from '../oauth/clients.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { announceEnded, type SessionName } from '../sessions/end.ts'
import { browserLifetimes, grantLifetimes, isAlive } from '../sessions/session.ts'
import { authorizationsOf, endNodes, type Grant, lockUser, openSessionsOf } from '../sessions/store.ts'
import { withdrawAuthorization } from '../sessions/withdraw.ts'
import { inTransaction, type Scope, type Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import type { Instant, World } from '../world.ts'

/** One place where the person is signed in: a browser with the apps that share its session, or an app by itself. */
export type Place = {
  name: SessionName
  /** base64url of the id. */
  id: string
  current: boolean
  createdAt: Instant
  lastAccessAt: Instant
  ip: string
  userAgent: string
  deviceInfo: Record<string, unknown> | null
  /** Client of a grant that stands alone. */
  clientId: string | undefined
}

/** The session that asks, as the node of the tree whose group it belongs to. */
export type Asking = SessionName & { idpSessionId?: Buffer | undefined }

const text = (id: Buffer) => id.toString('base64url')

/**
 * Every place, last used first (wire contract §4.3): SSO grants are folded into their browser session, which takes the
 * newest one's device; grants that only third parties use are listed as apps instead.
 */
export async function placesOf(world: World, project: Project, userId: string, asking: Asking): Promise<Place[]> {
  const now = world.clock.now()
  const { idp, grants } = await openSessionsOf(scopeOf(world.db, project), userId)
  const browser = browserLifetimes(project.config.session)
  const sessions = idp.filter((session) => isAlive(session, browser, now))
  const alive = grants.filter((grant) => {
    const client = project.clients.get(grant.client_id)
    if (client === undefined || !isAlive(grant, grantLifetimes(client, grant.has_refresh_token), now)) return false
    return (
      !grant.sso || sessions.some((session) => grant.idp_session_id !== null && session.id.equals(grant.idp_session_id))
    )
  })
  const own = alive.filter((grant) => {
    const client = project.clients.get(grant.client_id)
    return client !== undefined && !isThirdParty(client)
  })
  const currentId = text(asking.idpSessionId ?? asking.id)
  const places = sessions.map((session): Place => {
    const folded = own.filter((grant) => grant.sso && grant.idp_session_id?.equals(session.id))
    const newest: Grant | undefined = folded[0]
    const last = newest !== undefined && newest.last_access_at > session.last_access_at ? newest : session
    return {
      name: { kind: 'idp', id: session.id },
      id: text(session.id),
      current: text(session.id) === currentId,
      createdAt: session.created_at,
      lastAccessAt: last.last_access_at,
      ip: last.last_access_ip,
      userAgent: session.user_agent,
      deviceInfo: folded.find((grant) => grant.device_info !== null)?.device_info ?? null,
      clientId: undefined,
    }
  })
  const alone = own
    .filter((grant) => !grant.sso)
    .map(
      (grant): Place => ({
        name: { kind: 'offline_grant', id: grant.id },
        id: text(grant.id),
        current: text(grant.id) === currentId,
        createdAt: grant.created_at,
        lastAccessAt: grant.last_access_at,
        ip: grant.last_access_ip,
        userAgent: grant.user_agent,
        deviceInfo: grant.device_info,
        clientId: grant.client_id,
      }),
    )
  return [...places, ...alone].sort(
    (a, b) => Number(b.current) - Number(a.current) || b.lastAccessAt.getTime() - a.lastAccessAt.getTime(),
  )
}

/**
 * Ends places inside the caller's transaction. The grant that asks may have been made from a browser session that ends
 * here, and what a third party was let do is not signed out with a device: both are spared.
 */
async function endAll(
  tx: Scope<Tx>,
  project: Project,
  userId: string,
  places: readonly Place[],
  asking: Asking,
  ending: Ending,
): Promise<void> {
  const { grants } = await openSessionsOf(tx, userId)
  const thirds = grants.filter((grant) => {
    const client = project.clients.get(grant.client_id)
    return client !== undefined && isThirdParty(client) && !grant.sso
  })
  const ids = (kind: SessionName['kind']) =>
    places.filter((place) => place.name.kind === kind).map((place) => place.name.id)
  const spare = [...thirds.map((grant) => grant.id), ...(asking.kind === 'offline_grant' ? [asking.id] : [])]
  const nodes = { userId, idpSessions: ids('idp'), grants: ids('offline_grant'), spare }
  await announceEnded(tx, await endNodes(tx, nodes, { at: ending.at, reason: ending.reason }), ending, ending.at)
}

type Ending = {
  event: 'user.session.terminated'
  termination: 'individual' | 'all_except_current'
  reason: string
  at: Instant
}

/**
 * Signs out one of the person's own places. @returns the place as it was.
 * @throws Refusal `Invalid` for the place that asks; `SessionNotFound` for one that is not theirs, or gone.
 */
export async function endPlace(
  world: World,
  project: Project,
  userId: string,
  id: string,
  asking: Asking,
): Promise<Place> {
  const place = (await placesOf(world, project, userId, asking)).find((one) => one.id === id)
  if (place === undefined)
    throw new Refusal({ name: 'NotFound', reason: 'SessionNotFound', message: 'session not found' })
  if (place.current) throw new Refusal({ name: 'Invalid', reason: 'Invalid', message: 'cannot revoke current session' })
  const ending = {
    event: 'user.session.terminated',
    termination: 'individual',
    reason: 'ended by its owner',
    at: world.clock.now(),
  } as const
  await inTransaction(scopeOf(world.db, project), (tx) => endAll(tx, project, userId, [place], asking, ending))
  return place
}

/** Signs out everywhere but here; what the person let third parties do stays. @returns how many places ended. */
export async function endOtherPlaces(world: World, project: Project, userId: string, asking: Asking): Promise<number> {
  const others = (await placesOf(world, project, userId, asking)).filter((place) => !place.current)
  const ending = {
    event: 'user.session.terminated',
    termination: 'all_except_current',
    reason: 'ended by its owner',
    at: world.clock.now(),
  } as const
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
    await endAll(tx, project, userId, others, asking, ending)
  })
  return others.length
}

export type AllowedApp = { id: string; clientId: string; since: Instant; scopes: readonly string[] }

/** Third-party apps that the person let in, newest first. */
export async function allowedApps(world: World, project: Project, userId: string): Promise<AllowedApp[]> {
  const rows = await authorizationsOf(scopeOf(world.db, project), userId)
  return rows.flatMap((row) => {
    const client = project.clients.get(row.client_id)
    return client !== undefined && isThirdParty(client)
      ? [{ id: row.id, clientId: row.client_id, since: row.created_at, scopes: row.scopes }]
      : []
  })
}

/** Takes back what the person let an app do; its sessions end. @throws Refusal `AuthorizationNotFound`. */
export async function removeApp(world: World, project: Project, userId: string, id: string): Promise<AllowedApp> {
  const app = (await allowedApps(world, project, userId)).find((one) => one.id === id)
  if (app === undefined)
    throw new Refusal({ name: 'NotFound', reason: 'AuthorizationNotFound', message: 'authorization not found' })
  await inTransaction(scopeOf(world.db, project), (tx) =>
    withdrawAuthorization(tx, id, world.clock.now(), 'ended by its owner'),
  )
  return app
}
