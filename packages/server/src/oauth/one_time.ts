// Secrets that work for minutes: codes, references, one-use tokens. The database keeps digests only.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Scope } from '../storage/database.ts'
import { after, type Instant, type Random, type Seconds } from '../world.ts'

const oneTimeLifetime = 300

/** A new secret of 32 characters of `[A-Za-z0-9_-]` (192 bits), and the id under which its row is kept. */
export function newSecret(random: Random): { secret: string; id: Buffer } {
  const secret = random(24).toString('base64url')
  return { secret, id: digestOf(secret) }
}

/** The row's key: SHA-256 of the secret as it was sent. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Whether a text can be such a secret at all; everything else is refused without a query. */
export function isOneTime(text: string): boolean {
  return /^[A-Za-z0-9_-]{32}$/.test(text)
}

export type OneTimeKind = 'app_session_token' | 'carry' | 'challenge' | 'promotion_code' | 'pre_authenticated_url'

/** Keeps a one-time token with its facts, for five minutes unless told otherwise. @returns the token and when it ends. */
export async function insertOneTimeToken(
  scope: Scope,
  kind: OneTimeKind,
  data: Record<string, unknown>,
  chance: { random: Random; now: Instant; lifetime?: Seconds },
): Promise<{ token: string; expiresAt: Instant }> {
  const { secret, id } = newSecret(chance.random)
  const expiresAt = after(chance.now, chance.lifetime ?? oneTimeLifetime)
  await scope.query
    .insertInto('one_time_token')
    .values({ project_id: scope.projectId, kind, id, data: JSON.stringify(data), expires_at: expiresAt, used_at: null })
    .execute()
  return { token: secret, expiresAt }
}

/** Spends a token: of two that try, one gets its facts. Unknown, used and late ones give undefined. */
export async function takeOneTimeToken(
  scope: Scope,
  kind: OneTimeKind,
  token: string,
  now: Instant,
): Promise<Record<string, unknown> | undefined> {
  const row = await scope.query
    .updateTable('one_time_token')
    .set({ used_at: now })
    .where('project_id', '=', scope.projectId)
    .where('kind', '=', kind)
    .where('id', '=', digestOf(token))
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('data')
    .executeTakeFirst()
  return row?.data
}

/** As `takeOneTimeToken`; but the same authorization request may take the same token again. */
export async function takeForRequest(
  scope: Scope,
  kind: OneTimeKind,
  token: string,
  requestId: Buffer | null,
  now: Instant,
): Promise<Record<string, unknown> | undefined> {
  const by = requestId?.toString('hex') ?? null
  const { rows } = await sql<{ data: Record<string, unknown> }>`
    update one_time_token set used_at = ${now}, data = data || jsonb_build_object('promoted_by', ${by}::text)
    where project_id = ${scope.projectId} and kind = ${kind} and id = ${digestOf(token)} and expires_at > ${now}
      and (used_at is null or data ->> 'promoted_by' = ${by}::text)
    returning data`.execute(scope.query)
  return rows[0]?.data
}

/**
 * Whether this is the first use of what `parts` name, such as the `jti` of a proof (RFC 9449 §11.1). Of two at once one is.
 * Nobody accepts it any more after `until`.
 */
export async function isFirstUse(scope: Scope, parts: readonly string[], until: Instant): Promise<boolean> {
  const id = digestOf(parts.join('\0')).toString('base64url')
  const made = await scope.query
    .insertInto('replay')
    .values({ project_id: scope.projectId, id, expires_at: until })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return made.numInsertedOrUpdatedRows === 1n
}
