// Deleting an account: at once, whole, and announced.
import { append } from '../events/log.ts'
import { endSessionsOfUser } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import { userNotFound } from './disable.ts'
import { deleteUserRow } from './store.ts'

/**
 * Removes the user and everything of theirs, inside the caller's transaction. Sessions end first, with an event of their
 * own: verifiers of JWTs learn of endings by the session's id, which goes with the row.
 * @throws Refusal `UserNotFound`.
 */
export async function deleteUser(tx: Scope<Tx>, userId: string, now: Instant, reason?: string): Promise<void> {
  const user = await lockUser(tx, userId, 'update')
  if (user === undefined) throw userNotFound()
  await endSessionsOfUser(tx, userId, now, {
    event: 'user.session.terminated',
    termination: 'all',
    reason: 'the account was deleted',
  })
  await deleteUserRow(tx, userId)
  await append(tx, now, 'user.deleted', { user_id: userId, ...(reason !== undefined ? { reason } : {}) })
}
