/** How users are found: login IDs, upstream providers, directories, and what happens when two accounts meet. Reference: authentication §2.3, §7. */
import { z } from 'zod'
import { distinct, raise, uri, webUrl } from '../config/values.ts'

// ---- login IDs ----------------------------------------------------------------------------------------------------

export const loginIdTypes = ['email', 'phone', 'username'] as const
export type LoginIdType = (typeof loginIdTypes)[number]

const usualMaxLength: Record<LoginIdType, number> = { email: 320, phone: 40, username: 40 }

const LoginIdKey = z
  .strictObject({
    type: z.enum(loginIdTypes).meta({ title: 'Type' }),
    key: z
      .string()
      .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/)
      .optional()
      .meta({ title: 'Key', description: 'Names this login ID; the type when left out.' }),
    max_length: z
      .int()
      .min(1)
      .optional()
      .meta({ title: 'Longest', description: 'Characters; 320 for email, 40 for phone and username when left out.' }),
    create_disabled: z.boolean().optional().meta({ title: 'Users cannot add it' }),
    update_disabled: z.boolean().optional().meta({ title: 'Users cannot change it' }),
    delete_disabled: z.boolean().optional().meta({ title: 'Users cannot remove it' }),
    modify_disabled: z.boolean().optional().meta({
      title: 'Users cannot touch it',
      deprecated: true,
      description: 'Stands for the other three where they are left out.',
    }),
  })
  .transform(({ modify_disabled = false, ...written }) => ({
    ...written,
    key: written.key ?? written.type,
    max_length: written.max_length ?? usualMaxLength[written.type],
    create_disabled: written.create_disabled ?? modify_disabled,
    update_disabled: written.update_disabled ?? modify_disabled,
    delete_disabled: written.delete_disabled ?? modify_disabled,
  }))
export type LoginIdKeyConfig = z.output<typeof LoginIdKey>

const off = z.boolean().default(false)
const on = z.boolean().default(true)

const EmailType = z
  .strictObject({
    case_sensitive: off.meta({ title: 'Case matters' }),
    block_plus_sign: off.meta({ title: 'Refuse plus addressing' }),
    ignore_dot_sign: off.meta({ title: 'Ignore dots before the at sign' }),
    domain_blocklist_enabled: off.meta({ title: 'Refuse listed domains' }),
    domain_allowlist_enabled: off.meta({ title: 'Accept listed domains only' }),
    block_free_email_provider_domains: off.meta({ title: 'Refuse free providers' }),
    block_disposable_email_domains: off.meta({ title: 'Refuse disposable addresses' }),
  })
  .superRefine((type, ctx) => {
    if (!type.domain_allowlist_enabled) return
    for (const key of [
      'domain_blocklist_enabled',
      'block_free_email_provider_domains',
      'block_disposable_email_domains',
    ] as const) {
      if (type[key]) raise(ctx, { message: 'cannot be combined with domain_allowlist_enabled', path: [key] })
    }
  })
  .prefault({})

const UsernameType = z
  .strictObject({
    block_reserved_usernames: on.meta({ title: 'Refuse reserved names' }),
    exclude_keywords_enabled: off.meta({ title: 'Refuse listed words' }),
    ascii_only: on.meta({ title: 'Plain letters, digits, hyphen, dot and underscore only' }),
    case_sensitive: off.meta({ title: 'Case matters' }),
  })
  .prefault({})

const LoginId = z
  .strictObject({
    keys: z
      .array(LoginIdKey)
      .superRefine(distinct<LoginIdKeyConfig>((key) => key.key, 'key'))
      .prefault([{ type: 'email' }])
      .meta({ title: 'Login IDs', description: 'In the order they are offered.' }),
    types: z.strictObject({ email: EmailType, username: UsernameType }).prefault({}),
  })
  .prefault({})

// ---- upstream providers -------------------------------------------------------------------------------------------

/** What each type of provider asks for beyond the common keys, unless it runs on demonstration credentials. */
const providerKeys = {
  google: [],
  facebook: [],
  github: [],
  linkedin: [],
  azureadv2: ['tenant'],
  azureadb2c: ['tenant', 'policy'],
  adfs: ['discovery_document_endpoint'],
  apple: ['key_id', 'team_id'],
  wechat: ['app_type', 'account_id'],
} as const
export type OAuthProviderType = keyof typeof providerKeys

