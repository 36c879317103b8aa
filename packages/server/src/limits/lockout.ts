// Account lockout (authentication §8.2): wrong credentials of the methods that take part add up, and from `max_attempts`
// on the account is locked for a while that grows. An attempt is counted before anything is compared, in one statement:
// of however many at once, on however many nodes, no more than `max_attempts` are ever looked at.
import { sql } from 'kysely'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant, type World } from '../world.ts'
import type { LockoutConfig } from './config.ts'
import { addressKey } from './rate.ts'

export type LockoutMethod = 'password' | 'totp' | 'oob_otp' | 'recovery_code'

/** Which method a factor counts as; `undefined` for those that never lock. */
export function methodOf(authentication: string): LockoutMethod | undefined {
  if (authentication.endsWith('password')) return 'password'
  if (authentication.includes('oob_otp')) return 'oob_otp'
  if (authentication.endsWith('totp')) return 'totp'
  return authentication === 'recovery_code' ? 'recovery_code' : undefined
}

function takesPart(lockout: LockoutConfig, method: LockoutMethod | undefined): method is LockoutMethod {
  return method !== undefined && lockout.max_attempts > 0 && lockout[method].enabled
}

/** Seconds that a lock lasts whose count has reached `failures`. */
export function lockSeconds(lockout: LockoutConfig, failures: number): number {
  const { minimum_duration, maximum_duration, backoff_factor, max_attempts } = lockout
  return Math.min(maximum_duration, minimum_duration * backoff_factor ** Math.max(0, failures - max_attempts))
}

function lockedRefusal(until: Instant, now: Instant): Refusal {
  return new Refusal({
    name: 'TooManyRequest',
    reason: 'AccountLockout',
    message: 'account is locked',
    info: { until: until.toISOString() },
    retryAfter: Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000)),
  })
}

type Attempt = { userId: string; method: LockoutMethod | undefined; ip: string }

/** The row that counts an attempt: the user's, or the user's at this address. */
const rowOf = (lockout: LockoutConfig, ip: string) => (lockout.lockout_type === 'per_user_per_ip' ? addressKey(ip) : '')

/**
 * Does `work`, which tries a credential of the user; a refusal `InvalidCredentials` counts, anything else is not held
 * against anybody.
 * @throws Refusal 429 `AccountLockout` with `info.until` while the account is locked, and from the attempt on that
 *   locks it; what `work` throws.
 */
export async function countAttempt<T>(
  world: World,
  project: Project,
  attempt: Attempt,
  work: () => Promise<T>,
): Promise<T> {
  const { lockout } = project.config.authentication
  if (!takesPart(lockout, attempt.method)) return work()
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  const row = rowOf(lockout, attempt.ip)
  const counted = await count(scope, lockout, { userId: attempt.userId, row, address: addressKey(attempt.ip) }, now)
  if (counted.kind === 'locked') throw lockedRefusal(counted.until, now)
  try {
    const result = await work()
    await takeBack(scope, { userId: attempt.userId, row, address: addressKey(attempt.ip) }, counted)
    return result
  } catch (error) {
    if (!(error instanceof Refusal) || error.reason !== 'InvalidCredentials') {
      await takeBack(scope, { userId: attempt.userId, row, address: addressKey(attempt.ip) }, counted)
      throw error
    }
    if (counted.until !== undefined) throw lockedRefusal(counted.until, now)
    throw error
  }
}

type At = { userId: string; row: string; address: string }
type Counted = { kind: 'counted'; until: Instant | undefined } | { kind: 'locked'; until: Instant }

