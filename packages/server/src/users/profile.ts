// Attributes of a user: which values they may take, and which of them come from identities (authentication §1.4).
import type { Fault } from '../config/faults.ts'
import type { Config } from '../config/schema.ts'
import { Refusal } from '../refusal.ts'
import type { AccessLevel, CustomAttribute } from './config.ts'

export type Attributes = { standard: Record<string, unknown>; custom: Record<string, unknown> }
export type AttributeValue = { pointer: string; value: unknown }
export type Party = 'end_user' | 'bearer' | 'portal_ui'

/** Attributes whose value must be that of one of the user's identities. */
export const identityAttributes = ['email', 'phone_number', 'preferred_username'] as const

type Claims = { claims: Record<string, unknown> }

/**
 * Attributes that identities decide: a value that no identity has any more gives way to the newest identity's. `fill`
 * also sets those that were empty.
 * @param identities oldest first.
 */
export function settleIdentityAttributes(
  standard: Record<string, unknown>,
  identities: readonly Claims[],
  fill: boolean,
): Record<string, unknown> {
  const settled = { ...standard }
  for (const name of identityAttributes) {
    const values = identities.map((identity) => identity.claims[name]).filter((value) => typeof value === 'string')
    const present = settled[name]
    if (present !== undefined ? values.includes(present as string) : !fill) continue
    const newest = values.at(-1)
    if (newest === undefined) delete settled[name]
    else settled[name] = newest
  }
  return settled
}

// ---- values -------------------------------------------------------------------------------------------------------

type Check = (value: unknown) => string | undefined

const text: Check = (value) => (typeof value === 'string' && value.length <= 4096 ? undefined : 'not a text')
const web: Check = (value) =>
  typeof value === 'string' && value.length <= 4096 && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
    ? undefined
    : 'not an http or https URL'

function realDate(value: string): boolean {
  const date = new Date(`${value}T00:00:00Z`)
  return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)
}

function canonicalLocale(value: string): boolean {
  try {
    return Intl.getCanonicalLocales(value).length === 1
  } catch {
    return false
  }
}

function knownZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return value.includes('/') || value === 'UTC'
  } catch {
    return false
  }
}

const addressParts = ['formatted', 'street_address', 'locality', 'region', 'postal_code', 'country']

/** OpenID Connect Core §5.1. */
const standardChecks: Record<string, Check> = {
  '/email': text,
  '/phone_number': text,
  '/preferred_username': text,
  '/name': text,
  '/given_name': text,
  '/family_name': text,
  '/middle_name': text,
  '/nickname': text,
  '/profile': web,
  '/picture': (value) => (typeof value === 'string' && value.startsWith('authgearimages:///') ? undefined : web(value)),
  '/website': web,
  '/gender': text,
  '/birthdate': (value) =>
    typeof value === 'string' && realDate(value) ? undefined : 'not a date: write it like 1990-12-31',
  '/zoneinfo': (value) =>
    typeof value === 'string' && knownZone(value) ? undefined : 'not a time zone such as Europe/Paris',
  '/locale': (value) => (typeof value === 'string' && canonicalLocale(value) ? undefined : 'not a language tag'),
  '/address': (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([key, part]) => addressParts.includes(key) && typeof part === 'string')
      ? undefined
      : 'not an address',
}

function customProblem(attribute: CustomAttribute, value: unknown): string | undefined {
  switch (attribute.type) {
    case 'string':
      return text(value)
    case 'number':
    case 'integer': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return 'not a number'
      if (attribute.type === 'integer' && !Number.isSafeInteger(value)) return 'not a whole number'
      if (attribute.minimum !== undefined && value < attribute.minimum) return `must be at least ${attribute.minimum}`
      if (attribute.maximum !== undefined && value > attribute.maximum) return `must be at most ${attribute.maximum}`
      return undefined
    }
    case 'enum':
      return typeof value === 'string' && attribute.enum.includes(value) ? undefined : 'not one of the choices'
    case 'email':
      return typeof value === 'string' && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : 'not an e-mail address'
    case 'phone_number':
      return typeof value === 'string' && /^\+\d{7,15}$/.test(value) ? undefined : 'not a telephone number'
    case 'url':
      return web(value)
    case 'country_code':
      return typeof value === 'string' && /^[A-Z]{2}$/.test(value) ? undefined : 'not a country code'
  }
}

