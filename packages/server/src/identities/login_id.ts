// Login IDs: e-mail addresses, telephone numbers and usernames, each written one way (authentication §1.1).
import { domainToASCII, domainToUnicode } from 'node:url'
import type { Fault } from '../config/faults.ts'
import type { Config } from '../config/schema.ts'
import { Refusal } from '../refusal.ts'
import type { LoginIdKeyConfig, LoginIdType } from './config.ts'
import { disposableDomains, freeDomains, reservedNames } from './names.ts'

/** A login ID as it is stored. `key` and `type` are those of `identity.login_id.keys`. */
export type LoginId = {
  key: string
  type: LoginIdType
  /** Normalised: what messages are sent to and claims say. */
  value: string
  original: string
  uniqueKey: string
}

/** Names of the standard claims that login IDs contribute. */
export const claimOfType = { email: 'email', phone: 'phone_number', username: 'preferred_username' } as const

export function loginIdClaims(loginId: Pick<LoginId, 'type' | 'value'>): Record<string, unknown> {
  return { [claimOfType[loginId.type]]: loginId.value }
}

type Normalised = { value: string; uniqueKey: string }
type Problem = Pick<Fault, 'kind' | 'message'> & { details: Record<string, unknown> }

/** What a login ID may look like, from the project's configuration. */
export type LoginIdRules = Pick<Config, 'identity' | 'ui'>

/**
 * How a login ID of this type is found, whatever else may be wrong with it: undefined when it cannot be one.
 * Rules that block new ones (domains, reserved names) do not hide users who have one already.
 */
export async function normaliseLoginId(
  type: LoginIdType,
  text: string,
  rules: LoginIdRules,
): Promise<Normalised | undefined> {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed.length > 512) return undefined
  if (type === 'email') return normaliseEmail(trimmed, rules.identity.login_id.types.email)
  if (type === 'phone') return normalisePhone(trimmed, 'isPossibleNumber')
  const folded = normaliseUsername(trimmed, rules.identity.login_id.types.username)
  return folded === undefined ? undefined : { value: folded, uniqueKey: folded }
}

/**
 * A login ID as a person gives it for their account.
 * @param options.administrator skips the block lists.
 * @throws Refusal `ValidationFailed`, causes at `/login_id`: kind `format` (`details.format`) or `blocked` (`details.reason`).
 */
export async function newLoginId(
  key: LoginIdKeyConfig,
  text: string,
  rules: LoginIdRules,
  options: { administrator?: boolean } = {},
): Promise<LoginId> {
  const trimmed = text.trim()
  if (trimmed.length > key.max_length)
    throw loginIdRefusal({
      kind: 'maxLength',
      message: `must be at most ${key.max_length} characters`,
      details: { expected: key.max_length, actual: trimmed.length },
    })
  const found = await validate(key.type, trimmed, rules)
  if ('kind' in found) throw loginIdRefusal(found)
  const blocked = options.administrator ? undefined : blockedBecause(key.type, found.value, rules)
  if (blocked !== undefined) throw loginIdRefusal(blocked)
  return { key: key.key, type: key.type, original: trimmed, ...found }
}

function loginIdRefusal(problem: Problem): Refusal {
  return new Refusal({
    name: 'Invalid',
    reason: 'ValidationFailed',
    message: `invalid login ID: ${problem.message}`,
    info: {
      causes: [{ location: '/login_id', kind: problem.kind, message: problem.message, details: problem.details }],
    },
  })
}

async function validate(type: LoginIdType, text: string, rules: LoginIdRules): Promise<Normalised | Problem> {
  const format = (name: string, message: string): Problem => ({ kind: 'format', message, details: { format: name } })
  if (type === 'email') {
    return normaliseEmail(text, rules.identity.login_id.types.email) ?? format('email', 'not an e-mail address')
  }
  if (type === 'phone') {
    const { validation, allowlist } = rules.ui.phone_input
    const found = await normalisePhone(text, validation.libphonenumber.validation_method)
    if (found === undefined) return format('phone', 'not a telephone number with its country code')
    const country = found.country
    // Several countries may share a calling code; a number that fits an allowed one is allowed.
    if (!allowlist.some((allowed) => country.includes(allowed)))
      return {
        kind: 'blocked',
        message: 'telephone numbers of this country are not accepted',
        details: { reason: 'PhoneNumberCountryCodeAllowlist' },
      }
    return { value: found.value, uniqueKey: found.uniqueKey }
  }
  const value = normaliseUsername(text, rules.identity.login_id.types.username)
  if (value === undefined) return format('username', 'not a username')
  return { value, uniqueKey: value }
}

// ---- e-mail -------------------------------------------------------------------------------------------------------

