import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import type { Fault } from './faults.ts'
import { pointerTo } from './faults.ts'
import { configJsonSchema } from './json_schema.ts'
import { crossCheck, parseConfig } from './parse.ts'
import type { Config } from './schema.ts'
import { durationSeconds } from './values.ts'
import { MAX_BYTES } from './yaml.ts'

const minimal = 'id: myapp\nhttp: { public_origin: https://myapp.example.com }\n'
const everything = readFileSync(new URL('./everything.yaml', import.meta.url), 'utf8')

function accepted(text: string): Config {
  const parsed = parseConfig(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults, null, 1))
  return parsed.config
}

function refused(text: string): Fault[] {
  const parsed = parseConfig(text)
  if (parsed.ok) throw new Error('was accepted')
  return parsed.faults
}

/** The faults of `minimal` with more lines below it. */
const faultsOf = (more: string) => refused(minimal + more).map(({ location, kind, line }) => [location, kind, line])

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)
}

const off = { enabled: false }
const limit = (burst: number, period: number) => ({ enabled: true, burst, period })

describe('defaults', () => {
  const config = accepted(minimal)

  // Reference: authentication §2, §8.1; wire-contract §3.2.
  test.each<[string, unknown]>([
    [
      'http',
      { public_origin: 'https://myapp.example.com', alternate_origins: [], allowed_origins: [], cookie_prefix: '' },
    ],
    [
      'session',
      {
        lifetime_seconds: 31449600,
        idle_timeout_enabled: true,
        idle_timeout_seconds: 2592000,
        use_session_cookie: false,
      },
    ],
    ['localization', { fallback_language: 'en', supported_languages: ['en'] }],
    ['authentication.identities', ['oauth', 'login_id']],
    ['authentication.primary_authenticators', ['password']],
    ['authentication.secondary_authenticators', ['totp']],
    ['authentication.secondary_authentication_mode', 'if_exists'],
    ['authentication.secondary_authentication_grace_period', off],
    ['authentication.device_token', { disabled: false, expire_in_days: 30 }],
    ['authentication.recovery_code', { disabled: false, count: 16, list_enabled: false }],
    ['authentication.public_signup_disabled', false],
    ['authentication.rate_limits.general', { per_ip: limit(60, 60), per_user_per_ip: limit(10, 60) }],
    ['authentication.rate_limits.password', { per_ip: limit(60, 60), per_user_per_ip: limit(10, 60) }],
    ['authentication.rate_limits.totp', { per_ip: limit(60, 60), per_user_per_ip: limit(10, 60) }],
    ['authentication.rate_limits.passkey', { per_ip: limit(60, 60) }],
    ['authentication.rate_limits.signup', { per_ip: limit(10, 60) }],
    ['authentication.rate_limits.signup_anonymous', { per_ip: limit(60, 60) }],
    ['authentication.rate_limits.account_enumeration', { per_ip: limit(10, 60) }],
    ['authentication.rate_limits.oob_otp.sms.trigger_per_ip', off],
    ['authentication.rate_limits.oob_otp.sms.trigger_per_user', off],
    ['authentication.rate_limits.oob_otp.sms.trigger_cooldown', 60],
    ['authentication.rate_limits.oob_otp.email.validate_per_ip', limit(60, 60)],
    ['authentication.rate_limits.oob_otp.email.validate_per_user_per_ip', limit(10, 60)],
    ['authentication.lockout.max_attempts', 0],
    ['authentication.lockout.backoff_factor', 1],
    ['authenticator.password.policy.min_length', 8],
    ['authenticator.password.force_change', true],
    ['authenticator.totp.maximum', 99],
    [
      'authenticator.oob_otp.sms',
      { maximum: 99, phone_otp_mode: 'whatsapp_sms', valid_periods: { code: 300, link: 1200 } },
    ],
    ['authenticator.oob_otp.email', { maximum: 99, email_otp_mode: 'code', valid_periods: { code: 300, link: 1200 } }],
    ['verification.claims.email', { enabled: true, required: true }],
    ['verification.criteria', 'any'],
    ['verification.code_valid_period', 300],
    ['verification.rate_limits.sms.validate_per_ip', limit(60, 60)],
    ['forgot_password.enabled', true],
    ['forgot_password.valid_periods', { link: 1200, code: 300 }],
    [
      'forgot_password.rate_limits.email',
      { trigger_per_ip: off, trigger_cooldown: 60, validate_per_ip: limit(60, 60) },
    ],
    [
      'identity.login_id.types.username',
      { block_reserved_usernames: true, exclude_keywords_enabled: false, ascii_only: true, case_sensitive: false },
    ],
    ['identity.on_conflict.promotion', 'error'],
    ['account_deletion', { scheduled_by_end_user_enabled: false, grace_period_days: 30 }],
    ['account_anonymization', { grace_period_days: 30 }],
    ['ui.signup_login_flow_enabled', false],
    ['ui.phone_input.validation.libphonenumber.validation_method', 'isValidNumber'],
    [
      'ui.forgot_password',
      { phone: [{ channel: 'sms', otp_form: 'code' }], email: [{ channel: 'email', otp_form: 'link' }] },
    ],
    ['messaging.rate_limits.sms_per_target', limit(10, 3600)],
    ['messaging.rate_limits.email_per_target', limit(50, 86400)],
    ['messaging.rate_limits.sms', off],
    ['authentication_flow.rate_limits.per_ip', limit(1200, 60)],
    ['fraud_protection.sms.unverified_otp_budget', { daily_ratio: 0.3, hourly_ratio: 0.2, by_phone_country: [] }],
    ['hook.sync_hook_timeout_seconds', 5],
    ['hook.sync_hook_total_timeout_seconds', 10],
    ['account_linking.login_id', [{ key: 'email', user_profile: { pointer: '/email' }, action: 'error' }]],
  ])('%s', (path, value) => {
    expect(at(config, path)).toEqual(value)
  })

  test('of a login ID and of a client', () => {
    expect(config.identity.login_id.keys).toEqual([
      {
        type: 'email',
        key: 'email',
        max_length: 320,
        create_disabled: false,
        update_disabled: false,
        delete_disabled: false,
      },
    ])
    const [client] = accepted(
      `${minimal}oauth: { clients: [{ client_id: a, name: A, redirect_uris: ['https://a.example/'] }] }`,
    ).oauth.clients
    expect(client).toMatchObject({
      access_token_lifetime_seconds: 1800,
      refresh_token_lifetime_seconds: 31449600,
      refresh_token_idle_timeout_enabled: true,
      refresh_token_idle_timeout_seconds: 2592000,
      issue_jwt_access_token: false,
      x_max_concurrent_session: 0,
      id_token_signed_response_alg: 'RS256',
      dpop_bound_access_tokens: false,
      require_pushed_authorization_requests: false,
    })
    expect(client).not.toHaveProperty('refresh_token_rotation_enabled')
  })

  test('every key that can be written is there, but for those that have none', () => {
    const without = new Set([
      ...[
        'http.cookie_domain',
        'authentication.secondary_authentication_grace_period.end_at',
        'google_tag_manager.container_id',
      ],
      ...['messaging.sms_gateway', 'messaging.whatsapp.api_type', 'bot_protection.provider', 'saml.signing.key_id'],
      ...['account_migration.hook', 'account_migration.proof_of_phone_number_verification.hook'],
      ...[
        'ui.default_client_uri',
        'ui.default_redirect_uri',
        'ui.default_post_logout_redirect_uri',
        'ui.brand_page_uri',
      ],
      ...[
        'authentication.rate_limits.oob_otp.email',
        'authentication.rate_limits.oob_otp.sms',
        'verification.rate_limits.email',
        'verification.rate_limits.sms',
      ].map((path) => `${path}.max_failed_attempts_revoke_otp`),
    ])
    // Deprecated keys are folded into others, or say nothing.
    const gone =
      /^(captcha|otp|web3|welcome_message)$|ratelimit$|sms_provider$|(code_valid_period|_expiry_seconds)$|implementation$/
    const absent: string[] = []
    const limitKeys = new Set(['enabled', 'period', 'burst'])
    const visit = (schema: Schema, value: unknown, path: string[]) => {
      const keys = Object.keys(schema.properties ?? {})
      if (keys.length === 3 && keys.every((key) => limitKeys.has(key))) return
      for (const key of keys) {
        const here = [...path, key]
        const found = (value as Record<string, unknown>)[key]
        if (found === undefined) absent.push(here.join('.'))
        else visit(schema.properties?.[key] ?? {}, found, here)
      }
    }
    visit(configJsonSchema() as Schema, config, [])
    expect(absent.filter((path) => !without.has(path) && !gone.test(path))).toEqual([])
  })

  test('limits fall back to the general ones', () => {
    const { rate_limits } = accepted(`${minimal}
authentication:
  rate_limits:
    general: { per_ip: { enabled: true, period: 2m, burst: 5 }, per_user_per_ip: { enabled: false } }
    totp: { per_ip: { enabled: false } }
`).authentication
    expect(rate_limits.password).toEqual({ per_ip: limit(5, 120), per_user_per_ip: off })
    expect(rate_limits.totp).toEqual({ per_ip: off, per_user_per_ip: off })
    expect(rate_limits.oob_otp.sms.validate_per_ip).toEqual(limit(5, 120))
  })
})

