// From the reason of a refusal to the sentence that a person reads, and whether it stands beside a field or above all.
// Rules only. Reasons are those of authentication §3.8; sentences are `error.*` of assets/words.

import type { LoginIdType } from '../identities/config.ts'
import { clock, duration } from '../localization/time.ts'
import type { Vars, Words } from '../localization/words.ts'
import type { Refusal } from '../refusal.ts'

/** A refusal as a page remembers it: plain data. */
export type Problem = {
  reason: string
  info?: Readonly<Record<string, unknown>>
  /** Seconds. */
  retryAfter?: number
  /** The field it is about, when the reason does not say. */
  field?: string
}

/** What the sentences speak of. */
export type Circumstances = {
  app: string
  now: Date
  /** What was typed, for sentences that repeat it. */
  target?: string | undefined
  signupClosed?: boolean | undefined
  /** A forgotten password can be reset from here. */
  canReset?: boolean | undefined
  trackingId?: string | undefined
  /** In settings a taken login ID is no invitation to sign in. */
  settings?: boolean | undefined
}

/** A sentence by its key; `place` says whether it belongs to the field or to the page. */
export type Said = { k: string; vars: Vars; place: 'field' | 'page' }

export function problemOf(refusal: Refusal): Problem {
  const { reason, info, retryAfter } = refusal
  return { reason, ...(info ? { info } : {}), ...(retryAfter !== undefined ? { retryAfter } : {}) }
}

/** Something was left empty, before anybody was asked. */
export function missing(
  what: LoginIdType | 'identifier' | 'password' | 'code' | 'recovery_code' | 'field' | 'delete',
  field?: string,
): Problem {
  return { reason: 'required', info: { what }, ...(field === undefined ? {} : { field }) }
}

type Cause = {
  location?: string
  kind?: string
  details?: Record<string, unknown>
  /** Of a password's rules. */
  Name?: string
  Info?: Record<string, unknown>
}

/** The causes that a refusal lists, whichever of its spellings it uses. */
export function causesOf(problem: Problem): Cause[] {
  const { causes, cause } = problem.info ?? {}
  if (Array.isArray(causes)) return causes as Cause[]
  return typeof cause === 'object' && cause !== null ? [cause as Cause] : []
}

/** Names of the password rules that a refusal says are unmet; undefined when it is about something else. */
export function unmetRules(problem: Problem | undefined): string[] | undefined {
  if (problem?.reason !== 'PasswordPolicyViolated') return undefined
  return causesOf(problem).map((cause) => cause.Name ?? cause.kind ?? '')
}

const atField = new Set([
  'required',
  'ValidationFailed',
  'InvalidCredentials',
  'InvalidVerificationCode',
  'InvalidOTPCode',
  'UserNotFound',
  'PasswordPolicyViolated',
  'PasswordResetFailed',
  'ChangePasswordFailed',
  'NewPasswordTypo',
  'current_password',
  'ForgotPasswordFailed',
  'DeviceCodeUnknown',
  'DeviceCodeExpired',
  'DuplicatedIdentity',
  'DuplicatedAuthenticator',
  'AccountManagementDuplicatedIdentity',
])

/** The sentence for a problem. Words that a project's hook sent along win. */
export function explain(problem: Problem, words: Words, about: Circumstances): Said {
  const said = choose(problem, words, about)
  const reason = problem.reason === 'InvariantViolated' ? (causesOf(problem)[0]?.kind ?? '') : problem.reason
  return { place: said.place ?? (atField.has(reason) ? 'field' : 'page'), k: said.k, vars: said.vars ?? {} }
}