function normaliseEmail(
  text: string,
  type: LoginIdRules['identity']['login_id']['types']['email'],
): Normalised | undefined {
  const cut = text.lastIndexOf('@')
  let local = text.slice(0, cut).normalize('NFKC')
  const domain = text.slice(cut + 1)
  // RFC 5321 §4.1.2 without quoted local parts, which no provider gives out.
  if (cut < 1 || local.length > 64 || /[\s"(),:;<>@[\\\]\p{C}]/u.test(local) || /^\.|\.\.|\.$/.test(local))
    return undefined
  const ascii = domainToASCII(domain.normalize('NFKC'))
  if (
    ascii === '' ||
    ascii.length > 253 ||
    !/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(ascii) ||
    /\.\d+$/.test(ascii)
  )
    return undefined
  if (!type.case_sensitive) local = local.toLowerCase()
  if (type.ignore_dot_sign) local = local.replaceAll('.', '')
  if (local === '') return undefined
  return { value: `${local}@${domainToUnicode(ascii)}`, uniqueKey: `${local}@${ascii}` }
}

// ---- telephone ----------------------------------------------------------------------------------------------------

async function normalisePhone(
  text: string,
  method: 'isPossibleNumber' | 'isValidNumber',
): Promise<(Normalised & { country: readonly string[] }) | undefined> {
  if (!/^\+[\d\s().-]{4,40}$/.test(text)) return undefined
  const { parsePhoneNumberFromString } = await import('libphonenumber-js/max')
  const phone = parsePhoneNumberFromString(text)
  if (phone === undefined || phone.ext !== undefined) return undefined
  if (method === 'isValidNumber' ? !phone.isValid() : !phone.isPossible()) return undefined
  const countries = phone.country === undefined ? phone.getPossibleCountries() : [phone.country]
  return { value: phone.number, uniqueKey: phone.number, country: countries }
}

// ---- username -----------------------------------------------------------------------------------------------------

const scripts = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee'].map(
  (name) => new RegExp(`\\p{Script=${name}}`, 'u'),
)

function normaliseUsername(
  text: string,
  type: LoginIdRules['identity']['login_id']['types']['username'],
): string | undefined {
  // RFC 8265 §3: letters, digits, marks and printable ASCII without spaces, after folding width and case.
  const wide = text.normalize('NFKC')
  const folded = (type.case_sensitive ? wide : wide.toLowerCase()).normalize('NFKC')
  if (folded === '' || !/^[\p{L}\p{M}\p{Nd}!-~]+$/u.test(folded)) return undefined
  if (type.ascii_only && !/^[a-zA-Z0-9_\-.]*$/.test(folded)) return undefined
  // Look-alikes come from mixing alphabets that share shapes: «раypal» with two Cyrillic letters.
  if (scripts.filter((script) => script.test(folded)).length > 1) return undefined
  return folded
}

// ---- what is blocked ----------------------------------------------------------------------------------------------

function blockedBecause(type: LoginIdType, value: string, rules: LoginIdRules): Problem | undefined {
  const blocked = (reason: string, message: string, more: object = {}): Problem => ({
    kind: 'blocked',
    message,
    details: { reason, ...more },
  })
  if (type === 'email') {
    const settings = rules.identity.login_id.types.email
    const [local = '', domain = ''] = value.split('@')
    if (settings.block_plus_sign && local.includes('+'))
      return blocked('BlockPlusSign', 'addresses with a plus sign are not accepted')
    if (settings.block_free_email_provider_domains && freeDomains.has(domain))
      return blocked('EmailDomainBlocklist', 'addresses of free providers are not accepted', { blocklist: 'free' })
    if (settings.block_disposable_email_domains && disposableDomains.has(domain))
      return blocked('EmailDomainBlocklist', 'disposable addresses are not accepted', { blocklist: 'disposable' })
  }
  if (
    type === 'username' &&
    rules.identity.login_id.types.username.block_reserved_usernames &&
    reservedNames.has(value.toLowerCase())
  )
    return blocked('UsernameReserved', 'this name is reserved')
  return undefined
}

// ---- shown --------------------------------------------------------------------------------------------------------

/** Hides the second half of what identifies (authentication §3.6): `us**@example.com`, `+8525100****`. */
export function mask(type: LoginIdType, value: string): string {
  const half = (text: string) => text.slice(0, Math.ceil(text.length / 2)) + '*'.repeat(Math.floor(text.length / 2))
  if (type === 'email') {
    const cut = value.lastIndexOf('@')
    return half(value.slice(0, cut)) + value.slice(cut)
  }
  if (type === 'phone') {
    const code = callingCode(value)
    return code + half(value.slice(code.length))
  }
  return value
}

/** `+` and the country calling code: one digit for zones 1 and 7, else two or three (ITU-T E.164 list of country codes). */
function callingCode(number: string): string {
  const digits = number.slice(1)
  if (/^[17]/.test(digits)) return number.slice(0, 2)
  const two = /^(20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/.test(digits)
  return number.slice(0, two ? 3 : 4)
}