type Schema = { properties?: Record<string, Schema> }

describe('a limit', () => {
  const general = (written: string) =>
    accepted(`${minimal}authentication: { rate_limits: { general: { per_ip: ${written} }, oob_otp: { sms: {} } } }`)
      .authentication.rate_limits.general.per_ip

  test('with enabled stands by itself', () => {
    expect(general('{ enabled: true, period: 1h }')).toEqual(limit(1, 3600))
    expect(general('{ enabled: false, period: 1h, burst: 4 }')).toEqual(off)
  })

  test('without enabled is laid over the default', () => {
    expect(general('{ burst: 5 }')).toEqual(limit(5, 60))
    expect(general('{ period: 1h }')).toEqual(limit(60, 3600))
    expect(general('{}')).toEqual(limit(60, 60))
  })

  test('needs a period where the default is off', () => {
    expect(faultsOf('messaging: { rate_limits: { sms: { burst: 5 } } }')).toEqual([
      ['/messaging/rate_limits/sms', 'required', 3],
    ])
    expect(faultsOf('messaging: { rate_limits: { sms: { enabled: true } } }')).toEqual([
      ['/messaging/rate_limits/sms', 'required', 3],
    ])
    expect(accepted(`${minimal}messaging: { rate_limits: { sms: { period: 1h } } }`).messaging.rate_limits.sms).toEqual(
      limit(1, 3600),
    )
  })

  test('that falls back to one that is off needs a period too', () => {
    const more =
      'authentication: { rate_limits: { general: { per_ip: { enabled: false } }, password: { per_ip: { burst: 3 } } } }'
    expect(faultsOf(more)).toEqual([['/authentication/rate_limits/password/per_ip', 'required', 3]])
  })
})

