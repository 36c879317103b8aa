// What tokens and userinfo say (wire contract §3.6). Rules only.
import type { ClientConfig, Config } from '../config/schema.ts'
import { canReauthenticate, isAnonymous, isVerified, type UserFacts } from '../users/facts.ts'
import { accessOf } from '../users/profile.ts'
import { hasAttributesInIdToken, isThirdParty } from './clients.ts'
import { fullAccess, fullUserInfo } from './scopes.ts'

const prefix = 'https://authgear.com/claims'

/** Standard claims that a scope yields (OpenID Core §5.4). */
const claimsOfScope: Record<string, readonly string[]> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
}

export const claimsSupported = [
  'iss',
  'aud',
  'iat',
  'exp',
  'sub',
  'sid',
  'auth_time',
  'acr',
  'amr',
  'nonce',
  'at_hash',
  ...new Set(Object.values(claimsOfScope).flat()),
]

/** The scopes that a person would have to allow for these claims to be theirs to give. */
export function scopesOfClaims(
  claims: { userinfo?: Record<string, unknown>; id_token?: Record<string, unknown> } | undefined,
): string[] {
  const names = [...Object.keys(claims?.userinfo ?? {}), ...Object.keys(claims?.id_token ?? {})]
  return Object.keys(claimsOfScope).filter((scope) => claimsOfScope[scope]?.some((name) => names.includes(name)))
}

/** Standard claims of a user as far as tokens may carry them, typed as OpenID wants them. */
function standardClaims(user: UserFacts, config: Config): Record<string, unknown> {
  const held = (name: string, value: unknown) =>
    user.verified.some((verified) => verified.name === name && verified.value === value)
  const shown = Object.fromEntries(
    Object.entries(user.standard_attributes).filter(
      ([name]) => accessOf(config.user_profile, `/${name}`, 'bearer') !== 'hidden',
    ),
  )
  const { email, phone_number } = shown
  return {
    ...shown,
    ...(email !== undefined ? { email_verified: held('email', email) } : {}),
    ...(phone_number !== undefined ? { phone_number_verified: held('phone_number', phone_number) } : {}),
    updated_at: Math.floor(user.updated_at.getTime() / 1000),
  }
}

/** Custom attributes under their names; they are kept under their ids. */
function customClaims(user: UserFacts, config: Config): Record<string, unknown> {
  const { attributes } = config.user_profile.custom_attributes
  return Object.fromEntries(
    attributes
      .filter(
        ({ id, access_control }) => access_control.bearer !== 'hidden' && user.custom_attributes[id] !== undefined,
      )
      .map(({ id, pointer }) => [pointer.slice(1), user.custom_attributes[id]]),
  )
}

/** The claims that these scopes, and a `claims` parameter (OpenID Core §5.5), ask for. */
function asked(
  user: UserFacts,
  config: Config,
  scopes: readonly string[],
  named: Record<string, unknown> | undefined,
): Record<string, unknown> {
  const names = new Set([...scopes.flatMap((scope) => claimsOfScope[scope] ?? []), ...Object.keys(named ?? {})])
  const claims = Object.entries(standardClaims(user, config))
  return Object.fromEntries(scopes.includes(fullUserInfo) ? claims : claims.filter(([name]) => names.has(name)))
}

/** What every token says of its user. */
export function userClaims(user: UserFacts, config: Config): Record<string, unknown> {
  return {
    sub: user.id,
    [`${prefix}/user/is_anonymous`]: isAnonymous(user),
    [`${prefix}/user/is_verified`]: isVerified(user, config.verification),
    [`${prefix}/user/can_reauthenticate`]: canReauthenticate(user),
    [`${prefix}/user/roles`]: user.roles,
  }
}

/** User attributes for the tokens of a client that may have them there. */
export function tokenAttributes(
  user: UserFacts,
  config: Config,
  client: ClientConfig,
  scopes: readonly string[],
  named: Record<string, unknown> | undefined,
): Record<string, unknown> {
  return asked(user, config, hasAttributesInIdToken(client) ? scopes : [], named)
}

/** The userinfo answer. A session that no client stands behind (a cookie) counts as the first party's. */
export function userInfo(
  user: UserFacts,
  config: Config,
  asker: { client: ClientConfig | undefined; scopes: readonly string[]; named?: Record<string, unknown> | undefined },
): Record<string, unknown> {
  const { client, scopes } = asker
  const base = userClaims(user, config)
  const full = scopes.includes(fullAccess) || scopes.includes(fullUserInfo)
  if (client !== undefined && isThirdParty(client) && !full)
    return { ...asked(user, config, scopes, asker.named), ...base }
  return {
    ...standardClaims(user, config),
    ...base,
    custom_attributes: customClaims(user, config),
    x_web3: {},
    ...(full || client === undefined
      ? {
          [`${prefix}/user/identities`]: user.identities.map(identityItem),
          [`${prefix}/user/authenticators`]: user.authenticators.map(authenticatorItem),
          [`${prefix}/user/recovery_code_enabled`]: false,
        }
      : {}),
  }
}

/** With milliseconds, zeros too: the iOS SDK reads no other time, and loses the whole answer over it. */
const time = (text: string) => new Date(text).toISOString()

function identityItem(identity: UserFacts['identities'][number]) {
  return {
    created_at: time(identity.created_at),
    updated_at: time(identity.updated_at),
    type: identity.type,
    ...(identity.login_id_key !== null ? { login_id_key: identity.login_id_key } : {}),
    ...(identity.login_id_type !== null ? { login_id_type: identity.login_id_type } : {}),
  }
}

function authenticatorItem(authenticator: UserFacts['authenticators'][number]) {
  const { created_at, updated_at, type, kind } = authenticator
  return { created_at: time(created_at), updated_at: time(updated_at), type, kind }
}
