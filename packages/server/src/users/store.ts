import { randomUUID } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { type Query, type Scope, statement, type Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import { type UserFacts, userFacts } from './facts.ts'
import type { AccountStatus } from './status.ts'

/** A JSON column `user_facts` for the user row that `alias` names; parse it with `userFacts`. */
export function userFactsColumn(alias: string): RawBuilder<unknown> {
  const u = sql.ref(alias)
  return sql`(select json_build_object('user', row_to_json(${u}.*),
    'identities', coalesce((select json_agg(json_build_object('type', i.type, 'login_id_key', i.login_id_key,
      'login_id_type', i.login_id_type, 'login_id', i.login_id, 'claims', i.claims, 'created_at', i.created_at,
      'updated_at', i.updated_at) order by i.created_at) from identity i
      where i.project_id = ${u}.project_id and i.user_id = ${u}.id), '[]'),
    'authenticators', coalesce((select json_agg(json_build_object('type', a.type, 'kind', a.kind, 'created_at', a.created_at,
      'updated_at', a.updated_at)) from authenticator a
      where a.project_id = ${u}.project_id and a.user_id = ${u}.id), '[]'),
    'verified', coalesce((select json_agg(json_build_object('name', v.name, 'value', v.value)) from verified_claim v
      where v.project_id = ${u}.project_id and v.user_id = ${u}.id), '[]'),
    'roles', coalesce((select json_agg(r.role_key order by r.role_key) from user_role r
      where r.project_id = ${u}.project_id and r.user_id = ${u}.id), '[]')))`
}

const userById = statement<{ project: string; id: string }, { user_facts: unknown }>(
  (put) => sql`select ${userFactsColumn('u')} as user_facts from end_user u
    where u.project_id = ${put('project')} and u.id = ${put('id')}`,
)

export async function findUser(scope: Scope, userId: string): Promise<UserFacts | undefined> {
  const [row] = await userById(scope.query, { project: scope.projectId, id: userId })
  return row && userFacts(row.user_facts)
}

/** @returns the new user's id. */
export async function insertUser(
  tx: Scope<Tx>,
  user: { standardAttributes: Record<string, unknown>; customAttributes: Record<string, unknown> },
  now: Instant,
): Promise<string> {
  const id = randomUUID()
  await tx.query
    .insertInto('end_user')
    .values({
      project_id: tx.projectId,
      id,
      created_at: now,
      updated_at: now,
      last_login_at: null,
      disable_reason: null,
      temporarily_disabled_from: null,
      temporarily_disabled_until: null,
      account_valid_from: null,
      account_valid_until: null,
      delete_at: null,
      delete_reason: null,
      anonymize_at: null,
      anonymized_at: null,
      standard_attributes: JSON.stringify(user.standardAttributes),
      custom_attributes: JSON.stringify(user.customAttributes),
    })
    .execute()
  return id
}

export async function updateAttributes(
  tx: Scope<Tx>,
  userId: string,
  attributes: { standard?: Record<string, unknown>; custom?: Record<string, unknown> },
  now: Instant,
): Promise<void> {
  await tx.query
    .updateTable('end_user')
    .set({
      updated_at: now,
      ...(attributes.standard ? { standard_attributes: JSON.stringify(attributes.standard) } : {}),
      ...(attributes.custom ? { custom_attributes: JSON.stringify(attributes.custom) } : {}),
    })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', userId)
    .execute()
}

export async function touchLastLogin(tx: Scope<Tx>, userId: string, now: Instant): Promise<void> {
  await tx.query
    .updateTable('end_user')
    .set({ last_login_at: now })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', userId)
    .execute()
}

/** @returns whether the claim was not verified before. */
export async function insertVerifiedClaim(
  tx: Scope<Tx>,
  userId: string,
  claim: { name: string; value: string },
  now: Instant,
): Promise<boolean> {
  const row = await tx.query
    .insertInto('verified_claim')
    .values({ project_id: tx.projectId, user_id: userId, name: claim.name, value: claim.value, created_at: now })
    .onConflict((conflict) => conflict.columns(['project_id', 'user_id', 'name', 'value']).doNothing())
    .returning('name')
    .executeTakeFirst()
  return row !== undefined
}

export async function deleteVerifiedClaim(
  tx: Scope<Tx>,
  userId: string,
  claim: { name: string; value: string },
): Promise<void> {
  await tx.query
    .deleteFrom('verified_claim')
    .where('project_id', '=', tx.projectId)
    .where('user_id', '=', userId)
    .where('name', '=', claim.name)
    .where('value', '=', claim.value)
    .execute()
}

/** Until when this user may still set up a second factor; `null` takes that back. */
export async function updateGracePeriod(
  tx: Scope<Tx>,
  userId: string,
  endAt: Date | null,
  now: Instant,
): Promise<void> {
  await tx.query
    .updateTable('end_user')
    .set({ mfa_grace_period_end_at: endAt, updated_at: now })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', userId)
    .execute()
}

/** Writes what bars an account, or no longer does; the caller holds the row and appends the event. */
export async function updateStatus(
  tx: Scope<Tx>,
  userId: string,
  status: Partial<AccountStatus>,
  now: Instant,
): Promise<void> {
  await tx.query
    .updateTable('end_user')
    .set({ ...status, updated_at: now })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', userId)
    .execute()
}

/** Removes the user with everything that is theirs, what waits for minutes included: codes, results of a sign-in. */
export async function deleteUserRow(tx: Scope<Tx>, userId: string): Promise<void> {
  for (const table of ['authorization_code', 'authentication_result', 'device_authorization', 'otp_code'] as const)
    await tx.query.deleteFrom(table).where('project_id', '=', tx.projectId).where('user_id', '=', userId).execute()
  await tx.query.deleteFrom('end_user').where('project_id', '=', tx.projectId).where('id', '=', userId).execute()
}

/** Of all projects: users whose day of deletion has come, the longest overdue first. */
export function usersDueForDeletion(
  query: Query,
  now: Instant,
  most: number,
): Promise<{ project_id: string; id: string }[]> {
  return query
    .selectFrom('end_user')
    .select(['project_id', 'id'])
    .where('delete_at', '<=', now)
    .orderBy('delete_at')
    .limit(most)
    .execute()
}