describe('deprecated keys are folded in', () => {
  test.each([
    [
      'messaging: { sms_provider: twilio }',
      'messaging: { sms_gateway: { use_config_from: authgear.secrets.yaml, provider: twilio } }',
    ],
    [
      'identity: { login_id: { keys: [{ type: phone, modify_disabled: true, delete_disabled: false }] } }',
      'identity: { login_id: { keys: [{ type: phone, create_disabled: true, update_disabled: true, delete_disabled: false }] } }',
    ],
    ['verification: { code_expiry_seconds: 90 }', 'verification: { code_valid_period: 90s }'],
    ['forgot_password: { code_valid_period: 90s }', 'forgot_password: { valid_periods: { link: 90s } }'],
    ['forgot_password: { reset_code_expiry_seconds: 90 }', 'forgot_password: { valid_periods: { link: 90s } }'],
    [
      'authenticator: { oob_otp: { sms: { code_valid_period: 90s } } }',
      'authenticator: { oob_otp: { sms: { valid_periods: { code: 90s } } } }',
    ],
    [
      'authenticator: { oob_otp: { email: { code_valid_period: 90s } } }',
      'authenticator: { oob_otp: { email: { valid_periods: { code: 90s } } } }',
    ],
    [
      'authenticator: { oob_otp: { email: { email_otp_mode: login_link, code_valid_period: 90s } } }',
      'authenticator: { oob_otp: { email: { email_otp_mode: login_link, valid_periods: { link: 90s } } } }',
    ],
    ['ui: { implementation: interaction }', 'ui: {}'],
    ['authenticator: { password: { ratelimit: { failed_attempt: { size: 1 } } } }', ''],
    ['', 'localization: { supported_languages: [en] }'],
  ])('%s', (old, now) => {
    expect(accepted(minimal + old)).toEqual(accepted(minimal + now))
  })

  test('and the key that replaced one wins', () => {
    const config = accepted(everything)
    expect(config.verification.code_valid_period).toBe(600)
    expect(config.forgot_password.valid_periods).toEqual({ link: 3600, code: 600 })
    expect(config.messaging.sms_gateway?.provider).toBe('custom')
  })
})

