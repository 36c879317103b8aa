/**
 * How users prove who they are: `authentication`, `authenticator`, `verification`, `forgot_password`.
 * Reference: authentication §2.2, §2.4, §2.5, §8.1.
 */
import { z } from 'zod'
import { dateTime, duration, raise, uniqueList } from '../config/values.ts'
import {
  LockoutConfig,
  type RateLimit,
  rateLimit,
  settleLimitOr,
  WrittenRateLimit as Written,
  type WrittenRateLimit,
} from '../limits/config.ts'

// ---- authentication -----------------------------------------------------------------------------------------------

export const identityTypes = ['login_id', 'oauth', 'anonymous', 'biometric', 'passkey', 'siwe', 'ldap'] as const

export const primaryAuthenticators = ['password', 'passkey', 'oob_otp_email', 'oob_otp_sms'] as const

export const secondaryAuthenticators = ['password', 'oob_otp_email', 'oob_otp_sms', 'totp'] as const

const fallsBack = 'As general when left out.'
const limit = Written.optional().meta({ description: fallsBack })
const perIp = z.strictObject({ per_ip: limit }).prefault({})
const perUserToo = z.strictObject({ per_ip: limit, per_user_per_ip: limit }).prefault({})
const oneTimeCodes = z
  .strictObject({
    trigger_per_ip: rateLimit(),
    trigger_per_user: rateLimit(),
    trigger_cooldown: duration
      .prefault('1m')
      .meta({ title: 'Cooldown', description: 'Between two messages to the same target.' }),
    max_failed_attempts_revoke_otp: z
      .int()
      .min(1)
      .optional()
      .meta({ title: 'Wrong codes before a code is withdrawn', description: 'Never when left out.' }),
    validate_per_ip: limit,
    validate_per_user_per_ip: limit,
  })
  .prefault({})

/** After parsing, every limit is there: those left out have taken the general one. */
const RateLimits = z
  .strictObject({
    general: z.strictObject({ per_ip: rateLimit([60, '1m']), per_user_per_ip: rateLimit([10, '1m']) }).prefault({}),
    password: perUserToo,
    oob_otp: z.strictObject({ email: oneTimeCodes, sms: oneTimeCodes }).prefault({}),
    totp: perUserToo,
    passkey: perIp,
    siwe: perIp,
    recovery_code: perUserToo,
    device_token: perUserToo,
    signup: z.strictObject({ per_ip: rateLimit([10, '1m']) }).prefault({}),
    signup_anonymous: z.strictObject({ per_ip: rateLimit([60, '1m']) }).prefault({}),
    account_enumeration: z.strictObject({ per_ip: rateLimit([10, '1m']) }).prefault({}),
  })
  .transform((written, ctx) => {
    const { general } = written
    const settle = (path: string[], one: WrittenRateLimit | undefined, usual: RateLimit) =>
      settleLimitOr(ctx, path, one, usual)
    const alone = (name: 'passkey' | 'siwe') => ({
      per_ip: settle([name, 'per_ip'], written[name].per_ip, general.per_ip),
    })
    const both = (name: 'password' | 'totp' | 'recovery_code' | 'device_token') => ({
      per_ip: settle([name, 'per_ip'], written[name].per_ip, general.per_ip),
      per_user_per_ip: settle([name, 'per_user_per_ip'], written[name].per_user_per_ip, general.per_user_per_ip),
    })
    const codes = (channel: 'email' | 'sms') => ({
      ...written.oob_otp[channel],
      validate_per_ip: settle(
        ['oob_otp', channel, 'validate_per_ip'],
        written.oob_otp[channel].validate_per_ip,
        general.per_ip,
      ),
      validate_per_user_per_ip: settle(
        ['oob_otp', channel, 'validate_per_user_per_ip'],
        written.oob_otp[channel].validate_per_user_per_ip,
        general.per_user_per_ip,
      ),
    })
    return {
      ...written,
      password: both('password'),
      oob_otp: { email: codes('email'), sms: codes('sms') },
      totp: both('totp'),
      passkey: alone('passkey'),
      siwe: alone('siwe'),
      recovery_code: both('recovery_code'),
      device_token: both('device_token'),
    }
  })
  .prefault({})
  .meta({ title: 'Rate limits' })

