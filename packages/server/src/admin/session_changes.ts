// Mutations that end sessions (management §2.4).
import { Refusal } from '../refusal.ts'
import { endSessionsOfUser, endSessionWithin } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import { withdrawAuthorization } from '../sessions/withdraw.ts'
import { userNotFound } from '../users/disable.ts'
import { addUserChange } from './changes.ts'
import { rawId } from './ids.ts'
import { findSession } from './store.ts'

const reason = 'ended by an administrator'

export function addSessionChanges(): void {
  addUserChange({
    name: 'revokeSession',
    audit: 'revoke_session',
    fields: (t) => ({ sessionID: t.id({ required: true }) }),
    async run({ tx, now, input }) {
      const id = Buffer.from(rawId('Session', input.sessionID), 'base64url')
      const session = await findSession(tx, id)
      if (session === undefined)
        throw new Refusal({ name: 'NotFound', reason: 'SessionNotFound', message: 'session not found' })
      await endSessionWithin(tx, { kind: session.kind, id }, now, {
        event: 'user.session.terminated',
        termination: 'individual',
        reason,
      })
      return session.userId
    },
  })

  addUserChange({
    name: 'revokeAllSessions',
    audit: 'revoke_all_sessions',
    fields: (t) => ({ userID: t.id({ required: true }) }),
    async run({ tx, now, input }) {
      const userId = rawId('User', input.userID)
      if ((await lockUser(tx, userId, 'update')) === undefined) throw userNotFound()
      await endSessionsOfUser(tx, userId, now, { event: 'user.session.terminated', termination: 'all', reason })
      return userId
    },
  })

  addUserChange({
    name: 'deleteAuthorization',
    audit: 'delete_authorization',
    fields: (t) => ({ authorizationID: t.id({ required: true }) }),
    async run({ tx, now, input }) {
      const userId = await withdrawAuthorization(
        tx,
        rawId('Authorization', input.authorizationID),
        now,
        'consent was withdrawn',
      )
      if (userId === undefined)
        throw new Refusal({ name: 'NotFound', reason: 'AuthorizationNotFound', message: 'authorization not found' })
      return userId
    },
  })
}