/** What is wrong with a value for this attribute, or undefined. A null or empty value removes the attribute. */
export function attributeProblem(
  attributes: readonly CustomAttribute[],
  { pointer, value }: AttributeValue,
): string | undefined {
  const standard = standardChecks[pointer]
  const custom = attributes.find((one) => one.pointer === pointer)
  if (standard === undefined && custom === undefined) return 'is no attribute'
  if (value === null || value === undefined || value === '') return undefined
  return standard !== undefined ? standard(value) : custom && customProblem(custom, value)
}

/** How `party` may treat the attribute. */
export function accessOf(config: Config['user_profile'], pointer: string, party: Party): AccessLevel {
  const standard = config.standard_attributes.access_control.find((entry) => entry.pointer === pointer)
  const custom = config.custom_attributes.attributes.find((entry) => entry.pointer === pointer)
  return (standard ?? custom)?.access_control[party] ?? 'hidden'
}

/**
 * The attributes with these values in place. Standard attributes are kept by name, custom ones by their `id`.
 * @param options.own values that the user's identities have: the only ones `email`, `phone_number` and
 *   `preferred_username` may take.
 * @param options.party whose access counts; the Admin API leaves it out and may do anything.
 * @throws Refusal `ValidationFailed` with a cause for each bad value; `AccessControlViolated` 403.
 */
export function withAttributes(
  config: Config['user_profile'],
  attributes: Attributes,
  values: readonly AttributeValue[],
  options: { own: readonly Claims[]; party?: Party },
): Attributes {
  const custom = config.custom_attributes.attributes
  const result: Attributes = { standard: { ...attributes.standard }, custom: { ...attributes.custom } }
  const faults: Fault[] = []
  const denied: string[] = []
  for (const [index, one] of values.entries()) {
    if (options.party !== undefined && accessOf(config, one.pointer, options.party) !== 'readwrite') {
      denied.push(one.pointer)
      continue
    }
    const name = one.pointer.slice(1)
    const owned = (identityAttributes as readonly string[]).includes(name)
    const empty = one.value === null || one.value === undefined || one.value === ''
    const problem =
      attributeProblem(custom, one) ??
      (owned && !empty && !options.own.some((identity) => identity.claims[name] === one.value)
        ? 'belongs to none of the identities'
        : undefined)
    if (problem !== undefined) {
      faults.push({
        location: `/attributes/${index}/value`,
        kind: 'general',
        message: problem,
        details: { pointer: one.pointer, msg: problem },
      })
      continue
    }
    const mine = custom.find((attribute) => attribute.pointer === one.pointer)
    const [place, key] = mine === undefined ? [result.standard, name] : [result.custom, mine.id]
    if (empty) delete place[key]
    else place[key] = one.value
  }
  if (denied.length > 0)
    throw new Refusal({
      name: 'Forbidden',
      reason: 'AccessControlViolated',
      message: 'these attributes cannot be changed',
      info: { pointers: denied },
    })
  if (faults.length > 0)
    throw new Refusal({
      name: 'Invalid',
      reason: 'ValidationFailed',
      message: 'invalid attributes',
      info: { causes: faults },
    })
  return result
}

/** Custom attributes by their names, as clients see them. They are kept under their ids, so that a rename loses nothing. */
export function customAttributesByName(
  config: Config['user_profile'],
  custom: Record<string, unknown>,
): Record<string, unknown> {
  const entries = config.custom_attributes.attributes.map(({ id, pointer }) => [pointer.slice(1), custom[id]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}