export const AuthenticationConfig = z
  .strictObject({
    identities: uniqueList(z.enum(identityTypes))
      .default(['oauth', 'login_id'])
      .meta({ title: 'Identities', description: 'How users are found, in the order they are offered.' }),
    primary_authenticators: uniqueList(z.enum(primaryAuthenticators))
      .default(['password'])
      .meta({ title: 'First factor', description: 'In the order they are offered.' }),
    secondary_authenticators: uniqueList(z.enum(secondaryAuthenticators))
      .default(['totp'])
      .meta({ title: 'Second factor', description: 'In the order they are offered.' }),
    secondary_authentication_mode: z.enum(['disabled', 'if_exists', 'required']).default('if_exists').meta({
      title: 'Second factor is',
      description: 'Never asked for, asked for when a user has one, or required of everyone.',
    }),
    secondary_authentication_grace_period: z
      .strictObject({
        enabled: z.boolean().default(false),
        end_at: dateTime.optional().meta({ title: 'Until', description: 'Without end when left out.' }),
      })
      .prefault({})
      .meta({ title: 'Grace period', description: 'In which users without a second factor may set one up at login.' }),
    device_token: z
      .strictObject({
        disabled: z.boolean().default(false),
        expire_in_days: z
          .int()
          .min(1)
          .default(30)
          .meta({ title: 'Days', description: 'For which a device is trusted.' }),
      })
      .prefault({})
      .meta({ title: 'Trusted devices' }),
    recovery_code: z
      .strictObject({
        disabled: z.boolean().default(false),
        count: z.int().min(10).max(50).default(16).meta({ title: 'How many' }),
        list_enabled: z.boolean().default(false).meta({ title: 'Can be seen again' }),
      })
      .prefault({})
      .meta({ title: 'Recovery codes' }),
    public_signup_disabled: z
      .boolean()
      .default(false)
      .meta({ title: 'No public sign-up', description: 'Only administrators make users.' }),
    rate_limits: RateLimits,
    lockout: LockoutConfig,
  })
  .superRefine((authentication, ctx) => {
    const { identities, primary_authenticators: primary, secondary_authenticators: secondary } = authentication
    const passkey = identities.indexOf('passkey')
    if (passkey >= 0 && !primary.includes('passkey')) {
      raise(ctx, {
        kind: 'noPrimaryAuthenticator',
        message: 'the identity passkey needs passkey in primary_authenticators',
        path: ['identities', passkey],
        details: { identity_type: 'passkey' },
      })
    }
    if (passkey >= 0 && !identities.includes('login_id')) {
      raise(ctx, { message: 'the identity passkey needs login_id beside it', path: ['identities', passkey] })
    }
    if (passkey < 0 && primary.includes('passkey')) {
      raise(ctx, {
        message: 'passkey needs the identity passkey',
        path: ['primary_authenticators', primary.indexOf('passkey')],
      })
    }
    const siwe = identities.indexOf('siwe')
    if (siwe >= 0 && identities.length > 1)
      raise(ctx, { message: 'siwe must be the only identity', path: ['identities', siwe] })
    if (authentication.secondary_authentication_mode !== 'disabled' && secondary.length === 0) {
      raise(ctx, {
        kind: 'noSecondaryAuthenticator',
        message: 'must not be empty unless secondary_authentication_mode is disabled',
        path: ['secondary_authenticators'],
      })
    }
  })
  .prefault({})
  .meta({ title: 'Authentication' })
export type AuthenticationConfig = z.output<typeof AuthenticationConfig>

// ---- authenticator ------------------------------------------------------------------------------------------------

const PasswordPolicy = z
  .strictObject({
    min_length: z.int().min(1).default(8).meta({ title: 'Shortest', description: 'Characters.' }),
    uppercase_required: z.boolean().default(false).meta({ title: 'An upper-case letter' }),
    lowercase_required: z.boolean().default(false).meta({ title: 'A lower-case letter' }),
    alphabet_required: z.boolean().default(false).meta({ title: 'A letter' }),
    digit_required: z.boolean().default(false).meta({ title: 'A digit' }),
    symbol_required: z.boolean().default(false).meta({ title: 'A symbol' }),
    minimum_guessable_level: z
      .int()
      .min(0)
      .max(5)
      .default(0)
      .meta({ title: 'Strength', description: '1 to 5; 0 does not measure it.' }),
    excluded_keywords: z.array(z.string().min(1)).default([]).meta({ title: 'Words it must not contain' }),
    history_size: z.int().min(0).default(0).meta({ title: 'Differs from the last', description: 'So many passwords.' }),
    history_days: z.int().min(0).default(0).meta({ title: 'Differs from those of the last', description: 'Days.' }),
  })
  .prefault({})
  .meta({ title: 'Password policy' })
export type PasswordPolicyConfig = z.output<typeof PasswordPolicy>

const Password = z
  .strictObject({
    policy: PasswordPolicy,
    force_change: z.boolean().default(true).meta({ title: 'Ask for a new password when the policy is no longer met' }),
    expiry: z
      .strictObject({
        force_change: z
          .strictObject({
            enabled: z.boolean().default(false),
            duration_since_last_update: duration
              .optional()
              .meta({ title: 'After', description: 'Since the last change, such as 2160h.' }),
          })
          .superRefine((expiry, ctx) => {
            if (!expiry.enabled || expiry.duration_since_last_update !== undefined) return
            raise(ctx, {
              kind: 'required',
              message: 'an enabled expiry needs duration_since_last_update',
              details: { missing: ['duration_since_last_update'] },
            })
          })
          .transform((expiry) => ({ ...expiry, duration_since_last_update: expiry.duration_since_last_update ?? 0 }))
          .prefault({}),
      })
      .prefault({})
      .meta({ title: 'Password expiry' }),
    ratelimit: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ deprecated: true, description: 'Accepted from old files; does nothing.' }),
  })
  .transform(({ ratelimit: _, ...password }) => password)
  .prefault({})

