// Closing an account: it may do nothing from now on, and is erased when its days of grace are over.
import { append } from '../events/log.ts'
import { lockUser } from '../sessions/store.ts'
import { inTransaction, type Query, type Scope, type Tx } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'
import { deleteUser } from './delete.ts'
import { endIfBarred, heldUser } from './disable.ts'
import { updateStatus, usersDueForDeletion } from './store.ts'

/**
 * Closes the account by its owner's wish, inside the caller's transaction; its sessions end. One that is closed already
 * keeps its day.
 * @returns when it is erased.
 * @throws Refusal `UserNotFound`, `UserIsAnonymized`.
 */
export async function closeAccount(tx: Scope<Tx>, userId: string, graceDays: number, now: Instant): Promise<Instant> {
  const user = await heldUser(tx, userId)
  if (user.delete_at !== null) return user.delete_at
  const change = { is_deactivated: true, delete_at: after(now, graceDays * 86_400) }
  await updateStatus(tx, userId, change, now)
  await append(tx, now, 'user.deletion_scheduled', {
    user_id: userId,
    delete_at: change.delete_at.toISOString(),
    by: 'end_user',
  })
  await endIfBarred(tx, { ...user, ...change }, now, 'the account was closed by its owner')
  return change.delete_at
}

/** Erases up to `most` accounts whose day has come, each in a transaction of its own. */
export async function eraseDue(db: { query: Query }, now: Instant, most = 100): Promise<void> {
  for (const { project_id: projectId, id } of await usersDueForDeletion(db.query, now, most))
    await inTransaction({ projectId, query: db.query }, async (tx) => {
      // Meanwhile another node was faster, or somebody has brought the account back.
      const user = await lockUser(tx, id, 'update')
      if (user?.delete_at == null || user.delete_at > now) return
      await deleteUser(tx, id, now, 'its days of grace are over')
    })
}
