// Taking back what a user allowed a client: the record and every grant made under it. The browser session stays; it was
// never the client's.
import { append } from '../events/log.ts'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import { announceEnded } from './end.ts'
import { deleteAuthorization, endNodes, grantsOfAuthorization } from './store.ts'

/**
 * Removes the authorization inside the caller's transaction.
 * @returns whose it was, or undefined when there is none.
 */
export async function withdrawAuthorization(
  tx: Scope<Tx>,
  id: string,
  at: Instant,
  reason: string,
): Promise<string | undefined> {
  const removed = await deleteAuthorization(tx, id)
  if (removed === undefined) return undefined
  const { user_id: userId, client_id } = removed
  const grants = await grantsOfAuthorization(tx, id)
  const ended = await endNodes(tx, { userId, idpSessions: [], grants }, { at, reason })
  await announceEnded(tx, ended, { event: 'user.session.terminated', termination: 'individual', reason }, at)
  await append(tx, at, 'authorization.removed', { user_id: userId, client_id })
  return userId
}
