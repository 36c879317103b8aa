/** User profile, deletion, anonymization and migration. Reference: authentication §1.4, §2.7. */
import { z } from 'zod'
import { distinct, hookUrl, raise, timeout } from '../config/values.ts'

// ---- attributes ---------------------------------------------------------------------------------------------------

export const accessLevels = ['hidden', 'readonly', 'readwrite'] as const
export type AccessLevel = (typeof accessLevels)[number]

type Access = { end_user: AccessLevel; bearer: AccessLevel; portal_ui: AccessLevel }

/** end_user / bearer / portal_ui, as the reference lists them; any other combination is refused. */
const legalAccess = [
  'hidden/hidden/hidden',
  'hidden/hidden/readonly',
  'hidden/hidden/readwrite',
  'hidden/readonly/readonly',
  'hidden/readonly/readwrite',
  'readonly/readonly/readonly',
  'readonly/readonly/readwrite',
  'readwrite/readonly/readwrite',
]

const AccessControl = z
  .strictObject({
    end_user: z.enum(accessLevels).meta({ title: 'The user' }),
    bearer: z.enum(accessLevels).meta({ title: 'Tokens and the resolver' }),
    portal_ui: z.enum(accessLevels).meta({ title: 'Administrators' }),
  })
  .superRefine((access, ctx) => {
    if (legalAccess.includes(`${access.end_user}/${access.bearer}/${access.portal_ui}`)) return
    raise(ctx, {
      message: 'administrators see at least what tokens carry, and tokens at least what users see',
      details: { legal: legalAccess },
    })
  })

const standardAttributes = [
  '/email',
  '/phone_number',
  '/preferred_username',
  '/family_name',
  '/given_name',
  '/middle_name',
  '/name',
  '/nickname',
  '/picture',
  '/profile',
  '/website',
  '/gender',
  '/birthdate',
  '/zoneinfo',
  '/locale',
  '/address',
] as const
export type StandardAttributePointer = (typeof standardAttributes)[number]

const hiddenByDefault: readonly StandardAttributePointer[] = [
  '/name',
  '/nickname',
  '/middle_name',
  '/profile',
  '/website',
  '/address',
]

function usualAccess(pointer: StandardAttributePointer): Access {
  return hiddenByDefault.includes(pointer)
    ? { end_user: 'hidden', bearer: 'hidden', portal_ui: 'hidden' }
    : { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' }
}

/** After parsing, `access_control` names every standard attribute, in the order above. */
const StandardAttributes = z
  .strictObject({
    population: z
      .strictObject({ strategy: z.enum(['none', 'on_signup']).default('on_signup') })
      .prefault({})
      .meta({
        title: 'Fill in at sign-up',
        description: 'Copies attributes of the identity that a user signs up with.',
      }),
    access_control: z
      .array(z.strictObject({ pointer: z.enum(standardAttributes), access_control: AccessControl }))
      .superRefine(distinct<{ pointer: string }>((entry) => entry.pointer, 'pointer'))
      .default([]),
  })
  .transform((written) => ({
    ...written,
    access_control: standardAttributes.map((pointer) => ({
      pointer,
      access_control:
        written.access_control.find((entry) => entry.pointer === pointer)?.access_control ?? usualAccess(pointer),
    })),
  }))
  .prefault({})

/** Claims whose names a custom attribute cannot take. RFC 7519 §4.1, OpenID Connect Core §5.1, RFC 9068 §2.2. */
const reservedClaims = new Set([
  ...standardAttributes.map((pointer) => pointer.slice(1)),
  ...[
    'email_verified',
    'phone_number_verified',
    'updated_at',
    'sub',
    'iss',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'azp',
    'nonce',
  ],
  ...[
    'auth_time',
    'at_hash',
    'c_hash',
    's_hash',
    'ds_hash',
    'acr',
    'amr',
    'sid',
    'cnf',
    'act',
    'may_act',
    'scope',
    'client_id',
  ],
  ...['roles', 'groups', 'entitlements', 'events', 'custom_attributes', 'x_web3'],
])

const customAttribute = {
  id: z.string().min(1).meta({ title: 'ID', description: 'Under which values are stored. Cannot be changed later.' }),
  pointer: z
    .string()
    .regex(/^\/[A-Za-z0-9_]+$/)
    .superRefine((pointer, ctx) => {
      if (reservedClaims.has(pointer.slice(1))) raise(ctx, { message: 'is the name of a standard claim' })
    })
    .meta({ title: 'Name', description: 'A slash and one name, such as /hobby.' }),
  access_control: AccessControl.prefault({ end_user: 'hidden', bearer: 'hidden', portal_ui: 'readwrite' }),
}

function ordered(
  attribute: { minimum?: number | undefined; maximum?: number | undefined },
  ctx: Parameters<typeof raise>[0],
): void {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = attribute
  if (minimum > maximum) raise(ctx, { message: 'must not be greater than maximum', path: ['minimum'] })
}

export const CustomAttribute = z.discriminatedUnion('type', [
  z.strictObject({ ...customAttribute, type: z.enum(['string', 'phone_number', 'email', 'url', 'country_code']) }),
  z
    .strictObject({
      ...customAttribute,
      type: z.literal('number'),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
    })
    .superRefine(ordered),
  z
    .strictObject({
      ...customAttribute,
      type: z.literal('integer'),
      minimum: z.int().optional(),
      maximum: z.int().optional(),
    })
    .superRefine(ordered),
  z.strictObject({
    ...customAttribute,
    type: z.literal('enum'),
    enum: z
      .array(z.string().regex(/^[a-zA-Z0-9_]*$/))
      .min(1)
      .superRefine(distinct<string>((value) => value)),
  }),
])
export type CustomAttribute = z.output<typeof CustomAttribute>

export const UserProfileConfig = z
  .strictObject({
    standard_attributes: StandardAttributes,
    custom_attributes: z
      .strictObject({
        attributes: z
          .array(CustomAttribute)
          .superRefine(distinct<{ id: string }>((attribute) => attribute.id, 'id'))
          .superRefine(distinct<{ pointer: string }>((attribute) => attribute.pointer, 'pointer'))
          .default([]),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({ title: 'User profile' })
export type UserProfileConfig = z.output<typeof UserProfileConfig>

// ---- leaving, arriving --------------------------------------------------------------------------------------------

const gracePeriod = z.int().min(1).max(180).default(30).meta({ title: 'Grace period', description: 'Days, 1 to 180.' })

export const AccountDeletionConfig = z
  .strictObject({
    scheduled_by_end_user_enabled: z.boolean().default(false).meta({ title: 'Users may delete their account' }),
    grace_period_days: gracePeriod,
  })
  .prefault({})
  .meta({ title: 'Account deletion' })
export type AccountDeletionConfig = z.output<typeof AccountDeletionConfig>

export const AccountAnonymizationConfig = z
  .strictObject({ grace_period_days: gracePeriod })
  .prefault({})
  .meta({ title: 'Account anonymization' })
export type AccountAnonymizationConfig = z.output<typeof AccountAnonymizationConfig>

const MigrationHook = z.strictObject({ url: hookUrl, timeout: timeout.default(5) }).optional()

export const AccountMigrationConfig = z
  .strictObject({
    hook: MigrationHook.meta({ title: 'Migration hook', description: 'Says who a foreign token belongs to.' }),
    proof_of_phone_number_verification: z
      .strictObject({ hook: MigrationHook })
      .prefault({})
      .meta({ title: 'Proof that a telephone number was verified' }),
  })
  .prefault({})
  .meta({ title: 'Account migration' })
export type AccountMigrationConfig = z.output<typeof AccountMigrationConfig>