describe('what the reference shows is accepted', () => {
  test.each([
    ['the smallest file', minimal],
    [
      'what the portal writes',
      `id: myapp
http: { public_origin: https://myapp.authgear.cloud, cookie_domain: myapp.authgear.cloud }
ui:
  signup_login_flow_enabled: true
  phone_input: { validation: { implementation: libphonenumber, libphonenumber: { validation_method: isPossibleNumber } } }
`,
    ],
    [
      'what init writes',
      `${minimal}authenticator: { oob_otp: { sms: { phone_otp_mode: sms } } }
verification: { claims: { email: { enabled: true, required: true } } }
search: { implementation: postgresql }
authentication: { public_signup_disabled: true }
`,
    ],
    [
      'hooks',
      `${minimal}hook:
  sync_hook_timeout_seconds: 5
  sync_hook_total_timeout_seconds: 10
  blocking_handlers:      [{event: user.pre_create, url: "https://app.example.com/"}]
  non_blocking_handlers:  [{events: ["*"], url: "authgeardeno:///deno/abc.ts"}]
`,
    ],
    ['no login IDs at all', `${minimal}identity: { login_id: { keys: [] } }\n`],
    ['anchors and merge keys', `${minimal}session: { <<: &s { lifetime_seconds: 60 }, idle_timeout_seconds: 30 }\n`],
    ['brackets in a comment', `${minimal}# ${'['.repeat(100)}\n`],
    ['nesting within reason', `${minimal}web3: { a: ${'['.repeat(50)}${']'.repeat(50)} }`],
    ['every key', everything],
  ])('%s', (_, text) => {
    accepted(text)
  })

  test('every key: nothing is doubted but what is doubtful', () => {
    const parsed = parseConfig(everything)
    expect(parsed.ok && parsed.warnings.map(({ location, line }) => [location, line !== undefined])).toEqual([
      ['/test_mode/oob_otp/rules/0', true],
    ])
  })

  test('every key: everything.yaml leaves none out', () => {
    const written = parse(everything)
    const missing: string[] = []
    const visit = (schema: Schema, value: unknown, path: string) => {
      for (const [key, inner] of Object.entries(schema.properties ?? {})) {
        const found = (value as Record<string, unknown> | undefined)?.[key]
        if (found === undefined) missing.push(`${path}.${key}`)
        else if (!Array.isArray(found)) visit(inner, found, `${path}.${key}`)
      }
    }
    visit(configJsonSchema() as Schema, written, '')
    expect(missing.filter((path) => !/per_user_per_ip\.(period|burst)$|\.burst$/.test(path))).toEqual([])
  })
})

/** Every object of the document, with its path. */
function* objects(
  value: unknown,
  path: PropertyKey[] = [],
): Generator<{ object: Record<string, unknown>; path: PropertyKey[] }> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield { object: value as Record<string, unknown>, path }
  for (const [key, inner] of Object.entries(value))
    yield* objects(inner, [...path, Array.isArray(value) ? Number(key) : key])
}

