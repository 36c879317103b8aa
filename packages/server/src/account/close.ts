// An account's owner closes it.
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { inTransaction } from '../storage/database.ts'
import { closeAccount } from '../users/deletion.ts'
import type { Instant, World } from '../world.ts'

/**
 * Closes the account of this user; every session of theirs ends.
 * @returns when it is erased.
 * @throws Refusal `Forbidden` where the project keeps that to itself; as `closeAccount`.
 */
export async function closeOwnAccount(world: World, project: Project, userId: string): Promise<Instant> {
  const { scheduled_by_end_user_enabled, grace_period_days } = project.config.account_deletion
  if (!scheduled_by_end_user_enabled)
    throw new Refusal({ name: 'Forbidden', reason: 'Forbidden', message: 'users may not delete their accounts here' })
  return inTransaction(scopeOf(world.db, project), (tx) =>
    closeAccount(tx, userId, grace_period_days, world.clock.now()),
  )
}