function choose(problem: Problem, words: Words, about: Circumstances): { k: string; vars?: Vars; place?: 'page' } {
  const { reason, info = {} } = problem
  const { app, now, target = '' } = about
  const first = causesOf(problem)[0]
  const best = (...keys: string[]) => keys.find((key) => words.has(key)) ?? 'error.unknown'
  switch (reason) {
    case 'required':
      return { k: best(`error.required.${info.what}`, 'error.required.field') }
    case 'ValidationFailed':
      return validation(first, best)
    case 'InvalidCredentials':
      if (info.AuthenticationType === 'password' && !about.canReset)
        return { k: 'error.InvalidCredentials.password_only' }
      return { k: best(`error.InvalidCredentials.${info.AuthenticationType}`, 'error.InvalidCredentials') }
    case 'InvalidOTPCode':
    case 'PasswordResetFailed':
      return { k: best(`error.${reason}.${first?.kind}`, `error.${reason}`) }
    case 'PasswordPolicyViolated': {
      const [only, ...more] = causesOf(problem)
      if (only === undefined || more.length > 0) return { k: 'error.PasswordPolicyViolated' }
      const n = Number(only.Info?.min_length ?? Number.NaN)
      const name = only.Name ?? only.kind
      if (name === 'PasswordTooShort' && Number.isNaN(n)) return { k: 'error.PasswordPolicyViolated' }
      return { k: best(`error.PasswordPolicyViolated.${name}`, 'error.PasswordPolicyViolated'), vars: { n } }
    }
    case 'AccountManagementIdentityNotOwnedByUser':
    case 'AccountManagementAuthenticatorNotOwnedByUser':
    case 'AuthorizationNotFound':
    case 'SessionNotFound':
      return { k: 'error.already_gone' }
    case 'AccountManagementTokenInvalid':
      return { k: 'error.AuthenticationFlowNotFound' }
    case 'LinkNotOpened':
      return { k: 'link.not_yet' }
    case 'DeviceCodeUnknown':
      return { k: 'device.unknown' }
    case 'DeviceCodeExpired':
      return { k: 'device.expired' }
    case 'UserNotFound':
      return { k: about.signupClosed ? 'error.UserNotFound.closed' : 'error.UserNotFound' }
    case 'InvariantViolated':
    case 'AccountManagementDuplicatedIdentity': {
      const kind = reason === 'InvariantViolated' ? first?.kind : 'DuplicatedIdentity'
      if (kind === 'DuplicatedIdentity')
        return {
          k: about.settings ? 'error.DuplicatedIdentity.settings' : 'error.DuplicatedIdentity',
          vars: { target },
        }
      if (kind === 'MismatchedUser') return { k: 'error.MismatchedUser.unnamed' }
      return { k: best(`error.${kind}`, 'error.InvariantViolated'), vars: { app } }
    }
    case 'RateLimited': {
      const bucket = String(info.bucket_name ?? '')
      const n = problem.retryAfter ?? 60
      if (/Cooldown/.test(bucket)) return { k: 'error.RateLimited.cooldown', vars: { n } }
      return { k: best(`error.RateLimited.${bucket.replace(/Per(IP|Target)$/, '')}`, 'error.RateLimited'), vars: { n } }
    }
    case 'AccountLockout': {
      const until = new Date(String(info.until))
      if (Number.isNaN(until.getTime())) return { k: 'error.TooManyRequest' }
      const seconds = Math.max(1, (until.getTime() - now.getTime()) / 1000)
      return {
        k: 'error.AccountLockout',
        vars: { clock: clock(words.lang, until), duration: duration(words.lang, seconds) },
      }
    }
    default:
      return { k: best(`error.${reason}`), vars: { app, target, email: target, ref: reference(about.trackingId) } }
  }
}

function validation(cause: Cause | undefined, best: (...keys: string[]) => string): { k: string; vars?: Vars } {
  const details = cause?.details ?? {}
  if (cause?.kind === 'format') return { k: best(`error.format.${details.format}`, 'error.format.field') }
  if (cause?.kind === 'blocked')
    return {
      k: best(
        `error.blocked.${details.reason}.${details.blocklist}`,
        `error.blocked.${details.reason}`,
        'error.ValidationFailed',
      ),
    }
  if (cause?.kind === 'maxLength') return { k: 'error.too_long', vars: { n: Number(details.expected ?? 0) } }
  if (cause?.kind === 'required' || cause?.kind === 'minLength') return { k: 'error.required.field' }
  if (cause?.kind === 'general') return { k: 'error.format.field' }
  return { k: 'error.ValidationFailed' }
}

/** A tracking id as people can read it aloud: `7F3K-9Q2M`. */
export function reference(trackingId: string | undefined): string {
  const head = (trackingId ?? '').replaceAll('-', '').slice(0, 8).toUpperCase()
  return head === '' ? '' : `${head.slice(0, 4)}-${head.slice(4)}`
}
