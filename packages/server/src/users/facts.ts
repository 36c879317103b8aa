// What tokens, the resolver and userinfo say of a user, read in the same statement as the session.
import type { Config } from '../config/schema.ts'
import type { AccountStatus } from './status.ts'

export type UserFacts = AccountStatus & {
  id: string
  created_at: Date
  updated_at: Date
  last_login_at: Date | null
  /** Until when this user may set up a second factor at login. */
  mfa_grace_period_end_at: Date | null
  standard_attributes: Record<string, unknown>
  custom_attributes: Record<string, unknown>
  identities: {
    type: string
    login_id_key: string | null
    login_id_type: string | null
    login_id: string | null
    claims: Record<string, unknown>
    /** RFC 3339 text, as are all times inside these lists. */
    created_at: string
    updated_at: string
  }[]
  authenticators: { type: string; kind: string; created_at: string; updated_at: string }[]
  verified: { name: string; value: string }[]
  roles: string[]
}

const dates = [
  'created_at',
  'updated_at',
  'last_login_at',
  'temporarily_disabled_from',
  'temporarily_disabled_until',
  'account_valid_from',
  'account_valid_until',
  'delete_at',
  'anonymize_at',
  'anonymized_at',
  'mfa_grace_period_end_at',
] as const

/** Parses the column `user_facts`: JSON keeps timestamps as text. */
export function userFacts(column: unknown): UserFacts {
  const { user, ...lists } = column as { user: Record<string, unknown> }
  const facts: Record<string, unknown> = { ...user, ...lists }
  for (const name of dates) facts[name] = typeof facts[name] === 'string' ? new Date(facts[name]) : null
  return facts as unknown as UserFacts
}

export function isAnonymous(user: UserFacts): boolean {
  return user.identities.some((identity) => identity.type === 'anonymous')
}

/** Whether the user can prove who they are again, so that an app may ask for it. */
export function canReauthenticate(user: UserFacts): boolean {
  return user.authenticators.length > 0
}

/** `is_verified` by the project's criteria (authentication §1.3): any or all of the verifiable claims. */
export function isVerified(user: UserFacts, verification: Config['verification']): boolean {
  const names = (['email', 'phone_number'] as const).filter((name) => verification.claims[name].enabled)
  const claims = user.identities.flatMap((identity) =>
    names.flatMap((name) => {
      const value = identity.claims[name]
      return typeof value === 'string' ? [{ name, value }] : []
    }),
  )
  const held = (claim: { name: string; value: string }) =>
    user.verified.some((verified) => verified.name === claim.name && verified.value === claim.value)
  if (claims.length === 0) return false
  return verification.criteria === 'all' ? claims.every(held) : claims.some(held)
}
