// A grant that no authorization code stands behind: anonymous, biometric, device. Made together with its tokens.
import { v7 as uuidv7 } from 'uuid'
import type { ClientConfig } from '../config/schema.ts'
import type { Caller } from '../http/context.ts'
import type { Node } from '../node.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import type { Origin } from '../projects/origins.ts'
import { oauthRefusal } from '../refusal.ts'
import { newGrantSecret, refreshToken } from '../sessions/credential.ts'
import { endEarlierGrants } from '../sessions/end.ts'
import { type GrantKind, type Guard, insertGrant } from '../sessions/store.ts'
import { inTransaction } from '../storage/database.ts'
import { authorize } from './codes.ts'
import { jwtExpiry, type TokenResponse, tokenResponse } from './issue.ts'
import { fullAccess } from './scopes.ts'

/** What an SDK gets when it asks for nothing in particular. */
export const defaultScopes = ['openid', 'offline_access', fullAccess]

/**
 * Starts a grant and issues its tokens.
 * @throws Refusal `invalid_grant` when the user is gone or may not act.
 */
export async function startGrant(
  node: Node,
  project: Project,
  start: {
    kind: GrantKind
    userId: string
    client: ClientConfig
    origin: Origin
    caller: Caller
    scopes: readonly string[]
    amr: readonly string[]
    authTime?: Date
    jkt: string | null
    deviceInfo?: object | undefined
    keyHolder?: string
    /** What has been allowed already, and the statement that must hold for the grant to be made (`insertGrant`). */
    allowed?: { authorizationId: string | null; guard: Guard }
  },
): Promise<TokenResponse> {
  const { world } = node
  const { client, caller } = start
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const authTime = start.authTime ?? now
  const { secret, id } = newGrantSecret(project.id, world.random)
  const keyId = project.ring.current
  const hasRefreshToken = start.scopes.includes('offline_access')
  const record = { userId: start.userId, clientId: client.client_id, scopes: start.scopes }
  const authorizationId =
    start.allowed === undefined
      ? await inTransaction(scope, (tx) => authorize(tx, record, now))
      : start.allowed.authorizationId
  const user = await insertGrant(
    scope,
    {
      id,
      kind: start.kind,
      userId: start.userId,
      clientId: client.client_id,
      authorizationId,
      idpSessionId: null,
      sso: false,
      origin: start.origin.origin,
      scopes: start.scopes,
      authTime,
      amr: start.amr,
      ip: caller.ip,
      userAgent: caller.userAgent,
      deviceInfo: start.deviceInfo ?? null,
      hasRefreshToken,
      keyId,
      jwtExpiresAt: jwtExpiry(client, now),
      dpopJkt: start.jkt,
      keyHolder: start.keyHolder ?? null,
      app2appKey: null,
      deviceSecret: null,
      now,
    },
    {
      id: uuidv7(),
      payload: JSON.stringify({
        user_id: start.userId,
        grant_id: id.toString('base64url'),
        client_id: client.client_id,
      }),
    },
    start.allowed?.guard,
  )
  if (user === undefined)
    throw oauthRefusal('invalid_grant', 'InvalidCredentials', { detail: 'no such user, or one who may not act' })
  if (client.x_max_concurrent_session === 1) await endEarlierGrants(world, project, { userId: user.id, kept: id })
  return tokenResponse(world, project, client, {
    holder: {
      id,
      generation: 0,
      scopes: start.scopes,
      auth_time: authTime,
      amr: start.amr,
      origin: start.origin.origin,
    },
    user,
    now,
    jkt: start.jkt,
    refreshToken: hasRefreshToken
      ? refreshToken({ secret, generation: 0, keyId }, { ring: project.ring, projectId: project.id })
      : undefined,
  })
}