const maximum = z.int().min(0).default(99).meta({ title: 'How many a user may have' })

/** `valid_periods` after the deprecated `code_valid_period` has been folded in. */
const periods = { code: duration.optional(), link: duration.optional() }

const OobOtpSms = z
  .strictObject({
    maximum,
    phone_otp_mode: z
      .enum(['sms', 'whatsapp_sms', 'whatsapp'])
      .default('whatsapp_sms')
      .meta({ title: 'Channels', description: 'In the order they are offered.' }),
    valid_periods: z.strictObject(periods).prefault({}),
    code_valid_period: duration.optional().meta({ deprecated: true }),
  })
  .transform(({ code_valid_period, ...sms }) => ({
    ...sms,
    valid_periods: { code: sms.valid_periods.code ?? code_valid_period ?? 300, link: sms.valid_periods.link ?? 1200 },
  }))
  .prefault({})

const OobOtpEmail = z
  .strictObject({
    maximum,
    email_otp_mode: z
      .enum(['code', 'login_link'])
      .default('code')
      .meta({ title: 'Form', description: 'A code to type, or a link to open.' }),
    valid_periods: z.strictObject(periods).prefault({}),
    code_valid_period: duration.optional().meta({ deprecated: true }),
  })
  .transform(({ code_valid_period: old, ...email }) => {
    const link = email.email_otp_mode === 'login_link'
    return {
      ...email,
      valid_periods: {
        code: email.valid_periods.code ?? (link ? undefined : old) ?? 300,
        link: email.valid_periods.link ?? (link ? old : undefined) ?? 1200,
      },
    }
  })
  .prefault({})

export const AuthenticatorConfig = z
  .strictObject({
    password: Password,
    totp: z.strictObject({ maximum }).prefault({}),
    oob_otp: z.strictObject({ sms: OobOtpSms, email: OobOtpEmail }).prefault({}),
  })
  .prefault({})
  .meta({ title: 'Authenticators' })
export type AuthenticatorConfig = z.output<typeof AuthenticatorConfig>

// ---- verification -------------------------------------------------------------------------------------------------

const claim = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ title: 'Users may verify it' }),
    required: z.boolean().default(true).meta({ title: 'Verified at sign-up' }),
  })
  .prefault({})

const verificationLimits = z
  .strictObject({
    trigger_per_ip: rateLimit(),
    trigger_per_user: rateLimit(),
    trigger_cooldown: duration
      .prefault('1m')
      .meta({ title: 'Cooldown', description: 'Between two messages to the same target.' }),
    max_failed_attempts_revoke_otp: z
      .int()
      .min(1)
      .optional()
      .meta({ title: 'Wrong codes before a code is withdrawn', description: 'Never when left out.' }),
    validate_per_ip: rateLimit([60, '1m']),
  })
  .prefault({})

export const VerificationConfig = z
  .strictObject({
    claims: z.strictObject({ email: claim, phone_number: claim }).prefault({}),
    criteria: z
      .enum(['any', 'all'])
      .default('any')
      .meta({ title: 'A user is verified with', description: 'Any of the claims, or all.' }),
    code_valid_period: duration.optional().meta({ title: 'A code is valid for', description: '5m when left out.' }),
    code_expiry_seconds: z.int().min(60).optional().meta({ deprecated: true }),
    rate_limits: z.strictObject({ email: verificationLimits, sms: verificationLimits }).prefault({}),
  })
  .transform(({ code_expiry_seconds, ...verification }) => ({
    ...verification,
    code_valid_period: verification.code_valid_period ?? code_expiry_seconds ?? 300,
  }))
  .prefault({})
  .meta({ title: 'Verification' })
export type VerificationConfig = z.output<typeof VerificationConfig>

// ---- forgotten passwords ------------------------------------------------------------------------------------------

const recoveryLimits = z
  .strictObject({
    trigger_per_ip: rateLimit(),
    trigger_cooldown: duration
      .prefault('1m')
      .meta({ title: 'Cooldown', description: 'Between two messages to the same target.' }),
    validate_per_ip: rateLimit([60, '1m']),
  })
  .prefault({})

export const ForgotPasswordConfig = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ title: 'Users may reset a forgotten password' }),
    valid_periods: z.strictObject(periods).prefault({}),
    code_valid_period: duration.optional().meta({ deprecated: true }),
    reset_code_expiry_seconds: z.int().min(1).optional().meta({ deprecated: true }),
    rate_limits: z.strictObject({ email: recoveryLimits, sms: recoveryLimits }).prefault({}),
  })
  .transform(({ code_valid_period, reset_code_expiry_seconds, ...forgot }) => ({
    ...forgot,
    valid_periods: {
      link: forgot.valid_periods.link ?? code_valid_period ?? reset_code_expiry_seconds ?? 1200,
      code: forgot.valid_periods.code ?? 300,
    },
  }))
  .prefault({})
  .meta({ title: 'Forgotten passwords' })
export type ForgotPasswordConfig = z.output<typeof ForgotPasswordConfig>