/** Counts one attempt, and locks when it reaches the limit; nothing is counted while the account is locked. */
async function count(
  scope: Scope,
  lockout: LockoutConfig,
  { userId, row, address }: At,
  now: Instant,
): Promise<Counted> {
  const { max_attempts, history_duration } = lockout
  // How long a lock lasts depends on the count, so every length that may come next stands in one list.
  const lengths = Array.from({ length: 64 }, (_, more) => lockSeconds(lockout, max_attempts + more))
  const failures = sql`case when l.expires_at <= ${now}::timestamptz then 1 else l.failures + 1 end`
  const lock = (n: ReturnType<typeof sql>) =>
    sql`case when ${n} >= ${max_attempts} then ${now}::timestamptz
      + make_interval(secs => (${lengths}::float8[])[least(${n} - ${max_attempts} + 1, 64)]) end`
  const { rows } = await sql<{ locked_until: Date | null }>`
    insert into lockout as l (project_id, user_id, address, failures, shares, locked_until, expires_at)
    values (${scope.projectId}, ${userId}, ${row}, 1, jsonb_build_object(${address}::text, 1), ${lock(sql`1`)},
      ${after(now, history_duration)})
    on conflict (project_id, user_id, address) do update set
      failures = ${failures},
      shares = case when l.expires_at <= ${now}::timestamptz then jsonb_build_object(${address}::text, 1)
        else l.shares || jsonb_build_object(${address}::text, coalesce((l.shares ->> ${address}::text)::integer, 0) + 1) end,
      locked_until = ${lock(failures)},
      expires_at = greatest(${after(now, history_duration)}::timestamptz, ${lock(failures)})
    where l.locked_until is null or l.locked_until <= ${now}::timestamptz
    returning locked_until`.execute(scope.query)
  const made = rows[0]
  if (made !== undefined) return { kind: 'counted', until: made.locked_until ?? undefined }
  const held = await scope.query
    .selectFrom('lockout')
    .select('locked_until')
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('address', '=', row)
    .executeTakeFirst()
  return { kind: 'locked', until: held?.locked_until ?? after(now, 1) }
}

/** An attempt that was right, or never came to be compared, was none. */
async function takeBack(scope: Scope, { userId, row, address }: At, counted: Counted): Promise<void> {
  await sql`update lockout set failures = greatest(failures - 1, 0),
      shares = shares || jsonb_build_object(${address}::text, greatest(coalesce((shares ->> ${address}::text)::integer, 0) - 1, 0)),
      locked_until = case when locked_until = ${counted.until ?? null}::timestamptz then null else locked_until end
    where project_id = ${scope.projectId} and user_id = ${userId} and address = ${row}`.execute(scope.query)
}

/** Whoever signed in from an address has made good what failed there, and nowhere else. */
export async function forgiveAddress(
  tx: Scope<Tx>,
  project: Project,
  by: { userId: string; ip: string; authentications: readonly string[] },
): Promise<void> {
  const { lockout } = project.config.authentication
  if (!by.authentications.some((authentication) => takesPart(lockout, methodOf(authentication)))) return
  const address = addressKey(by.ip)
  await sql`update lockout set failures = greatest(failures - coalesce((shares ->> ${address}::text)::integer, 0), 0),
      shares = shares - ${address}::text
    where project_id = ${tx.projectId} and user_id = ${by.userId} and address = ${rowOf(lockout, by.ip)}`.execute(
    tx.query,
  )
}

/** Opens an account again, from every address. */
export async function resetLockout(tx: Scope<Tx>, userId: string): Promise<void> {
  await tx.query.deleteFrom('lockout').where('project_id', '=', tx.projectId).where('user_id', '=', userId).execute()
}

/** A lock of a user: from `address`, or from everywhere when that is empty. */
export type Lock = { address: string; until: Date }

/** By user, the locks that were set last; whether they hold yet is for their time to say. */
export async function locksOf(scope: Scope, userIds: readonly string[]): Promise<Map<string, Lock[]>> {
  const rows = await scope.query
    .selectFrom('lockout')
    .select(['user_id', 'address', 'locked_until'])
    .where('project_id', '=', scope.projectId)
    .where('user_id', 'in', [...userIds])
    .where('locked_until', 'is not', null)
    .orderBy('address')
    .execute()
  const locks = new Map<string, Lock[]>()
  for (const { user_id, address, locked_until: until } of rows)
    if (until !== null) locks.set(user_id, [...(locks.get(user_id) ?? []), { address, until }])
  return locks
}
