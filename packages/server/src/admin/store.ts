// What the Admin API reads of users beyond their own row: one statement for however many users a page shows.
import { type Selectable, sql } from 'kysely'
import type { Scope } from '../storage/database.ts'
import type { Tables } from '../storage/tables.ts'

export type IdentityRow = Omit<Selectable<Tables['identity']>, 'project_id'>
/** Without its secret: what is not read cannot be shown. */
export type AuthenticatorRow = Omit<Selectable<Tables['authenticator']>, 'project_id' | 'secret'>
export type AuthorizationRow = Omit<Selectable<Tables['authorization_record']>, 'project_id'>
export type VerifiedClaimRow = { user_id: string; name: string; value: string }

/** A browser session or a grant that has not been ended, with what tells whether it is still alive. */
export type SessionRow = {
  type: 'IDP' | 'OFFLINE_GRANT'
  id: Buffer
  user_id: string
  client_id: string | null
  amr: string[]
  created_at: Date
  created_ip: string
  last_access_at: Date
  last_access_ip: string
  user_agent: string
  device_info: Record<string, unknown> | null
  has_refresh_token: boolean
  sso: boolean
  ended_at: null
  parent_created_at: Date | null
  parent_last_access_at: Date | null
  parent_ended_at: Date | null
}

type By = 'id' | 'user_id'

/** Oldest first, by their own ids or by those of their users. */
export async function identities(scope: Scope, by: By, ids: readonly string[]): Promise<IdentityRow[]> {
  const { rows } = await sql<IdentityRow>`select id, user_id, type, unique_key, login_id_key, login_id_type, login_id,
      original_login_id, claims, data, created_at, updated_at
    from identity where project_id = ${scope.projectId} and ${sql.ref(by)} = any (${ids}::uuid[])
    order by created_at, id`.execute(scope.query)
  return rows
}

/** Oldest first. */
export async function authenticators(scope: Scope, by: By, ids: readonly string[]): Promise<AuthenticatorRow[]> {
  const { rows } =
    await sql<AuthenticatorRow>`select id, user_id, type, kind, is_default, target, data, created_at, updated_at
    from authenticator where project_id = ${scope.projectId} and ${sql.ref(by)} = any (${ids}::uuid[])
    order by created_at, id`.execute(scope.query)
  return rows
}

/** Newest first. */
export async function authorizations(scope: Scope, by: By, ids: readonly string[]): Promise<AuthorizationRow[]> {
  const { rows } = await sql<AuthorizationRow>`select id, user_id, client_id, scopes, created_at, updated_at
    from authorization_record where project_id = ${scope.projectId} and ${sql.ref(by)} = any (${ids}::uuid[])
    order by created_at desc, id`.execute(scope.query)
  return rows
}

export async function verifiedClaimsOf(scope: Scope, userIds: readonly string[]): Promise<VerifiedClaimRow[]> {
  const { rows } = await sql<VerifiedClaimRow>`select user_id, name, value
    from verified_claim where project_id = ${scope.projectId} and user_id = any (${userIds}::uuid[])
    order by created_at, name, value`.execute(scope.query)
  return rows
}

/** Last used first. Whether they are alive is for `isAlive` to say. */
export async function sessions(scope: Scope, by: By, ids: readonly (string | Buffer)[]): Promise<SessionRow[]> {
  const wanted = by === 'id' ? sql`${ids}::bytea[]` : sql`${ids}::uuid[]`
  const { rows } = await sql<SessionRow>`
    select 'IDP' as type, s.id, s.user_id, null as client_id, s.amr, s.created_at, s.created_ip, s.last_access_at,
      s.last_access_ip, s.user_agent, null::jsonb as device_info, false as has_refresh_token, false as sso, s.ended_at,
      null::timestamptz as parent_created_at, null::timestamptz as parent_last_access_at, null::timestamptz as parent_ended_at
    from idp_session s
    where s.project_id = ${scope.projectId} and s.${sql.ref(by)} = any (${wanted}) and s.ended_at is null
    union all
    select 'OFFLINE_GRANT', g.id, g.user_id, g.client_id, g.amr, g.created_at, g.created_ip, g.last_access_at,
      g.last_access_ip, g.user_agent, g.device_info, g.has_refresh_token, g.sso, g.ended_at,
      p.created_at, p.last_access_at, p.ended_at
    from offline_grant g
    left join idp_session p on p.project_id = g.project_id and p.id = g.idp_session_id
    where g.project_id = ${scope.projectId} and g.${sql.ref(by)} = any (${wanted}) and g.ended_at is null
    order by last_access_at desc, id`.execute(scope.query)
  return rows
}

/** Which node of the session tree has this public id, ended or not. */
export async function findSession(
  scope: Scope,
  id: Buffer,
): Promise<{ kind: 'idp' | 'offline_grant'; userId: string } | undefined> {
  const { rows } = await sql<{ kind: 'idp' | 'offline_grant'; user_id: string }>`
    select 'idp' as kind, user_id from idp_session where project_id = ${scope.projectId} and id = ${id}
    union all
    select 'offline_grant', user_id from offline_grant where project_id = ${scope.projectId} and id = ${id}`.execute(
    scope.query,
  )
  return rows[0] && { kind: rows[0].kind, userId: rows[0].user_id }
}
