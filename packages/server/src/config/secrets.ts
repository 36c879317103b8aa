/** `authgear.secrets.yaml`: a list of `{key, data}`. Reference: authentication §4.4, management §6, §8.2. No value of it appears in a fault. */
import { z } from 'zod'
import { check, type Fault } from './faults.ts'
import { distinct, hookUrl, raise, timeout, webUrl } from './values.ts'
import { readYaml } from './yaml.ts'

const text = z.string().min(1)
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/)

// ---- keys (RFC 7517, RFC 7518 §6) ---------------------------------------------------------------------------------

const common = { kid: text, created_at: z.number().optional() }

const PublicRsa = z.looseObject({ ...common, kty: z.literal('RSA'), n: base64url.min(342), e: base64url })
const PrivateRsa = PublicRsa.extend({
  d: base64url,
  p: base64url,
  q: base64url,
  dp: base64url,
  dq: base64url,
  qi: base64url,
})
const PrivateEc = z.looseObject({
  ...common,
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: base64url,
  y: base64url,
  d: base64url,
})
const Octets = z.looseObject({ ...common, kid: text.optional(), kty: z.literal('oct'), k: base64url })

function keySet<S extends z.ZodType>(key: S, most?: number) {
  const keys = z.array(key).min(1)
  return z.strictObject({ keys: most === undefined ? keys : keys.max(most) })
}

// ---- providers ----------------------------------------------------------------------------------------------------

const Smtp = z.strictObject({
  host: text,
  port: z.int().min(1).max(65535),
  mode: z.enum(['normal', 'ssl']).default('normal'),
  username: z.string(),
  password: z.string(),
  sender: z.string().optional(),
})

const Twilio = z
  .strictObject({
    account_sid: text,
    credential_type: z.enum(['auth_token', 'api_key']).default('auth_token'),
    auth_token: text.optional(),
    api_key_sid: text.optional(),
    api_key_secret: text.optional(),
    message_service_sid: z.string().optional(),
    from: z.string().optional(),
  })
  .superRefine((twilio, ctx) => {
    const needed =
      twilio.credential_type === 'api_key' ? (['api_key_sid', 'api_key_secret'] as const) : (['auth_token'] as const)
    const missing: string[] = needed.filter((key) => twilio[key] === undefined)
    if (missing.length > 0) {
      raise(ctx, {
        kind: 'required',
        message: `credentials of type ${twilio.credential_type} need ${missing.join(', ')}`,
        details: { missing },
      })
    }
    if (!twilio.from && !twilio.message_service_sid) {
      raise(ctx, {
        kind: 'required',
        message: 'one of from, message_service_sid is missing',
        details: { missing: ['from', 'message_service_sid'] },
      })
    }
  })

const languages = z.array(text).min(1)

const WhatsappOnPremises = z.strictObject({
  api_endpoint: webUrl,
  username: text,
  password: text,
  templates: z.strictObject({
    otp: z.strictObject({ name: text, type: z.literal('authentication'), namespace: z.string().optional(), languages }),
  }),
})

const WhatsappCloudApi = z.strictObject({
  phone_number_id: text,
  access_token: text,
  authentication_template: z.strictObject({
    type: z.literal('copy_code_button'),
    copy_code_button: z.strictObject({ name: text, languages }),
  }),
  webhook: z.strictObject({ verify_token: text, app_secret: text }).optional(),
})

const pem = z.strictObject({
  pem: z.string().regex(/^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/),
})

/** Of the original deployment's machinery; accepted in a file brought along, never read. */
const foreign = z.record(z.string(), z.unknown())

// ---- the table ----------------------------------------------------------------------------------------------------

/** Every key, with the shape of its `data`. */
export const secretShapes = {
  'admin-api.auth': keySet(PublicRsa, 2),
  oauth: keySet(z.discriminatedUnion('kty', [PrivateRsa, PrivateEc])),
  csrf: keySet(Octets),
  webhook: keySet(Octets),
  images: keySet(Octets),
  'oauth.client_secrets': z.strictObject({
    items: z
      .array(z.strictObject({ client_id: text, keys: z.array(Octets).min(1).max(2) }))
      .superRefine(distinct<{ client_id: string }>((item) => item.client_id, 'client_id')),
  }),
  'sso.oauth.client': z.strictObject({
    items: z
      .array(z.strictObject({ alias: text, client_secret: text }))
      .superRefine(distinct<{ alias: string }>((item) => item.alias, 'alias')),
  }),
  'sso.oauth.demo_credentials': foreign,
  'mail.smtp': Smtp,
  'sms.twilio': Twilio,
  'sms.nexmo': z.strictObject({ api_key: text, api_secret: text }),
  'sms.custom': z.strictObject({ url: hookUrl, timeout: timeout.optional() }),
  'whatsapp.on-premises': WhatsappOnPremises,
  'whatsapp.cloud-api': WhatsappCloudApi,
  'bot_protection.provider': z.strictObject({ type: z.enum(['cloudflare', 'recaptchav2']), secret_key: text }),
  ldap: z.strictObject({
    items: z
      .array(z.strictObject({ name: text, dn: z.string().optional(), password: z.string().optional() }))
      .superRefine(distinct<{ name: string }>((item) => item.name, 'name')),
  }),
  'saml.idp.signing': z.strictObject({
    certificates: z
      .array(z.strictObject({ certificate: pem, key: PrivateRsa }))
      .min(1)
      .max(2),
  }),
  'saml.service_providers.signing': z.array(
    z.strictObject({ service_provider_id: text, certificates: z.array(pem).min(1).max(2) }),
  ),
  db: foreign,
  'audit.db': foreign,
  'search.db': foreign,
  redis: foreign,
  'analytic.redis': foreign,
  elasticsearch: foreign,
  'captcha.cloudflare': foreign,
  'whatsapp.wati': foreign,
} as const satisfies Record<string, z.ZodType>

export type SecretKey = keyof typeof secretShapes

/** By key, what the file holds. Anything may be absent: keys are then generated, providers not configured. */
export type Secrets = { [K in SecretKey]?: z.output<(typeof secretShapes)[K]> }

type Entry = { key: SecretKey; data: unknown }

const entries = Object.entries(secretShapes).map(([key, data]) => z.strictObject({ key: z.literal(key), data }))

export const SecretsFile = z.strictObject({
  secrets: z
    .array(z.discriminatedUnion('key', entries as [(typeof entries)[number], ...typeof entries]))
    .superRefine(distinct<{ key: string }>((entry) => entry.key, 'key')),
})

export type ParsedSecrets = { ok: true; secrets: Secrets } | { ok: false; faults: Fault[] }

/** Leaves out the name of an unknown key: a slip of the pen may have made a secret of it. The line remains. */
function nameless(fault: Fault): Fault {
  return fault.kind === 'additionalProperties' ? { ...fault, location: fault.location.replace(/\/[^/]*$/, '') } : fault
}

/** Reads `authgear.secrets.yaml`. Every fault at once, without any value of the file. */
export function parseSecrets(source: string, options: { file?: string } = {}): ParsedSecrets {
  const read = readYaml(source, { file: options.file, secret: true })
  if (!read.ok) return { ok: false, faults: read.faults.map((fault) => ({ ...fault, location: '' })) }
  const checked = check(SecretsFile, read.value ?? { secrets: [] }, { secret: true })
  if (!checked.ok) return { ok: false, faults: checked.faults.map(read.place).map(nameless) }
  const pairs = (checked.data.secrets as Entry[]).map(({ key, data }) => [key, data])
  return { ok: true, secrets: Object.fromEntries(pairs) as Secrets }
}
