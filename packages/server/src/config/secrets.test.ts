import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Fault } from './faults.ts'
import { parseSecrets, type SecretKey } from './secrets.ts'

const rsa = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: 'r',
  created_at: 1136171045,
}
const small = { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'jwk' }), kid: 's' }
const ec = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  kid: 'e',
  alg: 'ES256',
}
const oct = { kty: 'oct', kid: 'o', k: 'c2VjcmV0' }
const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

const valid: Record<string, unknown> = {
  'admin-api.auth': { keys: [{ kty: 'RSA', kid: 'p', n: rsa.n, e: rsa.e }, rsa] },
  oauth: { keys: [rsa, ec] },
  csrf: { keys: [oct] },
  webhook: { keys: [oct] },
  images: { keys: [oct] },
  'oauth.client_secrets': { items: [{ client_id: 'c', keys: [oct, { kty: 'oct', k: 'eA' }] }] },
  'sso.oauth.client': { items: [{ alias: 'google', client_secret: 's' }] },
  'sso.oauth.demo_credentials': { items: [] },
  'mail.smtp': { host: 'smtp.example.com', port: 587, username: 'u', password: 'p', sender: 'no-reply@example.com' },
  'sms.twilio': { account_sid: 'a', auth_token: 't', from: '+85298765432' },
  'sms.nexmo': { api_key: 'k', api_secret: 's' },
  'sms.custom': { url: 'https://sms.example.com/', timeout: 10 },
  'whatsapp.on-premises': {
    api_endpoint: 'https://wa.example.com',
    username: 'u',
    password: 'p',
    templates: { otp: { name: 'otp', type: 'authentication', languages: ['en'] } },
  },
  'whatsapp.cloud-api': {
    phone_number_id: '1',
    access_token: 't',
    authentication_template: { type: 'copy_code_button', copy_code_button: { name: 'otp', languages: ['en'] } },
    webhook: { verify_token: 'v', app_secret: 's' },
  },
  'bot_protection.provider': { type: 'cloudflare', secret_key: 'k' },
  ldap: { items: [{ name: 'staff', dn: 'cn=admin', password: 'p' }] },
  'saml.idp.signing': { certificates: [{ certificate: { pem }, key: rsa }] },
  'saml.service_providers.signing': [{ service_provider_id: 'c', certificates: [{ pem }] }],
  db: { database_url: 'postgres://' },
  redis: { redis_url: 'redis://' },
}

const file = (secrets: Record<string, unknown>) =>
  stringify({ secrets: Object.entries(secrets).map(([key, data]) => ({ key, data })) })

function refused(text: string): Fault[] {
  const parsed = parseSecrets(text, { file: 'authgear.secrets.yaml' })
  if (parsed.ok) throw new Error('was accepted')
  return parsed.faults
}

