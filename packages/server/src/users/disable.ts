// Disabling accounts and bounding them by dates. Whoever may not act any more has no session left once the change is
// committed: the user's row is held, and no session is made beside it (D8).
import { append } from '../events/log.ts'
import { Refusal } from '../refusal.ts'
import { endSessionsOfUser } from '../sessions/end.ts'
import { lockUser } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import { type AccountBounds, boundsProblem } from './bounds.ts'
import type { UserFacts } from './facts.ts'
import { type AccountStatus, barred } from './status.ts'
import { updateStatus } from './store.ts'

export type DisabledStatus =
  | { disabled: false }
  | { disabled: true; reason: string | null; period: { from: Date; until: Date } | undefined }

/**
 * Disables the user, for good or for a period, or enables them again; inside the caller's transaction. Sessions end if
 * the user may not act now. A status that is the user's already changes nothing.
 * @throws Refusal `UserNotFound`, `UserIsAnonymized`; `InvalidAccountStatusTransition` with `info.cause.kind` when the
 *   period does not fit the account's other dates.
 */
export async function setDisabledStatus(
  tx: Scope<Tx>,
  userId: string,
  status: DisabledStatus,
  now: Instant,
): Promise<void> {
  const user = await heldUser(tx, userId)
  const period = status.disabled ? status.period : undefined
  const change = {
    is_disabled: status.disabled && period === undefined,
    disable_reason: status.disabled ? status.reason : null,
    temporarily_disabled_from: period?.from ?? null,
    temporarily_disabled_until: period?.until ?? null,
  }
  if (!(await changeStatus(tx, user, change, now))) return
  if (status.disabled)
    await append(tx, now, 'user.disabled', {
      user_id: userId,
      ...(status.reason !== null ? { reason: status.reason } : {}),
      ...(period !== undefined
        ? {
            temporarily_disabled_from: period.from.toISOString(),
            temporarily_disabled_until: period.until.toISOString(),
          }
        : {}),
    })
  else await append(tx, now, 'user.reenabled', { user_id: userId })
  await endIfBarred(tx, { ...user, ...change }, now, 'the account was disabled')
}

export type ValidPeriod = { from?: Date | null; until?: Date | null }

/**
 * Sets from when and until when the account may act; a bound that is left out stays, null removes it. Inside the
 * caller's transaction; sessions end if the user may not act now.
 * @throws Refusal as `setDisabledStatus`.
 */
export async function setAccountValidPeriod(
  tx: Scope<Tx>,
  userId: string,
  period: ValidPeriod,
  now: Instant,
): Promise<void> {
  const user = await heldUser(tx, userId)
  const change = {
    account_valid_from: period.from === undefined ? user.account_valid_from : period.from,
    account_valid_until: period.until === undefined ? user.account_valid_until : period.until,
  }
  if (!(await changeStatus(tx, user, change, now))) return
  await append(tx, now, 'user.account_valid_period.updated', {
    user_id: userId,
    account_valid_from: change.account_valid_from?.toISOString() ?? null,
    account_valid_until: change.account_valid_until?.toISOString() ?? null,
  })
  await endIfBarred(tx, { ...user, ...change }, now, 'the account is outside its valid period')
}

export function userNotFound(): Refusal {
  return new Refusal({ name: 'NotFound', reason: 'UserNotFound', message: 'user not found' })
}

/** The user, whose row the caller holds from now on. @throws Refusal `UserNotFound`, `UserIsAnonymized`. */
export async function heldUser(tx: Scope<Tx>, userId: string): Promise<UserFacts> {
  const user = await lockUser(tx, userId, 'update')
  if (user === undefined) throw userNotFound()
  if (user.anonymized_at !== null)
    throw new Refusal({
      name: 'Invalid',
      reason: 'UserIsAnonymized',
      message: 'the user was anonymized; nothing can be changed',
    })
  return user
}

/** @returns whether anything changed. */
async function changeStatus(
  tx: Scope<Tx>,
  user: UserFacts,
  change: Partial<AccountStatus>,
  now: Instant,
): Promise<boolean> {
  const next: AccountStatus & AccountBounds = { ...user, ...change }
  const kind = boundsProblem(next)
  if (kind !== undefined)
    throw new Refusal({
      name: 'Invalid',
      reason: 'InvalidAccountStatusTransition',
      message: 'the dates of the account do not fit each other',
      info: { cause: { kind } },
    })
  const plain = (value: unknown) => (value instanceof Date ? value.getTime() : value)
  const same = (Object.keys(change) as (keyof AccountStatus)[]).every((key) => plain(change[key]) === plain(user[key]))
  if (same) return false
  await updateStatus(tx, user.id, change, now)
  return true
}

/** Ends the sessions of who may not act any more. */
export async function endIfBarred(tx: Scope<Tx>, user: UserFacts, now: Instant, reason: string): Promise<void> {
  if (barred(user, now) === undefined) return
  await endSessionsOfUser(tx, user.id, now, { event: 'user.session.terminated', termination: 'all', reason })
}
