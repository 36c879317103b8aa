/** Rate limits, lockout, bot, network and fraud protection, as written in `authgear.yaml`. Reference: authentication §8. */
import { z } from 'zod'
import { cidr, countryCode, duration, pattern, raise, uniqueList } from '../config/values.ts'

// ---- rate limits --------------------------------------------------------------------------------------------------

/** A limit that holds: `burst` at once, refilled over `period` seconds. Or none. */
export type RateLimit = { enabled: true; period: number; burst: number } | { enabled: false }

export const noLimit: RateLimit = { enabled: false }

/** A limit as a person writes it; `settleLimit` says what it means. */
export const WrittenRateLimit = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .meta({ title: 'Enabled', description: 'Whether this limit holds. True when left out beside other keys.' }),
    period: duration
      .optional()
      .meta({ title: 'Period', description: 'In which the whole burst is refilled, such as 1m.' }),
    burst: z
      .int()
      .min(1)
      .optional()
      .meta({ title: 'Burst', description: 'How many at once; 1 when left out of an enabled limit.' }),
  })
  .superRefine((limit, ctx) => {
    if (limit.enabled === true && limit.period === undefined) {
      raise(ctx, { kind: 'required', message: 'an enabled limit needs a period', details: { missing: ['period'] } })
    }
    if (limit.period === 0) raise(ctx, { kind: 'minimum', message: 'must be longer than nothing', path: ['period'] })
  })
export type WrittenRateLimit = z.output<typeof WrittenRateLimit>

/**
 * What a written limit means beside `usual`, the one that holds when nothing is written.
 * With `enabled`, the object stands by itself (`burst` 1 unless given). Without it, what is written is laid over
 * `usual` and the limit holds: the reference throws such an object away, so `{ burst: 5 }` would silently do nothing.
 * Undefined when that leaves no period.
 */
export function settleLimit(written: WrittenRateLimit | undefined, usual: RateLimit): RateLimit | undefined {
  if (written === undefined) return usual
  const { enabled, period, burst } = written
  if (enabled === false) return noLimit
  if (enabled === true) return { enabled, period: period ?? 0, burst: burst ?? 1 }
  if (period === undefined && burst === undefined) return usual
  if (!usual.enabled) return period === undefined ? undefined : { enabled: true, period, burst: burst ?? 1 }
  return { enabled: true, period: period ?? usual.period, burst: burst ?? usual.burst }
}

/** `settleLimit`, with a missing period as a fault at `path`. */
export function settleLimitOr(
  ctx: Parameters<typeof raise>[0],
  path: PropertyKey[],
  written: WrittenRateLimit | undefined,
  usual: RateLimit,
): RateLimit {
  const limit = settleLimit(written, usual)
  if (limit) return limit
  raise(ctx, { kind: 'required', message: 'a limit needs a period', path, details: { missing: ['period'] } })
  return noLimit
}

/** A limit whose default is fixed: `[burst, period]`, or off. */
export function rateLimit(usual?: [burst: number, period: string]) {
  const prefault = usual ? { enabled: true, period: usual[1], burst: usual[0] } : { enabled: false }
  const settled: RateLimit = usual ? { enabled: true, burst: usual[0], period: duration.parse(usual[1]) } : noLimit
  return WrittenRateLimit.transform((written, ctx): RateLimit => settleLimitOr(ctx, [], written, settled)).prefault(
    prefault,
  )
}

// ---- lockout ------------------------------------------------------------------------------------------------------

const participates = z.strictObject({ enabled: z.boolean().default(false) }).prefault({})

/** Reference §8.2. After parsing every key is there; with `max_attempts` 0 nothing is ever locked. */
export const LockoutConfig = z
  .strictObject({
    max_attempts: z
      .int()
      .min(0)
      .default(0)
      .meta({ title: 'Attempts', description: 'Wrong credentials before an account is locked; 0 never locks.' }),
    history_duration: duration
      .optional()
      .meta({ title: 'Memory', description: 'How long after the last failure the count is forgotten.' }),
    minimum_duration: duration.optional().meta({ title: 'First lock', description: 'How long the first lock lasts.' }),
    maximum_duration: duration.optional().meta({ title: 'Longest lock', description: 'No lock lasts longer.' }),
    backoff_factor: z
      .number()
      .min(1)
      .default(1)
      .meta({ title: 'Growth', description: 'Each further failure multiplies the lock by this.' }),
    lockout_type: z
      .enum(['per_user', 'per_user_per_ip'])
      .optional()
      .meta({ title: 'Counted', description: 'Per account, or per account and address.' }),
    password: participates.meta({ title: 'Count wrong passwords' }),
    totp: participates.meta({ title: 'Count wrong authenticator codes' }),
    oob_otp: participates.meta({ title: 'Count wrong one-time codes' }),
    recovery_code: participates.meta({ title: 'Count wrong recovery codes' }),
  })
  .superRefine((lockout, ctx) => {
    if (lockout.max_attempts === 0) return
    const needed = ['history_duration', 'minimum_duration', 'maximum_duration', 'lockout_type'] as const
    const missing = needed.filter((key) => lockout[key] === undefined)
    if (missing.length > 0) {
      raise(ctx, {
        kind: 'required',
        message: `max_attempts needs ${missing.join(', ')} beside it`,
        details: { missing },
      })
    }
    if ((lockout.minimum_duration ?? 0) > (lockout.maximum_duration ?? Number.POSITIVE_INFINITY)) {
      raise(ctx, { message: 'must not be longer than maximum_duration', path: ['minimum_duration'] })
    }
  })
  .transform((lockout) => ({
    ...lockout,
    history_duration: lockout.history_duration ?? 0,
    minimum_duration: lockout.minimum_duration ?? 0,
    maximum_duration: lockout.maximum_duration ?? 0,
    lockout_type: lockout.lockout_type ?? ('per_user' as const),
  }))
  .prefault({})
  .meta({ title: 'Account lockout', description: 'Stops guessing at one account, for a while that grows.' })
