// A user without any login ID, made on the spot.
import { randomUUID } from 'node:crypto'
import { append } from '../events/log.ts'
import { insertIdentity } from '../identities/store.ts'
import { addressKey, charge } from '../limits/rate.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { inTransaction } from '../storage/database.ts'
import type { World } from '../world.ts'
import { insertUser } from './store.ts'

/** @throws Refusal `AnonymousUserDisallowed` where the project has no anonymous users. */
export function assertAnonymousAllowed(project: Project): void {
  if (project.config.authentication.identities.includes('anonymous')) return
  throw new Refusal({
    name: 'Invalid',
    reason: 'Invalid',
    message: 'anonymous user disallowed',
    oauth: 'unauthorized_client',
    info: { cause: { kind: 'AnonymousUserDisallowed' } },
  })
}

/**
 * Makes an anonymous user, with a device's key pair behind it or with nothing but the session to come.
 * @returns the user's id.
 * @throws Refusal 429, `AnonymousUserDisallowed`, or `DataRace` when another request has just made a user of this key.
 */
export async function createAnonymousUser(
  world: World,
  project: Project,
  given: { ip: string; key?: { id: string; jwk: Record<string, unknown> } },
): Promise<string> {
  assertAnonymousAllowed(project)
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  await charge(
    scope,
    [
      {
        name: 'SignupAnonymousPerIP',
        group: 'authentication.signup_anonymous',
        per: 'per_ip',
        of: [addressKey(given.ip)],
        limit: project.config.authentication.rate_limits.signup_anonymous.per_ip,
      },
    ],
    now,
  )
  return inTransaction(scope, async (tx) => {
    const userId = await insertUser(tx, { standardAttributes: {}, customAttributes: {} }, now)
    const identityId = await insertIdentity(
      tx,
      userId,
      { type: 'anonymous', keyId: given.key?.id ?? randomUUID(), key: given.key?.jwk },
      now,
    )
    if (identityId === undefined)
      throw new Refusal({
        name: 'DataRace',
        reason: 'DataRace',
        message: 'this key is being used by another request',
        oauth: 'invalid_grant',
      })
    await append(tx, now, 'user.created', { user_id: userId })
    return userId
  })
}