describe('authgear.secrets.yaml', () => {
  test('every key is accepted, and found by its name', () => {
    const parsed = parseSecrets(file(valid))
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults))
    expect(Object.keys(parsed.secrets)).toEqual(Object.keys(valid))
    expect(parsed.secrets.oauth?.keys.map((key) => key.kid)).toEqual(['r', 'e'])
    expect(parsed.secrets['mail.smtp']?.mode).toBe('normal')
    expect(parsed.secrets['sms.twilio']?.credential_type).toBe('auth_token')
  })

  test('nothing at all is accepted: keys can be generated', () => {
    expect(parseSecrets('')).toEqual({ ok: true, secrets: {} })
    expect(parseSecrets('secrets: []\n')).toEqual({ ok: true, secrets: {} })
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['a key nobody knows', { 'mail.smpt': {} }, '2 /secrets/0/key enum'],
    [
      'a third admin key',
      { 'admin-api.auth': { keys: [rsa, { ...rsa, kid: '2' }, { ...rsa, kid: '3' }] } },
      '/secrets/0/data/keys maxItems',
    ],
    ['no key', { oauth: { keys: [] } }, '/secrets/0/data/keys minItems'],
    [
      'a public key to sign with',
      { oauth: { keys: [{ kty: 'RSA', kid: 'p', n: rsa.n, e: rsa.e }] } },
      '/secrets/0/data/keys/0 required',
    ],
    ['a key too short', { oauth: { keys: [small] } }, '/secrets/0/data/keys/0/n minLength'],
    ['a symmetric key to sign with', { oauth: { keys: [oct] } }, '/secrets/0/data/keys/0/kty enum'],
    [
      'a port that is none',
      { 'mail.smtp': { host: 'h', port: 0, username: '', password: '' } },
      '/secrets/0/data/port minimum',
    ],
    [
      'an unknown key of a provider',
      { 'sms.nexmo': { api_key: 'k', api_secret: 's', extra: 1 } },
      '/secrets/0/data additionalProperties',
    ],
    [
      'half of an API key',
      { 'sms.twilio': { account_sid: 'a', credential_type: 'api_key', api_key_sid: 's', from: '+1' } },
      '/secrets/0/data required',
    ],
    [
      'a gateway that waits too long',
      { 'sms.custom': { url: 'https://sms.example.com/', timeout: 61 } },
      '/secrets/0/data/timeout maximum',
    ],
    [
      'two secrets for one client',
      {
        'oauth.client_secrets': {
          items: [
            { client_id: 'c', keys: [oct] },
            { client_id: 'c', keys: [oct] },
          ],
        },
      },
      '/secrets/0/data/items/1/client_id uniqueItems',
    ],
  ])('%s is refused', (_, secrets, expected) => {
    const found = refused(file(secrets)).map((fault) => `${fault.line} ${fault.location} ${fault.kind}`)
    expect(
      found.some((one) => one.endsWith(expected)),
      found.join('\n'),
    ).toBe(true)
    expect(refused(file(secrets)).every((fault) => fault.file === 'authgear.secrets.yaml')).toBe(true)
  })

  test('a key given twice is refused where it stands again', () => {
    const text =
      'secrets:\n- { key: csrf, data: { keys: [{ kty: oct, k: eA }] } }\n- { key: csrf, data: { keys: [{ kty: oct, k: eA }] } }\n'
    expect(refused(text).map((fault) => [fault.line, fault.location, fault.kind])).toEqual([
      [3, '/secrets/1/key', 'uniqueItems'],
    ])
  })

  test('no value ever appears in a fault', () => {
    const holders: [SecretKey, string][] = [
      ['mail.smtp', 'mode'],
      ['mail.smtp', 'port'],
      ['mail.smtp', 'password'],
      ['sms.custom', 'url'],
      ['sms.custom', 'timeout'],
      ['bot_protection.provider', 'type'],
      ['bot_protection.provider', 'secret_key'],
      ['oauth', 'keys'],
      ['ldap', 'items'],
      ['oauth.client_secrets', 'items'],
    ]
    const secret = fc.stringMatching(/^[a-z0-9]{12}$/).map((text) => `hush${text}`)
    fc.assert(
      fc.property(
        fc.constantFrom(...holders),
        secret,
        fc.constantFrom('scalar', 'list', 'map', 'key', 'twice', 'syntax', 'repeated'),
        ([key, field], hush, shape) => {
          const value = {
            scalar: hush,
            list: [hush],
            map: { items: [hush], client_secret: hush },
            twice: [{ name: hush }, { name: hush }],
            key: { [hush]: hush },
            syntax: hush,
            repeated: hush,
          }[shape]
          const text =
            file({ ...valid, [key]: { ...(valid[key] as object), [field]: value } }) +
            (shape === 'syntax' ? `  ${hush}: [*${hush}\n!${hush} "` : '') +
            (shape === 'repeated' ? `${hush}: { a: { ${hush}: 1, ${hush}: 2 } }\n` : '')
          const parsed = parseSecrets(text)
          expect(parsed.ok ? '' : JSON.stringify(parsed.faults)).not.toContain('hush')
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)
})
