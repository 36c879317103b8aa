// The password of somebody who is signed in.
import { checkPassword, choosePassword } from '../authenticators/password.ts'
import { findPassword, insertAuthenticator, updatePassword } from '../authenticators/store.ts'
import { append } from '../events/log.ts'
import { countAttempt } from '../limits/lockout.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { endSessionsOfUser, type SessionName } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import { inTransaction } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import type { World } from '../world.ts'

export type PasswordChange = {
  userId: string
  /** The present one; ignored when there is none yet. */
  old: string
  new: string
  /** The session that asks, which stays. */
  current: SessionName
  /** Leaves the other sessions signed in, too. */
  keepOthers: boolean
  ip: string
  /** What of the person's own is easy to guess. */
  about?: readonly string[]
}

/**
 * Changes the primary password, or sets the first one. Every other session ends, unless the person keeps them: whoever
 * knew the old password may be in one of them.
 * @throws Refusal 401 `InvalidCredentials` for the present password, 400 `PasswordPolicyViolated`, 400
 *   `ChangePasswordFailed` when the new one is the present one, 429.
 */
export async function changePassword(world: World, project: Project, change: PasswordChange): Promise<void> {
  const scope = scopeOf(world.db, project)
  const { userId, ip } = change
  const held = await findPassword(scope, userId, 'primary')
  if (held !== undefined) {
    await countAttempt(world, project, { userId, method: 'password', ip }, () =>
      checkPassword(world, project, { userId, kind: 'primary', password: change.old, ip }),
    )
    if (change.new === change.old)
      throw new Refusal({
        name: 'Invalid',
        reason: 'ChangePasswordFailed',
        message: 'the new password is the present one',
        info: { cause: { kind: 'PasswordReused' } },
      })
  }
  const hash = await choosePassword(world, project, {
    password: change.new,
    userId,
    ...(change.about ? { about: change.about } : {}),
  })
  await inTransaction(scope, async (tx) => {
    const now = world.clock.now()
    if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
    const what = { user_id: userId, type: 'password', kind: 'primary' as const }
    // What was checked is what is replaced: a password that changed meanwhile asks for the check again.
    const present = await findPassword(tx, userId, 'primary')
    if (present?.secret !== held?.secret)
      throw new Refusal({
        name: 'DataRace',
        reason: 'DataRace',
        message: 'the password was changed meanwhile; start again',
      })
    if (present === undefined) {
      const id = await insertAuthenticator(
        tx,
        { userId, type: 'password', kind: 'primary', isDefault: true, secret: hash },
        now,
      )
      await append(tx, now, 'authenticator.added', { ...what, authenticator_id: id })
    } else {
      await updatePassword(tx, { id: present.id, userId, hash }, now)
      await append(tx, now, 'authenticator.updated', { ...what, authenticator_id: present.id })
    }
    const ending = {
      event: 'user.session.terminated',
      termination: 'all_except_current',
      reason: 'the password was changed',
    } as const
    if (!change.keepOthers) await endSessionsOfUser(tx, userId, now, ending, change.current)
  })
}
