/** How messages leave, and what a test project does instead. Reference: authentication §2.7, §4.4. */
import { z } from 'zod'
import { pattern, raise, timeout } from '../config/values.ts'
import { rateLimit } from '../limits/config.ts'

export const smsProviders = ['nexmo', 'twilio', 'custom'] as const

const SmsGateway = z
  .strictObject({
    use_config_from: z
      .enum(['environment_variable', 'authgear.secrets.yaml'])
      .meta({ title: 'Credentials', description: 'The deployment’s, or this project’s.' }),
    provider: z.enum(smsProviders).optional().meta({ title: 'Provider' }),
  })
  .superRefine((gateway, ctx) => {
    if (gateway.use_config_from !== 'authgear.secrets.yaml' || gateway.provider !== undefined) return
    raise(ctx, {
      kind: 'required',
      message: 'credentials of the project need a provider',
      details: { missing: ['provider'] },
    })
  })
export type SmsGatewayConfig = z.output<typeof SmsGateway>

/** After parsing, the deprecated `sms_provider` has become a gateway; without either, the deployment decides. */
export const MessagingConfig = z
  .strictObject({
    sms_provider: z.enum(smsProviders).optional().meta({ deprecated: true }),
    sms_gateway: SmsGateway.optional().meta({ title: 'SMS' }),
    whatsapp: z
      .strictObject({
        api_type: z.enum(['on-premises', 'cloud-api']).optional(),
        message_sent_callback_timeout: timeout
          .prefault('5s')
          .meta({ title: 'Wait for delivery', description: 'Up to this long.' }),
      })
      .prefault({})
      .meta({ title: 'WhatsApp' }),
    rate_limits: z
      .strictObject({
        sms: rateLimit(),
        sms_per_ip: rateLimit([60, '1m']),
        sms_per_target: rateLimit([10, '1h']),
        email: rateLimit(),
        email_per_ip: rateLimit([200, '1m']),
        email_per_target: rateLimit([50, '24h']),
      })
      .prefault({})
      .meta({ title: 'Rate limits' }),
  })
  .transform(({ sms_provider, ...messaging }) => {
    const old: SmsGatewayConfig | undefined = sms_provider && {
      use_config_from: 'authgear.secrets.yaml',
      provider: sms_provider,
    }
    return { ...messaging, sms_gateway: messaging.sms_gateway ?? old }
  })
  .prefault({})
  .meta({ title: 'Messaging' })
export type MessagingConfig = z.output<typeof MessagingConfig>

const suppression = z
  .strictObject({
    enabled: z.boolean().default(false),
    rules: z.array(z.strictObject({ regex: pattern, suppressed: z.boolean().default(true) })).default([]),
  })
  .prefault({})

/** Reference §2.7. The first rule whose pattern matches the target wins. */
export const TestModeConfig = z
  .strictObject({
    oob_otp: z
      .strictObject({
        enabled: z.boolean().default(false),
        rules: z
          .array(
            z.strictObject({
              regex: pattern,
              fixed_code: z
                .string()
                .regex(/^[0-9]{6}$/)
                .optional(),
            }),
          )
          .default([]),
      })
      .prefault({})
      .meta({
        title: 'Fixed codes',
        description: 'For matching addresses and numbers. Anyone who knows the code signs in as them.',
      }),
    sms: suppression.meta({ title: 'Withhold SMS' }),
    email: suppression.meta({ title: 'Withhold e-mail' }),
    whatsapp: suppression.meta({ title: 'Withhold WhatsApp messages' }),
  })
  .prefault({})
  .meta({ title: 'Test mode' })
export type TestModeConfig = z.output<typeof TestModeConfig>