export type LockoutConfig = z.output<typeof LockoutConfig>

// ---- bots ---------------------------------------------------------------------------------------------------------

export const BotProtectionMode = z.enum(['never', 'always'])
export type BotProtectionMode = z.output<typeof BotProtectionMode>

const requirement = z.strictObject({ mode: BotProtectionMode.default('never') }).prefault({})

/** Reference §8.4. Without a provider the feature counts as off, whatever `enabled` says. */
export const BotProtectionConfig = z
  .strictObject({
    enabled: z.boolean().default(false),
    provider: z
      .strictObject({
        type: z
          .enum(['cloudflare', 'recaptchav2'])
          .meta({ title: 'Provider', description: 'Cloudflare Turnstile or reCAPTCHA v2.' }),
        site_key: z.string().min(1).meta({ title: 'Site key' }),
      })
      .optional(),
    requirements: z
      .strictObject({
        signup_or_login: requirement.meta({ title: 'Sign-up and login' }),
        account_recovery: requirement.meta({ title: 'Account recovery' }),
        password: requirement.meta({ title: 'Password' }),
        oob_otp_email: requirement.meta({ title: 'Code by e-mail' }),
        oob_otp_sms: requirement.meta({ title: 'Code by SMS or WhatsApp' }),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({ title: 'Bot protection', description: 'Where a person must prove to be one.' })
export type BotProtectionConfig = z.output<typeof BotProtectionConfig>

// ---- network ------------------------------------------------------------------------------------------------------

/** Reference §8.5. The first rule that matches decides. */
export const NetworkProtectionConfig = z
  .strictObject({
    ip_filter: z
      .strictObject({
        default_action: z.enum(['allow', 'deny']).default('allow'),
        rules: z
          .array(
            z.strictObject({
              name: z.string().optional(),
              action: z.enum(['allow', 'deny']),
              source: z.strictObject({
                cidrs: z.array(cidr).default([]),
                geo_location_codes: z.array(countryCode).default([]),
              }),
            }),
          )
          .default([]),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({ title: 'Network protection', description: 'Who may reach this project, by address or country.' })
export type NetworkProtectionConfig = z.output<typeof NetworkProtectionConfig>

// ---- fraud --------------------------------------------------------------------------------------------------------

export const fraudWarnings = [
  'SMS__PHONE_COUNTRIES__BY_IP__DAILY_THRESHOLD_EXCEEDED',
  'SMS__UNVERIFIED_OTPS__BY_PHONE_COUNTRY__DAILY_THRESHOLD_EXCEEDED',
  'SMS__UNVERIFIED_OTPS__BY_PHONE_COUNTRY__HOURLY_THRESHOLD_EXCEEDED',
  'SMS__UNVERIFIED_OTPS__BY_IP__DAILY_THRESHOLD_EXCEEDED',
  'SMS__UNVERIFIED_OTPS__BY_IP__HOURLY_THRESHOLD_EXCEEDED',
] as const

const ratio = z.number().min(0).max(1)

/** Reference §8.5: SMS pumping. */
export const FraudProtectionConfig = z
  .strictObject({
    enabled: z.boolean().default(true),
    sms: z
      .strictObject({
        unverified_otp_budget: z
          .strictObject({
            daily_ratio: ratio.default(0.3),
            hourly_ratio: ratio.default(0.2),
            by_phone_country: z
              .array(
                z.strictObject({
                  geo_location_codes: z.array(countryCode).min(1),
                  daily_ratio: ratio.optional(),
                  hourly_ratio: ratio.optional(),
                }),
              )
              .default([]),
          })
          .prefault({}),
      })
      .prefault({}),
    warnings: z.array(z.strictObject({ type: z.enum(fraudWarnings) })).default(fraudWarnings.map((type) => ({ type }))),
    decision: z
      .strictObject({
        action: z.enum(['record_only', 'deny_if_any_warning']).default('record_only'),
        always_allow: z
          .strictObject({
            ip_address: z
              .strictObject({
                cidrs: uniqueList(cidr).default([]),
                geo_location_codes: uniqueList(countryCode).default([]),
              })
              .prefault({}),
            phone_number: z
              .strictObject({
                geo_location_codes: uniqueList(countryCode).default([]),
                regex: z.array(pattern).default([]),
              })
              .prefault({}),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({
    title: 'Fraud protection',
    description: 'Notices, and may refuse, messages sent only to earn someone money.',
  })
export type FraudProtectionConfig = z.output<typeof FraudProtectionConfig>
