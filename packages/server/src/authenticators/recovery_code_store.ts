import { sql } from 'kysely'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'

export type RecoverySet = { key: string; codes: string | null; created_at: Date; unused: Buffer[] }

/** A user's recovery codes as they are kept; undefined when they have none. */
export async function findRecoverySet(scope: Scope, userId: string): Promise<RecoverySet | undefined> {
  const set = await scope.query
    .selectFrom('recovery_code_set')
    .select(['key', 'codes', 'created_at'])
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  if (set === undefined) return undefined
  const rows = await scope.query
    .selectFrom('recovery_code')
    .select('hash')
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .execute()
  return { ...set, unused: rows.map((row) => row.hash) }
}

/** How many codes a user has left. */
export async function countRecoveryCodes(scope: Scope, userId: string): Promise<number> {
  const row = await scope.query
    .selectFrom('recovery_code')
    .select((select) => select.fn.countAll<string>().as('n'))
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return Number(row?.n ?? 0)
}

export async function insertRecoveryCodes(
  tx: Scope<Tx>,
  set: { userId: string; key: string; codes: string | null; hashes: readonly Buffer[] },
  now: Instant,
): Promise<void> {
  await deleteRecoveryCodes(tx, set.userId)
  const of = { project_id: tx.projectId, user_id: set.userId }
  await tx.query
    .insertInto('recovery_code_set')
    .values({ ...of, key: set.key, codes: set.codes, created_at: now })
    .execute()
  await tx.query
    .insertInto('recovery_code')
    .values(set.hashes.map((hash) => ({ ...of, hash, used_at: null, spent_by: null })))
    .execute()
}

export async function deleteRecoveryCodes(tx: Scope<Tx>, userId: string): Promise<void> {
  await tx.query
    .deleteFrom('recovery_code_set')
    .where('project_id', '=', tx.projectId)
    .where('user_id', '=', userId)
    .execute()
}

/** Of any number at once, one takes a code; its own spender finds it taken by themselves. */
export async function takeRecoveryCode(
  scope: Scope,
  code: { userId: string; hash: Buffer; spender: string | undefined },
  now: Instant,
): Promise<boolean> {
  const { userId, hash, spender = null } = code
  const { rows } =
    await sql`update recovery_code set used_at = coalesce(used_at, ${now}::timestamptz), spent_by = ${spender}::text
    where project_id = ${scope.projectId} and user_id = ${userId} and hash = ${hash}
      and (used_at is null or spent_by = ${spender}::text) returning 1`.execute(scope.query)
  return rows.length === 1
}
