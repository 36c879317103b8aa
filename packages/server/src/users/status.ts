// May this account act? (authentication §1.6)
import type { Instant } from '../world.ts'

export type AccountStatus = {
  is_disabled: boolean
  disable_reason: string | null
  is_deactivated: boolean
  temporarily_disabled_from: Date | null
  temporarily_disabled_until: Date | null
  account_valid_from: Date | null
  account_valid_until: Date | null
  delete_at: Date | null
  anonymize_at: Date | null
  anonymized_at: Date | null
}

export type Barred = { reason: string; info?: Record<string, unknown> }

/** Why the account may not act now, first reason of the reference's order, or undefined when it may. */
export function barred(user: AccountStatus, now: Instant): Barred | undefined {
  if (user.anonymized_at !== null) return { reason: 'AnonymizedUser' }
  if (user.account_valid_from !== null && now < user.account_valid_from) return { reason: 'UserOutsideValidPeriod' }
  if (user.account_valid_until !== null && now >= user.account_valid_until) return { reason: 'UserOutsideValidPeriod' }
  if (user.delete_at !== null)
    return {
      reason: user.is_deactivated ? 'ScheduledDeletionByEndUser' : 'ScheduledDeletionByAdmin',
      info: { delete_at: user.delete_at.toISOString() },
    }
  if (user.anonymize_at !== null)
    return { reason: 'ScheduledAnonymizationByAdmin', info: { anonymize_at: user.anonymize_at.toISOString() } }
  if (user.is_disabled || temporarilyDisabled(user, now))
    return { reason: 'DisabledUser', info: { reason: user.disable_reason } }
  return undefined
}

function temporarilyDisabled(user: AccountStatus, now: Instant): boolean {
  const { temporarily_disabled_from: from, temporarily_disabled_until: until } = user
  return from !== null && until !== null && from <= now && now < until
}
