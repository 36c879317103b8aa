// Ending: the node and every live descendant in one transaction, with one event that lists their public ids (D8).
import type { Events } from '../events/kinds.ts'
import { append } from '../events/log.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { inTransaction, type Scope, type Tx } from '../storage/database.ts'
import type { Instant, World } from '../world.ts'
import {
  type Ended,
  endNodes,
  lockUser,
  openSessionsOf,
  ownerOfIdpSession,
  placeOfGrant,
  revokeToken,
} from './store.ts'

export type SessionName = { kind: 'idp' | 'offline_grant'; id: Buffer }

export type Ending = { reason: string } & (
  | { event: 'user.signed_out' | 'session.reuse_detected' }
  | { event: 'user.session.terminated'; termination: 'individual' | 'all' | 'all_except_current' }
)

/**
 * What must end when this node ends: a browser session with all its grants, an SSO grant's whole group, or a grant that
 * stands alone. Undefined when there is no such node.
 */
async function groupOf(scope: Scope, name: SessionName) {
  if (name.kind === 'idp') {
    const userId = await ownerOfIdpSession(scope, name.id)
    return userId === undefined ? undefined : { userId, idpSessions: [name.id], grants: [] }
  }
  const grant = await placeOfGrant(scope, name.id)
  if (grant === undefined) return undefined
  const above = grant.sso && grant.idp_session_id !== null ? [grant.idp_session_id] : []
  return { userId: grant.user_id, idpSessions: above, grants: [name.id] }
}

/** Announces what ended; nothing ended is nothing announced. */
export async function announceEnded(tx: Scope<Tx>, ended: Ended, ending: Ending, at: Instant): Promise<void> {
  if (ended.idpSessions.length + ended.grants.length === 0) return
  const payload: Events['user.signed_out'] = {
    user_id: ended.userId,
    reason: ending.reason,
    idp_sessions: ended.idpSessions.map((id) => id.toString('base64url')),
    grants: ended.grants.map((grant) => ({
      id: grant.id.toString('base64url'),
      client_id: grant.client_id,
      origin: grant.origin,
      ...(grant.last_issued_exp ? { exp: Math.floor(grant.last_issued_exp.getTime() / 1000) } : {}),
    })),
  }
  if (ending.event === 'user.session.terminated')
    await append(tx, at, ending.event, { ...payload, termination_type: ending.termination })
  else await append(tx, at, ending.event, payload)
}

/** Ends a session's group. @returns whether anything was still alive. */
export function endSession(world: World, project: Project, name: SessionName, ending: Ending): Promise<boolean> {
  return inTransaction(scopeOf(world.db, project), (tx) => endSessionWithin(tx, name, world.clock.now(), ending))
}

/** As `endSession`, within a transaction of the caller's. */
export async function endSessionWithin(
  tx: Scope<Tx>,
  name: SessionName,
  at: Instant,
  ending: Ending,
): Promise<boolean> {
  const group = await groupOf(tx, name)
  if (group === undefined) return false
  const ended = await endNodes(tx, group, { at, reason: ending.reason })
  await announceEnded(tx, ended, ending, at)
  return ended.idpSessions.length + ended.grants.length > 0
}

/** All sessions of a user within a transaction of the caller's, who holds the user row; `except` keeps its group alive. */
export async function endSessionsOfUser(
  tx: Scope<Tx>,
  userId: string,
  at: Instant,
  ending: Ending,
  except?: SessionName,
): Promise<void> {
  await lockUser(tx, userId, 'update')
  const open = await openSessionsOf(tx, userId)
  const kept = except && (await groupOf(tx, except))
  const keptSessions = new Set(kept?.idpSessions.map((id) => id.toString('hex')))
  const keptGrants = new Set(kept?.grants.map((id) => id.toString('hex')))
  const ended = await endNodes(
    tx,
    {
      userId,
      idpSessions: open.idp.map((session) => session.id).filter((id) => !keptSessions.has(id.toString('hex'))),
      grants: open.grants
        .filter((grant) => !keptGrants.has(grant.id.toString('hex')))
        .filter((grant) => grant.idp_session_id === null || !keptSessions.has(grant.idp_session_id.toString('hex')))
        .map((grant) => grant.id),
      spare: kept?.grants ?? [],
    },
    { at, reason: ending.reason },
  )
  await announceEnded(tx, ended, ending, at)
}

/** One session a client: a new grant ends the user's earlier ones of its client, so that of two at once one remains. */
export async function endEarlierGrants(
  world: World,
  project: Project,
  { userId, kept }: { userId: string; kept: Buffer },
): Promise<void> {
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    await lockUser(tx, userId, 'update')
    const { grants } = await openSessionsOf(tx, userId)
    const mine = grants.find((grant) => grant.id.equals(kept))
    if (mine === undefined) return
    const age = (grant: typeof mine) => grant.created_at.getTime() - mine.created_at.getTime()
    const earlier = grants.filter(
      (grant) =>
        grant.client_id === mine.client_id && (age(grant) < 0 || (age(grant) === 0 && grant.id.compare(kept) < 0)),
    )
    const [at, reason] = [world.clock.now(), 'one concurrent session']
    const nodes = { userId, idpSessions: [], grants: earlier.map((grant) => grant.id) }
    const ended = await endNodes(tx, nodes, { at, reason })
    await announceEnded(tx, ended, { event: 'user.session.terminated', termination: 'all_except_current', reason }, at)
  })
}

/** Ends one access token and nothing else (D3). Its id is the token's, or the JWT's `jti`. */
export function endAccessToken(
  world: World,
  project: Project,
  token: { id: string; grantId: Buffer; expiresAt: Instant; jwt: boolean },
): Promise<void> {
  return inTransaction(scopeOf(world.db, project), async (tx) => {
    if (!(await revokeToken(tx, token))) return
    await append(tx, world.clock.now(), 'access_token.revoked', {
      token_id: token.id,
      grant_id: token.grantId.toString('base64url'),
      exp: Math.floor(token.expiresAt.getTime() / 1000),
      jwt: token.jwt,
    })
  })
}