const text = z.string().min(1).optional()

function provider<T extends OAuthProviderType, Extra extends z.ZodRawShape>(type: T, extra: Extra) {
  const required = ['client_id', ...providerKeys[type]]
  return z
    .strictObject({
      type: z.literal(type),
      alias: z
        .string()
        .regex(/^[a-zA-Z0-9_.-]+$/)
        .meta({ title: 'Alias', description: 'Names this provider within the project.' }),
      client_id: z.string().optional().meta({ title: 'Client ID', description: 'Given by the provider.' }),
      claims: z
        .strictObject({
          email: z
            .strictObject({
              assume_verified: on.meta({ title: 'Trust its e-mail addresses' }),
              required: z
                .boolean()
                .default(type !== 'wechat')
                .meta({ title: 'Refuse accounts without an e-mail address' }),
            })
            .prefault({}),
        })
        .prefault({}),
      create_disabled: z.boolean().optional().meta({ title: 'Users cannot connect it' }),
      delete_disabled: z.boolean().optional().meta({ title: 'Users cannot disconnect it' }),
      modify_disabled: z.boolean().optional().meta({ title: 'Users cannot touch it', deprecated: true }),
      do_not_store_identity_attributes: off.meta({ title: 'Keep no profile' }),
      include_identity_attributes_in_id_token: off.meta({ title: 'Put the profile into ID tokens' }),
      credentials_behavior: z
        .enum(['use_project_credentials', 'use_demo_credentials'])
        .default('use_project_credentials'),
      ...extra,
    })
    .superRefine((written, ctx) => {
      const given = written as Record<string, unknown>
      if (given.credentials_behavior === 'use_demo_credentials') return
      const missing = required.filter((key) => given[key] === undefined || given[key] === '')
      if (missing.length === 0) return
      raise(ctx, {
        kind: 'required',
        message: `${type} needs ${missing.join(', ')}`,
        details: { actual: Object.keys(given), expected: required, missing },
      })
    })
}

const OAuthProvider = z
  .discriminatedUnion('type', [
    provider('google', {}),
    provider('facebook', {}),
    provider('github', {}),
    provider('linkedin', {}),
    provider('azureadv2', { tenant: text }),
    provider('azureadb2c', { tenant: text, policy: text, domain_hint: text }),
    provider('adfs', { discovery_document_endpoint: webUrl.optional() }),
    provider('apple', { key_id: text, team_id: text }),
    provider('wechat', {
      app_type: z.enum(['mobile', 'web']).optional(),
      account_id: z.string().regex(/^gh_/).optional(),
      is_sandbox_account: off,
      wechat_redirect_uris: z.array(uri).default([]),
    }),
  ])
  .transform(({ modify_disabled = false, ...written }) => ({
    ...written,
    client_id: written.client_id ?? '',
    create_disabled: written.create_disabled ?? modify_disabled,
    delete_disabled: written.delete_disabled ?? modify_disabled,
  }))

const LdapServer = z.strictObject({
  name: z.string().min(1).meta({ title: 'Name' }),
  url: z
    .string()
    .regex(/^ldaps?:\/\/[^\s/?#]+\/?$/)
    .meta({ title: 'URL', description: 'ldap:// or ldaps://' }),
  base_dn: z.string().min(1).meta({ title: 'Base DN' }),
  search_filter_template: z
    .string()
    .superRefine((template, ctx) => {
      const rendered = template.replaceAll(/\{\{\s*\.Username\s*\}\}/g, 'x')
      if (!balanced(rendered))
        raise(ctx, {
          kind: 'format',
          message: 'not a search filter such as (uid={{.Username}})',
          details: { format: 'ldap_search_filter_template' },
        })
    })
    .meta({ title: 'Search filter', description: 'Such as (uid={{.Username}}).' }),
  user_id_attribute_name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9.-]*$/)
    .meta({ title: 'User ID attribute', description: 'Such as uid.' }),
})
export type LdapServerConfig = z.output<typeof LdapServer>