describe('faults', () => {
  test('an unknown key is one wherever it stands, by path and line', () => {
    const free = /^\/(captcha|otp|web3|welcome_message)|^\/authenticator\/password\/ratelimit/
    const paths = [...objects(parse(everything))].map(({ path }) => path).filter((path) => !free.test(pointerTo(path)))
    expect(paths.length).toBeGreaterThan(250)
    for (let start = 0; start < paths.length; start += 40) {
      const document = parse(everything)
      const names = paths.slice(start, start + 40).map((path, index) => {
        const holder = path.reduce((inner, key) => inner[key as string], document)
        holder[`unheard_${index}_`] = true
        return { name: `unheard_${index}_`, location: `${pointerTo(path)}/unheard_${index}_` }
      })
      const text = stringify(document, { aliasDuplicateObjects: false })
      const lines = text.split('\n')
      const found = refused(text).map((fault) => `${fault.line} ${fault.location} ${fault.kind}`)
      const expected = names.map(
        ({ name, location }) => `${lines.findIndex((one) => one.includes(name)) + 1} ${location} additionalProperties`,
      )
      expect(found.sort()).toEqual(expected.sort())
    }
  })

  test('all are found at once, in every section, and between sections that are sound', () => {
    const faults = refused(`id: My App
http:
  public_origin: https://id.example.com/
session:
  lifetime_second: 3
  idle_timeout_seconds: 1.5
  use_session_cookie: yes
authentication:
  identities: [passkey]
  secondary_authenticators: []
  typo: 1
oauth:
  clients:
  - client_id: a
    x_application_type: webby
  - { client_id: b, name: B, redirect_uris: ['javascript:alert(1)'] }
ui:
  authentication_flow: { groups: [{ name: g, flows: [{ type: login, name: nowhere }] }] }
authentication_flow:
  login_flows:
  - name: default
    steps: [{ type: identify, one_of: [{ identification: email, steps: [{ type: authentify }] }] }]
extra: 1
`)
    expect(faults.map(({ location, kind, line }) => `${line} ${location} ${kind}`).sort()).toEqual(
      [
        '1 /id pattern',
        '3 /http/public_origin format',
        '5 /session/lifetime_second additionalProperties',
        '6 /session/idle_timeout_seconds type',
        '7 /session/use_session_cookie type',
        '9 /authentication/identities/0 noPrimaryAuthenticator',
        '9 /authentication/identities/0 general',
        '10 /authentication/secondary_authenticators noSecondaryAuthenticator',
        '11 /authentication/typo additionalProperties',
        '14 /oauth/clients/0 required',
        '15 /oauth/clients/0/x_application_type enum',
        '16 /oauth/clients/1/redirect_uris/0 format',
        '22 /authentication_flow/login_flows/0/steps/0/one_of/0/steps/0/type enum',
        '23 /extra additionalProperties',
      ].sort(),
    )
    const between = refused(
      `${minimal}nope: 1\nui: { authentication_flow: { groups: [{ name: g, flows: [{ type: login, name: nowhere }] }] } }\n`,
    )
    expect(between.map((fault) => fault.location)).toEqual(['/nope', '/ui/authentication_flow/groups/0/flows/0'])
  })

  test('carry the reference’s details', () => {
    const [missing] = refused('http: { public_origin: https://a.example }\n')
    expect(missing).toEqual({
      location: '',
      kind: 'required',
      message: 'id is missing',
      details: { actual: ['http'], expected: ['id'], missing: ['id'] },
      line: 1,
      column: 1,
    })
    expect(refused(`${minimal}session: { lifetime_seconds: 0 }\n`)[0]).toMatchObject({
      kind: 'minimum',
      details: { actual: 0, minimum: 1 },
    })
    expect(refused(`${minimal}session: { lifetime_seconds: a }\n`)[0]?.details).toEqual({
      actual: ['string'],
      expected: ['integer'],
    })
    expect(refused(`${minimal}search: { implementation: solr }\n`)[0]).toMatchObject({
      kind: 'enum',
      details: { actual: 'solr', expected: ['elasticsearch', 'postgresql', 'none'] },
    })
    expect(refused(`${minimal}localization: { supported_languages: [] }\n`)[0]).toMatchObject({
      kind: 'minItems',
      details: { actual: 0, expected: 1 },
    })
  })

  test('name the file when told, and guess what was meant', () => {
    const parsed = parseConfig(`${minimal}sesion: {}\n`, { file: 'authgear.yaml' })
    expect(!parsed.ok && parsed.faults).toEqual([
      expect.objectContaining({
        location: '/sesion',
        message: 'unknown key: did you mean session?',
        line: 3,
        column: 1,
        file: 'authgear.yaml',
      }),
    ])
  })

  test.each<[string, string, string]>([
    ['a section left empty', 'ui:', '/ui type 3'],
    [
      'supported languages without the fallback',
      'localization: { supported_languages: [de] }',
      '/localization/supported_languages general 3',
    ],
    ['an impossible cookie domain', 'x', ''],
    [
      'passkeys without login IDs',
      'authentication: { identities: [passkey], primary_authenticators: [passkey] }',
      '/authentication/identities/0 general 3',
    ],
    [
      'a passkey that finds nobody',
      'authentication: { primary_authenticators: [passkey] }',
      '/authentication/primary_authenticators/0 general 3',
    ],
    [
      'an identity named twice',
      'authentication: { identities: [oauth, oauth] }',
      '/authentication/identities/1 uniqueItems 3',
    ],
    ['siwe beside another', 'authentication: { identities: [siwe, oauth] }', '/authentication/identities/0 general 3'],
    [
      'no second factor to ask for',
      'authentication: { secondary_authenticators: [] }',
      '/authentication/secondary_authenticators noSecondaryAuthenticator 3',
    ],
    [
      'too few recovery codes',
      'authentication: { recovery_code: { count: 9 } }',
      '/authentication/recovery_code/count minimum 3',
    ],
    [
      'a lockout half described',
      'authentication: { lockout: { max_attempts: 3 } }',
      '/authentication/lockout required 3',
    ],
    [
      'a lockout that begins longer than it may last',
      'authentication: { lockout: { max_attempts: 3, history_duration: 1h, minimum_duration: 2h, maximum_duration: 1h, lockout_type: per_user } }',
      '/authentication/lockout/minimum_duration general 3',
    ],
    [
      'an allowlist beside a blocklist',
      'identity: { login_id: { types: { email: { domain_allowlist_enabled: true, domain_blocklist_enabled: true } } } }',
      '/identity/login_id/types/email/domain_blocklist_enabled general 3',
    ],
    [
      'a login ID key used twice',
      'identity: { login_id: { keys: [{ type: email }, { type: email }] } }',
      '/identity/login_id/keys/1/key uniqueItems 3',
    ],
    [
      'a provider without its tenant',
      'identity: { oauth: { providers: [{ type: azureadv2, alias: a, client_id: c }] } }',
      '/identity/oauth/providers/0 required 3',
    ],
    [
      'a key of another provider',
      'identity: { oauth: { providers: [{ type: google, alias: a, client_id: c, tenant: t }] } }',
      '/identity/oauth/providers/0/tenant additionalProperties 3',
    ],
    [
      'a provider nobody knows',
      'identity: { oauth: { providers: [{ type: oidc, alias: a, client_id: c }] } }',
      '/identity/oauth/providers/0/type enum 3',
    ],
    [
      'a filter that is none',
      "identity: { ldap: { servers: [{ name: a, url: 'ldap://h', base_dn: d, search_filter_template: 'uid={{.Username}}', user_id_attribute_name: uid }] } }",
      '/identity/ldap/servers/0/search_filter_template format 3',
    ],
    [
      'expiry without a time',
      'authenticator: { password: { expiry: { force_change: { enabled: true } } } }',
      '/authenticator/password/expiry/force_change required 3',
    ],
    ['a duration without a unit', 'verification: { code_valid_period: 300 }', '/verification/code_valid_period type 3'],
    [
      'a duration that is none',
      'verification: { code_valid_period: 5 minutes }',
      '/verification/code_valid_period format 3',
    ],
    [
      'a hook that runs elsewhere',
      'hook: { blocking_handlers: [{ event: user.pre_create, url: "file:///etc/passwd" }] }',
      '/hook/blocking_handlers/0/url format 3',
    ],
    [
      'an event nobody sends',
      'hook: { blocking_handlers: [{ event: user.created, url: "https://a.example" }] }',
      '/hook/blocking_handlers/0/event enum 3',
    ],
    [
      'a grace period too long',
      'account_deletion: { grace_period_days: 181 }',
      '/account_deletion/grace_period_days maximum 3',
    ],
    [
      'an attribute that is a claim',
      'user_profile: { custom_attributes: { attributes: [{ id: "0", pointer: /email, type: string }] } }',
      '/user_profile/custom_attributes/attributes/0/pointer general 3',
    ],
    [
      'an attribute with bounds out of order',
      'user_profile: { custom_attributes: { attributes: [{ id: "0", pointer: /a, type: number, minimum: 2, maximum: 1 }] } }',
      '/user_profile/custom_attributes/attributes/0/minimum general 3',
    ],
    [
      'bounds on a string',
      'user_profile: { custom_attributes: { attributes: [{ id: "0", pointer: /a, type: string, minimum: 2 }] } }',
      '/user_profile/custom_attributes/attributes/0/minimum additionalProperties 3',
    ],
    [
      'access that contradicts itself',
      'user_profile: { standard_attributes: { access_control: [{ pointer: /name, access_control: { end_user: readwrite, bearer: hidden, portal_ui: hidden } }] } }',
      '/user_profile/standard_attributes/access_control/0/access_control general 3',
    ],
    [
      'a pinned country that is not allowed',
      'ui: { phone_input: { allowlist: [HK], pinned_list: [DE] } }',
      '/ui/phone_input/pinned_list/0 general 3',
    ],
    [
      'a link by WhatsApp',
      'ui: { forgot_password: { phone: [{ channel: whatsapp, otp_form: link }] } }',
      '/ui/forgot_password/phone/0/otp_form const 3',
    ],
    [
      'a group without login',
      'ui: { authentication_flow: { groups: [{ name: a, flows: [{ type: signup, name: default }] }] } }',
      '/ui/authentication_flow/groups/0/flows general 3',
    ],
    [
      'a gateway without provider',
      'messaging: { sms_gateway: { use_config_from: authgear.secrets.yaml } }',
      '/messaging/sms_gateway required 3',
    ],
    [
      'an expression RE2 has not',
      "test_mode: { oob_otp: { rules: [{ regex: '(?=a)' }] } }",
      '/test_mode/oob_otp/rules/0/regex format 3',
    ],
    [
      'a network without prefix',
      'network_protection: { ip_filter: { rules: [{ action: deny, source: { cidrs: [10.0.0.1] } }] } }',
      '/network_protection/ip_filter/rules/0/source/cidrs/0 format 3',
    ],
    [
      'a service provider without client',
      'saml: { signing: { key_id: k }, service_providers: [{ client_id: x, acs_urls: [https://a.example] }] }',
      '/saml/service_providers/0/client_id general 3',
    ],
    [
      'a service provider without key',
      'saml: { service_providers: [{ client_id: x, acs_urls: [https://a.example] }] }',
      '/saml/signing required 3',
    ],
    [
      'a flow without steps',
      'authentication_flow: { login_flows: [{ name: a, steps: [] }] }',
      '/authentication_flow/login_flows/0/steps minItems 3',
    ],
    [
      'two flows of one name',
      'authentication_flow: { reauth_flows: [&f { name: a, steps: [{ type: identify, one_of: [{ identification: id_token }] }] }, *f] }',
      '/authentication_flow/reauth_flows/1/name uniqueItems 3',
    ],
    [
      'an empty list of flows',
      'authentication_flow: { login_flows: [] }',
      '/authentication_flow/login_flows minItems 3',
    ],
    [
      'sign-up for an account that is selected',
      'authentication_flow: { signup_login_flows: [{ name: a, steps: [{ type: identify, one_of: [{ identification: select_account, login_flow: default, signup_flow: default }] }] }] }',
      '/authentication_flow/signup_login_flows/0/steps/0/one_of/0/signup_flow additionalProperties 3',
    ],
  ])('%s', (name, more, expected) => {
    if (name === 'an impossible cookie domain') {
      expect(
        refused('id: a\nhttp: { public_origin: https://a.example.com, cookie_domain: example.org }').map(
          (fault) => fault.location,
        ),
      ).toEqual(['/http/cookie_domain'])
    } else expect(faultsOf(more).map((fault) => fault.join(' '))).toEqual(expect.arrayContaining([expected]))
  })

  test.each<[string, string, string]>([
    ['no redirect URI', 'x_application_type: spa', 'required'],
    ['no display name', 'x_application_type: confidential, redirect_uris: ["https://a.example/"]', 'required'],
    [
      'no way back after logout',
      'x_application_type: traditional_webapp, redirect_uris: ["https://a.example/"]',
      'required',
    ],
    ['a token too short-lived', 'redirect_uris: ["https://a.example/"], access_token_lifetime_seconds: 299', 'minimum'],
    ['a machine’s token too long-lived', 'x_application_type: m2m, access_token_lifetime_seconds: 2419201', 'maximum'],
    [
      'a refresh token outlived by its access token',
      'redirect_uris: ["https://a.example/"], refresh_token_lifetime_seconds: 1799',
      'general',
    ],
    ['a fragment', 'redirect_uris: ["https://a.example/#a"]', 'format'],
    [
      'DPoP both required and ignored',
      'redirect_uris: ["https://a.example/"], x_dpop_disabled: true, dpop_bound_access_tokens: true',
      'general',
    ],
    [
      'back-channel logout in the clear',
      'redirect_uris: ["https://a.example/"], backchannel_logout_uri: "http://a.example/"',
      'format',
    ],
    ['two sessions', 'redirect_uris: ["https://a.example/"], x_max_concurrent_session: 2', 'enum'],
  ])('a client with %s', (_, keys, kind) => {
    expect(faultsOf(`oauth: { clients: [{ client_id: a, name: A, ${keys} }] }`).map(([, found]) => found)).toEqual([
      kind,
    ])
  })
})

