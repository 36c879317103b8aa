import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'
import type { PasswordPolicyConfig } from './config.ts'

export type AuthenticatorKind = 'primary' | 'secondary'

export type Authenticator = {
  id: string
  user_id: string
  type: string
  kind: AuthenticatorKind
  is_default: boolean
  target: string | null
  /** A hash; never leaves the server. */
  secret: string | null
  data: Record<string, unknown>
  created_at: Date
  updated_at: Date
}

const columns = [
  'id',
  'user_id',
  'type',
  'kind',
  'is_default',
  'target',
  'secret',
  'data',
  'created_at',
  'updated_at',
] as const

/** Oldest first. */
export async function authenticatorsOf(scope: Scope, userId: string): Promise<Authenticator[]> {
  const rows = await scope.query
    .selectFrom('authenticator')
    .select(columns)
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows as Authenticator[]
}

/** A user's password of one kind: there is at most one. */
export async function findPassword(
  scope: Scope,
  userId: string,
  kind: AuthenticatorKind,
): Promise<Authenticator | undefined> {
  const row = await scope.query
    .selectFrom('authenticator')
    .select(columns)
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('type', '=', 'password')
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row as Authenticator | undefined
}

export async function insertAuthenticator(
  tx: Scope<Tx>,
  authenticator: {
    userId: string
    type: string
    kind: AuthenticatorKind
    isDefault: boolean
    target?: string
    secret?: string
    data?: Record<string, unknown>
  },
  now: Instant,
): Promise<string> {
  const id = uuidv7()
  await tx.query
    .insertInto('authenticator')
    .values({
      project_id: tx.projectId,
      id,
      user_id: authenticator.userId,
      type: authenticator.type,
      kind: authenticator.kind,
      is_default: authenticator.isDefault,
      target: authenticator.target ?? null,
      secret: authenticator.secret ?? null,
      ...(authenticator.data === undefined ? {} : { data: JSON.stringify(authenticator.data) }),
      created_at: now,
      updated_at: now,
    })
    .execute()
  if (authenticator.type === 'password' && authenticator.kind === 'primary' && authenticator.secret !== undefined)
    await rememberPassword(tx, authenticator.userId, authenticator.secret, now)
  return id
}

/** Replaces the hash of a password; a new first one joins the history. */
export async function updatePassword(
  tx: Scope<Tx>,
  password: { id: string; userId: string; hash: string },
  now: Instant,
): Promise<boolean> {
  const row = await tx.query
    .updateTable('authenticator')
    .set({ secret: password.hash, updated_at: now })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', password.id)
    .where('user_id', '=', password.userId)
    .where('type', '=', 'password')
    .returning('kind')
    .executeTakeFirst()
  if (row === undefined) return false
  if (row.kind === 'primary') await rememberPassword(tx, password.userId, password.hash, now)
  return true
}

/**
 * Takes a time step of an authenticator app: only one that is later than every one before, and each once.
 * @returns false when it was taken by anybody but `spender`.
 */
export async function takeStep(
  scope: Scope,
  taken: { id: string; userId: string; step: number; spender: string | undefined },
): Promise<boolean> {
  const { id, userId, step, spender = null } = taken
  const { rows } = await sql`update authenticator
    set data = data || jsonb_build_object('last_step', ${step}::bigint, 'spent_by', ${spender}::text)
    where project_id = ${scope.projectId} and id = ${id} and user_id = ${userId}
      and (coalesce((data ->> 'last_step')::bigint, -1) < ${step}::bigint
        or ((data ->> 'last_step')::bigint = ${step}::bigint and data ->> 'spent_by' = ${spender}::text))
    returning 1`.execute(scope.query)
  return rows.length === 1
}

export async function deleteAuthenticators(tx: Scope<Tx>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx.query
    .deleteFrom('authenticator')
    .where('project_id', '=', tx.projectId)
    .where('id', 'in', [...ids])
    .execute()
}

async function rememberPassword(tx: Scope<Tx>, userId: string, hash: string, now: Instant): Promise<void> {
  await tx.query
    .insertInto('password_history')
    .values({ project_id: tx.projectId, id: uuidv7(), user_id: userId, secret: hash, created_at: now })
    .execute()
}

/** Hashes that a new password must differ from: the last `history_size`, and those younger than `history_days`. */
export async function passwordHistory(
  scope: Scope,
  userId: string,
  policy: PasswordPolicyConfig,
  now: Instant,
): Promise<string[]> {
  if (policy.history_size === 0 && policy.history_days === 0) return []
  const { rows } = await sql<{ secret: string }>`
    select secret from (
      select h.secret, h.created_at, row_number() over (order by h.created_at desc, h.id desc) as place
      from password_history h where h.project_id = ${scope.projectId} and h.user_id = ${userId}) as h
    where h.place <= ${policy.history_size} or (${policy.history_days > 0}::boolean and h.created_at > ${after(now, -policy.history_days * 86_400)})
    order by h.place limit 100`.execute(scope.query)
  return rows.map((row) => row.secret)
}
