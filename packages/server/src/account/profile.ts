// What a signed-in person says about themselves.
import { append } from '../events/log.ts'
import { identitiesOf } from '../identities/store.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { lockUser } from '../sessions/store.ts'
import { inTransaction } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import { type AttributeValue, withAttributes } from '../users/profile.ts'
import { updateAttributes } from '../users/store.ts'
import type { World } from '../world.ts'

/**
 * Sets attributes as their owner; null removes one. All or none.
 * @throws Refusal `ValidationFailed` with a cause for each bad value; `AccessControlViolated` 403.
 */
export async function changeProfile(
  world: World,
  project: Project,
  userId: string,
  values: readonly AttributeValue[],
): Promise<void> {
  await inTransaction(scopeOf(world.db, project), async (tx) => {
    const now = world.clock.now()
    const user = await lockUser(tx, userId, 'update')
    if (user === undefined) throw userNotFound()
    const before = { standard: user.standard_attributes, custom: user.custom_attributes }
    const own = await identitiesOf(tx, userId)
    const attributes = withAttributes(project.config.user_profile, before, values, { own, party: 'end_user' })
    await updateAttributes(tx, userId, attributes, now)
    await append(tx, now, 'user.profile.updated', { user_id: userId })
  })
}