describe('YAML', () => {
  test('errors are faults with a line', () => {
    expect(refused('id: a\nhttp: [\n')[0]).toMatchObject({ kind: 'general', line: 3 })
    expect(refused('id: a\n---\nid: b\n')).toEqual([
      expect.objectContaining({ message: 'more than one document', line: 2 }),
    ])
    expect(refused('id: !weird a\n')[0]).toMatchObject({ line: 1, column: 5 })
    expect(refused('')[0]).toMatchObject({ kind: 'required', details: { missing: ['id', 'http'] } })
    expect(refused('- a\n')[0]).toMatchObject({ location: '', kind: 'type' })
  })

  test('a key written twice is a fault where it stands again', () => {
    expect(refused(`${minimal}session:\n  lifetime_seconds: 1\n  lifetime_seconds: 2\n`)).toEqual([
      expect.objectContaining({ location: '/session/lifetime_seconds', kind: 'general', line: 5, column: 3 }),
    ])
  })

  test('keys that name parts of every object are only unknown keys', () => {
    const faults = refused(`${minimal}__proto__: { a: 1 }\nconstructor: 1\nsession: { toString: 1 }\n`)
    expect(faults.map((fault) => fault.location).sort()).toEqual(['/__proto__', '/constructor', '/session/toString'])
  })

  const levels = (name: string, inner: string) => `${name}: &${name} [${`${inner}, `.repeat(10)}]\n`
  test.each([
    [
      'aliases that multiply',
      levels('a', '1') + levels('b', '*a') + levels('c', '*b') + levels('d', '*c') + levels('e', '*d'),
    ],
    ['an alias of itself', `${minimal}session: &s { lifetime_seconds: *s }\n`],
    ['brackets without end', '['.repeat(500_000)],
    ['nesting where anything may stand', `${minimal}web3: { a: ${'['.repeat(64)}${']'.repeat(64)} }`],
    ['braces without end', '{a: '.repeat(200_000)],
    ['dashes without end', '- '.repeat(500_000)],
    ['questions without end', '? '.repeat(500_000)],
    ['indentation without end', Array.from({ length: 1300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['anchors without end', '&a '.repeat(300_000)],
    [
      'keys without end',
      `${minimal}session:\n${Array.from({ length: 100_000 }, (_, index) => ` ${index}:`).join('\n')}\n`,
    ],
    ['more than a megabyte', `${minimal}#${'x'.repeat(MAX_BYTES)}`],
  ])(
    '%s is refused, soon',
    (_, text) => {
      const start = performance.now()
      expect(refused(text).length).toBeGreaterThan(0)
      expect(performance.now() - start).toBeLessThan(15_000)
    },
    30_000,
  )

  test('a megabyte of clients is read', () => {
    const clients = Array.from(
      { length: 7000 },
      (_, index) =>
        `  - client_id: c${index}\n    name: n\n    x_application_type: spa\n    redirect_uris:\n    - https://app${index}.example.com/after-authentication\n`,
    )
    const text = `${minimal}oauth:\n  clients:\n${clients.join('')}`
    expect(text.length).toBeGreaterThan(900_000)
    expect(accepted(text).oauth.clients).toHaveLength(7000)
  }, 30_000)
})

/** Parts of `value`, each list and object thinned out as the dice fall. */
function thinned(value: unknown, dice: () => boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => thinned(item, dice))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (dice() ? [[key, thinned(inner, dice)]] : [])),
  )
}

