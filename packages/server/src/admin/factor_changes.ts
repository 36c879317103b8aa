// Mutations about second factors and locked accounts (management §2.4).
import { deleteDeviceTokens } from '../authenticators/device_token.ts'
import { deleteRecoveryCodes } from '../authenticators/recovery_code_store.ts'
import { authenticatorsOf, deleteAuthenticators } from '../authenticators/store.ts'
import { append } from '../events/log.ts'
import { resetLockout } from '../limits/lockout.ts'
import { Refusal } from '../refusal.ts'
import { lockUser } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { userNotFound } from '../users/disable.ts'
import { updateGracePeriod } from '../users/store.ts'
import { after, type Instant } from '../world.ts'
import { addUserChange } from './changes.ts'
import { rawId } from './ids.ts'

/** No grace lasts longer. */
const mostDays = 90

async function held(tx: Scope<Tx>, userId: string): Promise<string> {
  if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
  return userId
}

/** @throws Refusal `MFAGracePeriodInvalid` for a time that is past, or too far away. */
function assertGrace(endAt: Date, now: Instant): void {
  if (endAt > now && endAt <= after(now, mostDays * 86_400)) return
  throw new Refusal({
    name: 'Invalid',
    reason: 'MFAGracePeriodInvalid',
    message: `the grace period ends between now and ${mostDays} days from now`,
  })
}

export function addFactorChanges(): void {
  addUserChange({
    name: 'setMFAGracePeriod',
    audit: 'set_mfa_grace_period',
    fields: (t) => ({ userID: t.id({ required: true }), endAt: t.field({ type: 'DateTime', required: true }) }),
    async run({ tx, now, input }) {
      const userId = await held(tx, rawId('User', input.userID))
      assertGrace(input.endAt, now)
      await updateGracePeriod(tx, userId, input.endAt, now)
      return userId
    },
  })

  addUserChange({
    name: 'removeMFAGracePeriod',
    audit: 'remove_mfa_grace_period',
    fields: (t) => ({ userID: t.id({ required: true }) }),
    async run({ tx, now, input }) {
      const userId = await held(tx, rawId('User', input.userID))
      await updateGracePeriod(tx, userId, null, now)
      return userId
    },
  })

  addUserChange({
    name: 'resetAccountLockout',
    audit: 'reset_account_lockout',
    fields: (t) => ({ userID: t.id({ required: true }) }),
    async run({ tx, input }) {
      const userId = await held(tx, rawId('User', input.userID))
      await resetLockout(tx, userId)
      return userId
    },
  })

  addUserChange({
    name: 'deleteAuthenticator',
    audit: 'delete_authenticator',
    fields: (t) => ({ authenticatorID: t.id({ required: true }) }),
    async run({ tx, now, input, context }) {
      const id = rawId('Authenticator', input.authenticatorID)
      const userId = (await context.loaders.authenticator.get(id))?.user_id
      if (userId === undefined) throw authenticatorNotFound()
      await held(tx, userId)
      const factors = await authenticatorsOf(tx, userId)
      const gone = factors.find((one) => one.id === id)
      if (gone === undefined) throw authenticatorNotFound()
      await deleteAuthenticators(tx, [id])
      if (gone.kind === 'secondary') {
        await deleteDeviceTokens(tx, userId)
        if (factors.filter((one) => one.kind === 'secondary').length === 1) await deleteRecoveryCodes(tx, userId)
      }
      const { type, kind } = gone
      await append(tx, now, 'authenticator.removed', { user_id: userId, authenticator_id: id, type, kind })
      return userId
    },
  })
}

function authenticatorNotFound(): Refusal {
  return new Refusal({ name: 'NotFound', reason: 'AuthenticatorNotFound', message: 'authenticator not found' })
}