/** Whether `filter` is one parenthesised LDAP filter (RFC 4515) once its template parts are filled in. */
function balanced(filter: string): boolean {
  if (filter.includes('{{') || !filter.startsWith('(')) return false
  let depth = 0
  for (const [index, character] of [...filter].entries()) {
    if (character === '(') depth += 1
    if (character === ')') depth -= 1
    if (depth === 0 && index < filter.length - 1) return false
  }
  return depth === 0 && /[=]/.test(filter)
}

export const IdentityConfig = z
  .strictObject({
    login_id: LoginId,
    oauth: z
      .strictObject({
        providers: z
          .array(OAuthProvider)
          .superRefine(distinct<{ alias: string }>((written) => written.alias, 'alias'))
          .default([]),
      })
      .prefault({}),
    ldap: z
      .strictObject({
        servers: z
          .array(LdapServer)
          .superRefine(distinct<LdapServerConfig>((server) => server.name, 'name'))
          .default([]),
      })
      .prefault({}),
    biometric: z.strictObject({ list_enabled: off.meta({ title: 'List devices on the settings page' }) }).prefault({}),
    on_conflict: z
      .strictObject({ promotion: z.enum(['error', 'login']).default('error') })
      .prefault({})
      .meta({ title: 'Conflicts', description: 'Accepted; flows decide what happens.' }),
  })
  .prefault({})
  .meta({ title: 'Identities' })
export type IdentityConfig = z.output<typeof IdentityConfig>

// ---- account linking ----------------------------------------------------------------------------------------------

export const linkingPointers = ['/email', '/phone_number', '/preferred_username'] as const
export type LinkingPointer = (typeof linkingPointers)[number]

export const LinkingAction = z.enum(['error', 'login_and_link'])
export type LinkingAction = z.output<typeof LinkingAction>

const pointer = z.strictObject({ pointer: z.enum(linkingPointers) })

/** Reference §7.3. `settleAccountLinking` adds the rules that hold when none is written. */
export const AccountLinkingConfig = z
  .strictObject({
    oauth: z
      .array(
        z.strictObject({
          name: z.string().min(1).optional(),
          alias: z.string().min(1),
          oauth_claim: pointer,
          user_profile: pointer,
          action: LinkingAction,
        }),
      )
      .default([]),
    login_id: z
      .array(
        z.strictObject({
          name: z.string().min(1).optional(),
          key: z.string().min(1),
          user_profile: pointer,
          action: LinkingAction,
        }),
      )
      .default([]),
  })
  .prefault({})
  .meta({ title: 'Account linking', description: 'What happens when a new identity resembles one of another account.' })
export type AccountLinkingConfig = z.output<typeof AccountLinkingConfig>

const claimOf: Record<LoginIdType, LinkingPointer> = {
  email: '/email',
  phone: '/phone_number',
  username: '/preferred_username',
}

/** Every provider alias and login ID key gets at least one rule: the written ones, or `error` on the claim it brings. */
export function settleAccountLinking(written: AccountLinkingConfig, identity: IdentityConfig): AccountLinkingConfig {
  const aliases = identity.oauth.providers
    .map((one) => one.alias)
    .filter((alias) => !written.oauth.some((rule) => rule.alias === alias))
  const keys = identity.login_id.keys.filter((key) => !written.login_id.some((rule) => rule.key === key.key))
  return {
    oauth: [
      ...written.oauth,
      ...aliases.map(
        (alias) =>
          ({
            alias,
            oauth_claim: { pointer: '/email' },
            user_profile: { pointer: '/email' },
            action: 'error',
          }) as const,
      ),
    ],
    login_id: [
      ...written.login_id,
      ...keys.map((key) => ({ key: key.key, user_profile: { pointer: claimOf[key.type] }, action: 'error' }) as const),
    ],
  }
}

// ---- foreign tokens -----------------------------------------------------------------------------------------------

export const ExternalJwtConfig = z
  .strictObject({
    issuers: z
      .array(z.strictObject({ iss: z.string().min(1), jwks_uri: webUrl, aud: z.string().min(1).optional() }))
      .superRefine(distinct<{ iss: string }>((issuer) => issuer.iss, 'iss'))
      .default([]),
  })
  .prefault({})
  .meta({ title: 'Foreign JWTs', description: 'Issuers whose tokens may stand for a login ID at sign-up.' })
export type ExternalJwtConfig = z.output<typeof ExternalJwtConfig>