const withoutPlace = (faults: readonly Fault[]) => faults.map(({ line: _, column: __, ...fault }) => fault)

describe('properties', () => {
  test('however it is printed, it says the same', () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        fc.boolean(),
        fc.constantFrom('PLAIN' as const, 'QUOTE_DOUBLE' as const),
        (stream, flow, quotes) => {
          const part = thinned(parse(everything), () => stream.next().value !== 0)
          const first = parseConfig(stringify(part))
          const second = parseConfig(
            stringify(part, { collectionStyle: flow ? 'flow' : 'block', defaultStringType: quotes, lineWidth: 60 }),
          )
          expect(second.ok).toBe(first.ok)
          if (first.ok && second.ok) expect(second.config).toEqual(first.config)
          if (!first.ok && !second.ok) expect(withoutPlace(second.faults)).toEqual(withoutPlace(first.faults))
        },
      ),
      { numRuns: 50 },
    )
  }, 60_000)

  test('whatever stands anywhere, it answers, and its faults have a place', () => {
    const holders = [...objects(parse(everything))].map(({ path }) => path)
    fc.assert(
      fc.property(fc.constantFrom(...holders), fc.nat(), fc.jsonValue({ maxDepth: 3 }), (path, pick, value) => {
        const document = parse(everything)
        const holder = path.reduce((inner, key) => inner[key as string], document)
        const keys = Object.keys(holder)
        holder[keys[pick % Math.max(1, keys.length)] ?? 'new'] = value
        const parsed = parseConfig(stringify(document))
        for (const fault of parsed.ok ? parsed.warnings : parsed.faults) {
          expect(fault.line).toBeGreaterThan(0)
          expect(fault.message).not.toMatch(/undefined|\[object/)
        }
      }),
      { numRuns: 80 },
    )
  }, 60_000)

  test('a duration is the sum of its parts', () => {
    const part = fc.nat({ max: 5000 })
    fc.assert(
      fc.property(part, part, part, part, (hours, minutes, seconds, milliseconds) => {
        const sum = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
        expect(durationSeconds(`${hours}h${minutes}m${seconds}s${milliseconds}ms`)).toBeCloseTo(sum, 6)
      }),
    )
    expect(['1.5h', '.5s', '0', '300s', '1m0s'].map(durationSeconds)).toEqual([5400, 0.5, 0, 300, 60])
    expect(['', '5', '-1s', '1d', 's', '1s ', '1 s', '9'.repeat(70)].map(durationSeconds)).toEqual(
      Array(8).fill(undefined),
    )
  })
})

