/** What a project is and where it lives: `id`, `http`, `localization`, `hook`, `search`, `usage` and what belongs to no other room. */
import { z } from 'zod'
import { email, hookUrl, httpOrigin, languageTag, originPattern, raise, seconds, uniqueList } from '../config/values.ts'

/** A DNS label, since a project is also served at `<id>.<base host>`. */
export const ProjectId = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
  .meta({ title: 'Project ID', description: 'Lower-case letters, digits and hyphens. Cannot be changed later.' })

/** Whether a cookie of `domain` reaches `host`. RFC 6265 §5.1.3. */
function covers(domain: string, host: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

export const HttpConfig = z
  .strictObject({
    public_origin: httpOrigin.meta({
      title: 'Public origin',
      description: 'The first origin: the issuer of tokens and the base of every generated link.',
    }),
    alternate_origins: uniqueList(httpOrigin).default([]).meta({
      title: 'Alternate origins',
      description: 'Further origins of this project, each with a session cookie of its own.',
    }),
    allowed_origins: uniqueList(originPattern).default([]).meta({
      title: 'Allowed origins',
      description: 'Origins, or patterns of them, whose scripts may call this project.',
    }),
    cookie_prefix: z
      .string()
      .regex(/^[A-Za-z0-9_.-]*$/)
      .default('')
      .meta({ title: 'Cookie prefix', description: 'Put before the name of every cookie.' }),
    cookie_domain: z
      .string()
      .regex(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i)
      .transform((domain) => domain.replace(/^\./, '').toLowerCase())
      .optional()
      .meta({
        title: 'Cookie domain',
        description: 'Domain of the session cookie on the public origin. Derived from its host when left out.',
      }),
  })
  .superRefine((http, ctx) => {
    // A browser drops a cookie for a domain that the host is not in; every sign-in would then look like none.
    const host = URL.canParse(http.public_origin) ? new URL(http.public_origin).hostname : undefined
    if (http.cookie_domain !== undefined && host !== undefined && !covers(http.cookie_domain, host)) {
      raise(ctx, { message: `browsers refuse this domain from ${host}`, path: ['cookie_domain'] })
    }
    http.alternate_origins.forEach((origin, index) => {
      if (origin === http.public_origin) {
        raise(ctx, { kind: 'uniqueItems', message: 'is the public origin already', path: ['alternate_origins', index] })
      }
    })
  })
  .meta({ title: 'HTTP', description: 'Where this project is served.' })
export type HttpConfig = z.output<typeof HttpConfig>

export const LocalizationConfig = z
  .strictObject({
    fallback_language: languageTag
      .default('en')
      .meta({ title: 'Fallback language', description: 'Used when nothing better fits.' }),
    supported_languages: uniqueList(languageTag).min(1).optional().meta({
      title: 'Supported languages',
      description: 'Languages of the pages and messages; the fallback alone when left out.',
    }),
  })
  .superRefine((localization, ctx) => {
    if (localization.supported_languages?.includes(localization.fallback_language) === false) {
      raise(ctx, {
        message: `must contain the fallback language ${localization.fallback_language}`,
        path: ['supported_languages'],
      })
    }
  })
  .transform((localization) => ({
    ...localization,
    supported_languages: localization.supported_languages ?? [localization.fallback_language],
  }))
  .prefault({})
  .meta({ title: 'Languages' })
export type LocalizationConfig = z.output<typeof LocalizationConfig>

/** Events that a handler can forbid or change. Reference: management §3.2. */
export const blockingEvents = [
  'user.pre_create',
  'user.profile.pre_update',
  'user.pre_schedule_deletion',
  'user.pre_schedule_anonymization',
  'authentication.pre_initialize',
  'authentication.post_identified',
  'authentication.pre_authenticated',
  'oidc.jwt.pre_create',
  'oidc.id_token.pre_create',
] as const

/** Events that a handler can ask for by name. Reference: management §3.3. */
export const nonBlockingEvents = [
  '*',
  'user.created',
  'user.authenticated',
  'user.reauthenticated',
  'user.profile.updated',
  'user.disabled',
  'user.reenabled',
  'user.deletion_scheduled',
  'user.deletion_unscheduled',
  'user.anonymization_scheduled',
  'user.anonymization_unscheduled',
  'user.anonymized',
  'user.deleted',
  'user.anonymous.promoted',
  'identity.email.added',
  'identity.email.removed',
  'identity.email.updated',
  'identity.email.verified',
  'identity.email.unverified',
  'identity.phone.added',
  'identity.phone.removed',
  'identity.phone.updated',
  'identity.phone.verified',
  'identity.phone.unverified',
  'identity.username.added',
  'identity.username.removed',
  'identity.username.updated',
  'identity.oauth.connected',
  'identity.oauth.disconnected',
  'identity.biometric.enabled',
  'identity.biometric.disabled',
  'usage.alert.triggered',
] as const

export const HookConfig = z
  .strictObject({
    sync_hook_timeout_seconds: seconds
      .default(5)
      .meta({ title: 'Time for one handler', description: 'Seconds before a blocking handler counts as failed.' }),
    sync_hook_total_timeout_seconds: seconds
      .default(10)
      .meta({ title: 'Time for one event', description: 'Seconds for all blocking handlers of an event.' }),
    blocking_handlers: z
      .array(z.strictObject({ event: z.enum(blockingEvents), url: hookUrl }))
      .default([])
      .meta({ title: 'Blocking handlers', description: 'Asked, in order, before something happens.' }),
    non_blocking_handlers: z
      .array(z.strictObject({ events: uniqueList(z.enum(nonBlockingEvents)).min(1), url: hookUrl }))
      .default([])
      .meta({ title: 'Non-blocking handlers', description: 'Told after something happened.' }),
  })
  .prefault({})
  .meta({ title: 'Hooks' })
export type HookConfig = z.output<typeof HookConfig>

export const SearchConfig = z
  .strictObject({
    implementation: z.enum(['elasticsearch', 'postgresql', 'none']).default('postgresql').meta({
      title: 'Implementation',
      description: 'Users are always searched in the database; other values are accepted.',
    }),
  })
  .prefault({})
  .meta({ title: 'Search' })
export type SearchConfig = z.output<typeof SearchConfig>

const UsageLimits = z
  .array(
    z.strictObject({
      quota: z.int().min(0),
      period: z.enum(['day', 'month']),
      action: z.enum(['alert', 'block']),
    }),
  )
  .default([])

const usageNames = ['user_export', 'user_import', 'email', 'whatsapp', 'sms'] as const

/** Reference: management §8.4. */
export const UsageConfig = z
  .strictObject({
    limits: z
      .strictObject({
        user_export: UsageLimits,
        user_import: UsageLimits,
        email: UsageLimits,
        whatsapp: UsageLimits,
        sms: UsageLimits,
      })
      .prefault({}),
    alerts: z
      .array(z.strictObject({ type: z.literal('email'), email, match: z.enum(['*', ...usageNames]).default('*') }))
      .default([]),
  })
  .prefault({})
  .meta({ title: 'Usage', description: 'Quotas, and who hears of them.' })
export type UsageConfig = z.output<typeof UsageConfig>

export const GoogleTagManagerConfig = z
  .strictObject({
    container_id: z
      .string()
      .regex(/^GTM-[A-Z0-9]+$/)
      .optional()
      .meta({ title: 'Container ID' }),
  })
  .prefault({})
  .meta({ title: 'Google Tag Manager' })
export type GoogleTagManagerConfig = z.output<typeof GoogleTagManagerConfig>

/** Sections that the reference keeps for old files and no longer reads. Anything may stand in them. */
export const DeadSection = z
  .record(z.string(), z.unknown())
  .optional()
  .meta({ title: 'No longer used', deprecated: true, description: 'Accepted from old files; does nothing.' })
