/** The applications that may ask for sign-in: `oauth.clients[]`. Reference: wire-contract §3.1, §3.2. */
import { z } from 'zod'
import {
  distinct,
  httpOrigin,
  raise,
  redirectUri,
  seconds,
  secureUrl,
  uniqueList,
  uri,
  webUrl,
} from '../config/values.ts'
import { FlowReference } from '../flows/config.ts'

export const applicationTypes = [
  'spa',
  'traditional_webapp',
  'native',
  'confidential',
  'third_party_app',
  'm2m',
] as const
export type ApplicationType = (typeof applicationTypes)[number]

/** The grant of RFC 8628: off unless the client lists it, since codes on a screen are easily passed on to strangers. */
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

const DEFAULT_REFRESH_TOKEN_LIFETIME = 31_449_600

export const ClientConfig = z
  .strictObject({
    client_id: z
      .string()
      .regex(/^[\x20-\x7e]{1,255}$/)
      .meta({ title: 'Client ID' }),
    name: z.string().min(1).meta({ title: 'Name', description: 'Shown to administrators.' }),
    client_name: z
      .string()
      .min(1)
      .optional()
      .meta({ title: 'Display name', description: 'Shown to users when they are asked for consent.' }),
    x_application_type: z.enum(applicationTypes).optional().meta({
      title: 'Application type',
      description: 'Decides how far the application is trusted. When left out: a first-party public client.',
    }),
    x_framework: z
      .string()
      .max(64)
      .optional()
      .meta({ title: 'Framework', description: 'Chooses the quick start that is shown.' }),
    redirect_uris: uniqueList(redirectUri)
      .optional()
      .meta({ title: 'Redirect URIs', description: 'Where an answer may be sent, compared exactly.' }),
    post_logout_redirect_uris: uniqueList(redirectUri).optional().meta({ title: 'Redirect URIs after logout' }),
    grant_types: z
      .array(z.string())
      .optional()
      .meta({
        title: 'Grant types',
        description: `${deviceGrant} lets it sign in devices; the application type decides the others.`,
      }),
    response_types: z
      .array(z.string())
      .optional()
      .meta({ title: 'Response types', deprecated: true, description: 'Accepted; the application type decides.' }),
    access_token_lifetime_seconds: z.int().min(300).default(1800).meta({
      title: 'Access token lifetime',
      description: 'Seconds; at least 300, and at most 2419200 for a machine.',
    }),
    refresh_token_lifetime_seconds: seconds.optional().meta({
      title: 'Refresh token lifetime',
      description: 'Seconds; 52 weeks when left out, never less than an access token lives.',
    }),
    refresh_token_idle_timeout_enabled: z.boolean().default(true).meta({ title: 'End idle refresh tokens' }),
    refresh_token_idle_timeout_seconds: seconds
      .default(2_592_000)
      .meta({ title: 'Refresh token idle time-out', description: 'Seconds.' }),
    refresh_token_rotation_enabled: z.boolean().optional().meta({
      title: 'Rotate refresh tokens',
      description: 'When left out: on, except for DPoP-bound and confidential clients.',
    }),
    issue_jwt_access_token: z
      .boolean()
      .default(false)
      .meta({ title: 'Access tokens are JWTs', description: 'Always so for a machine.' }),
    x_max_concurrent_session: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .meta({
        title: 'Concurrent sessions',
        description: '1: signing in ends the user’s other sessions of this application. 0: no limit.',
      }),
    client_uri: webUrl.optional().meta({ title: 'Home page' }),
    policy_uri: webUrl.optional().meta({ title: 'Privacy policy' }),
    tos_uri: webUrl.optional().meta({ title: 'Terms of service' }),
    logo_uri: secureUrl.optional().meta({ title: 'Logo' }),
    x_replace_project_logo_with_logo_uri: z
      .boolean()
      .default(false)
      .meta({ title: 'Show this logo instead of the project’s' }),
    x_custom_ui_uri: uri
      .optional()
      .meta({ title: 'Own sign-in pages', description: 'Replaces the built-in pages for this application.' }),
    x_app2app_enabled: z.boolean().default(false).meta({ title: 'App2App' }),
    x_app2app_insecure_device_key_binding_enabled: z
      .boolean()
      .default(false)
      .meta({ title: 'Bind App2App device keys to existing sessions' }),
    x_dpop_disabled: z
      .boolean()
      .default(false)
      .meta({ title: 'Ignore DPoP', description: 'Proofs are not evaluated for this application.' }),
    x_pre_authenticated_url_enabled: z.boolean().default(false).meta({ title: 'Pre-authenticated URLs' }),
    x_pre_authenticated_url_allowed_origins: uniqueList(httpOrigin)
      .default([])
      .meta({ title: 'Origins of pre-authenticated URLs' }),
    x_authentication_flow_allowlist: z
      .strictObject({
        groups: z.array(z.strictObject({ name: z.string().min(1) })).default([]),
        flows: z.array(FlowReference).default([]),
      })
      .prefault({})
      .meta({
        title: 'Allowed flows',
        description: 'Authentication flows this application may start; all when empty.',
      }),

    // Headgear's own additions, named as the specifications name the metadata.
    id_token_signed_response_alg: z.enum(['RS256', 'ES256']).default('RS256').meta({
      title: 'Signature algorithm',
      description: 'Of ID tokens and JWT access tokens. Published SDKs expect RS256.',
    }),
    dpop_bound_access_tokens: z
      .boolean()
      .default(false)
      .meta({ title: 'Require DPoP', description: 'Every token request must carry a proof. RFC 9449 §5.2.' }),
    require_pushed_authorization_requests: z
      .boolean()
      .default(false)
      .meta({ title: 'Require pushed authorization requests', description: 'RFC 9126 §6.' }),
    backchannel_logout_uri: secureUrl.optional().meta({
      title: 'Back-channel logout URI',
      description: 'Told when a session of this application ends. OpenID Connect Back-Channel Logout 1.0.',
    }),
  })
  .superRefine((client, ctx) => {
    const type = client.x_application_type
    const missing: string[] = []
    const hasNoPages = type === 'm2m' || client.grant_types?.includes(deviceGrant)
    if (!hasNoPages && !client.redirect_uris?.length) missing.push('redirect_uris')
    if (type === 'traditional_webapp' && !client.post_logout_redirect_uris?.length)
      missing.push('post_logout_redirect_uris')
    if ((type === 'confidential' || type === 'third_party_app') && client.client_name === undefined)
      missing.push('client_name')
    if (missing.length > 0) {
      raise(ctx, {
        kind: 'required',
        message: `${type ?? 'a client'} needs ${missing.join(', ')}`,
        details: { missing },
      })
    }
    if (type === 'm2m' && client.access_token_lifetime_seconds > 2_419_200) {
      raise(ctx, {
        kind: 'maximum',
        message: 'must be at most 2419200 (28 days) for m2m',
        path: ['access_token_lifetime_seconds'],
        details: { actual: client.access_token_lifetime_seconds, maximum: 2_419_200 },
      })
    }
    const refresh = client.refresh_token_lifetime_seconds
    if (refresh !== undefined && refresh < client.access_token_lifetime_seconds) {
      raise(ctx, {
        message: `must be at least access_token_lifetime_seconds (${client.access_token_lifetime_seconds})`,
        path: ['refresh_token_lifetime_seconds'],
      })
    }
    if (client.dpop_bound_access_tokens && client.x_dpop_disabled) {
      raise(ctx, { message: 'cannot be required while x_dpop_disabled', path: ['dpop_bound_access_tokens'] })
    }
  })
  .transform((client) => ({
    ...client,
    redirect_uris: client.redirect_uris ?? [],
    post_logout_redirect_uris: client.post_logout_redirect_uris ?? [],
    refresh_token_lifetime_seconds:
      client.refresh_token_lifetime_seconds ??
      Math.max(DEFAULT_REFRESH_TOKEN_LIFETIME, client.access_token_lifetime_seconds),
    issue_jwt_access_token: client.issue_jwt_access_token || client.x_application_type === 'm2m',
  }))
export type ClientConfig = z.output<typeof ClientConfig>

/** Whether a client of this type holds a secret. Reference: wire-contract §3.1. */
export function hasSecret(type: ApplicationType | undefined): boolean {
  return type === 'confidential' || type === 'third_party_app' || type === 'm2m'
}

export const OAuthConfig = z
  .strictObject({
    clients: z
      .array(ClientConfig)
      .superRefine(distinct<ClientConfig>((client) => client.client_id, 'client_id'))
      .default([]),
  })
  .prefault({})
  .meta({ title: 'OAuth', description: 'The applications of this project.' })
export type OAuthConfig = z.output<typeof OAuthConfig>