describe('with the secrets', () => {
  const client = (type: string) =>
    `oauth: { clients: [{ client_id: c, name: C, client_name: C, x_application_type: ${type}, redirect_uris: ['https://a.example/'] }] }`
  const item = { client_id: 'c', keys: [{ kty: 'oct' as const, k: 'c2VjcmV0' }] }

  test.each(['confidential', 'third_party_app', 'm2m'])('a %s client needs one', (type) => {
    const config = accepted(minimal + client(type))
    expect(crossCheck(config, {}).map((fault) => [fault.location, fault.kind])).toEqual([
      ['/oauth/clients/0', 'required'],
    ])
    expect(crossCheck(config, { 'oauth.client_secrets': { items: [item] } })).toEqual([])
  })

  test('a public client needs none', () => {
    expect(crossCheck(accepted(minimal + client('spa')), {})).toEqual([])
  })

  test('gateway and bot protection need theirs', () => {
    const config = accepted(
      `${minimal}messaging: { sms_provider: twilio }\nbot_protection: { enabled: true, provider: { type: cloudflare, site_key: s } }\n`,
    )
    expect(crossCheck(config, {}).map((fault) => fault.details)).toEqual([
      { missing: ['sms.twilio'] },
      { missing: ['bot_protection.provider'] },
    ])
    const other = {
      'bot_protection.provider': { type: 'recaptchav2' as const, secret_key: 'k' },
      'sms.twilio': {} as never,
    }
    expect(crossCheck(config, other).map((fault) => fault.location)).toEqual(['/bot_protection/provider/type'])
  })

  test('a fault can be placed in the text', () => {
    const parsed = parseConfig(`${minimal}\n${client('m2m')}`, { file: 'a.yaml' })
    const faults = parsed.ok ? crossCheck(parsed.config, {}).map(parsed.place) : []
    expect(faults).toEqual([expect.objectContaining({ line: 4, file: 'a.yaml' })])
  })
})
