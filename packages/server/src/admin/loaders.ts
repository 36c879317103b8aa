// Everything that the schema reads by id or by user, each gathered into one statement a level.

import { type Lock, locksOf } from '../limits/lockout.ts'
import { type LogoutRow, logoutsByKey } from '../oauth/logouts.ts'
import type { Scope } from '../storage/database.ts'
import { type UserRow, usersById } from '../users/search.ts'
import { type Batch, batch, grouped } from './batch.ts'
import { logoutId, logoutPosition } from './ids.ts'
import {
  type AuthenticatorRow,
  type AuthorizationRow,
  authenticators,
  authorizations,
  type IdentityRow,
  identities,
  type SessionRow,
  sessions,
  type VerifiedClaimRow,
  verifiedClaimsOf,
} from './store.ts'

export type Loaders = {
  user: Batch<UserRow>
  identity: Batch<IdentityRow>
  authenticator: Batch<AuthenticatorRow>
  authorization: Batch<AuthorizationRow>
  session: Batch<SessionRow>
  logout: Batch<LogoutRow>
  identitiesOf: Batch<IdentityRow[]>
  authenticatorsOf: Batch<AuthenticatorRow[]>
  authorizationsOf: Batch<AuthorizationRow[]>
  sessionsOf: Batch<SessionRow[]>
  verifiedClaimsOf: Batch<VerifiedClaimRow[]>
  locksOf: Batch<Lock[]>
}

const byId = <Row extends { id: string }>(rows: readonly Row[]) => new Map(rows.map((row) => [row.id, row]))
const byUser = <Row extends { user_id: string }>(rows: readonly Row[]) => grouped(rows, (row) => row.user_id)

export function loadersOver(scope: Scope): Loaders {
  return {
    user: batch(async (ids) => byId(await usersById(scope, ids))),
    identity: batch(async (ids) => byId(await identities(scope, 'id', ids))),
    authenticator: batch(async (ids) => byId(await authenticators(scope, 'id', ids))),
    authorization: batch(async (ids) => byId(await authorizations(scope, 'id', ids))),
    session: batch(async (ids) => {
      const rows = await sessions(
        scope,
        'id',
        ids.map((id) => Buffer.from(id, 'base64url')),
      )
      return new Map(rows.map((row) => [row.id.toString('base64url'), row]))
    }),
    logout: batch(async (ids) => {
      const rows = await logoutsByKey(scope, ids.map(logoutPosition))
      return new Map(rows.map((row) => [logoutId(row), row]))
    }),
    identitiesOf: batch(async (ids) => byUser(await identities(scope, 'user_id', ids))),
    authenticatorsOf: batch(async (ids) => byUser(await authenticators(scope, 'user_id', ids))),
    authorizationsOf: batch(async (ids) => byUser(await authorizations(scope, 'user_id', ids))),
    sessionsOf: batch(async (ids) => byUser(await sessions(scope, 'user_id', ids))),
    locksOf: batch((ids) => locksOf(scope, ids)),
    verifiedClaimsOf: batch(async (ids) => byUser(await verifiedClaimsOf(scope, ids))),
  }
}

/** After a change: nothing that was read before it may be shown after it. */
export function forgetAll(loaders: Loaders): void {
  for (const loader of Object.values(loaders)) loader.forget()
}
