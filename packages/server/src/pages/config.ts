/** The hosted pages: `ui`. Reference: authentication §2.6. */
import { z } from 'zod'
import { phoneCountries } from '../config/countries.ts'
import { distinct, raise, uniqueList, uri } from '../config/values.ts'
import { FlowReference } from '../flows/config.ts'

const off = z.boolean().default(false)
const country = z.enum(phoneCountries as [string, ...string[]])

const PhoneInput = z
  .strictObject({
    allowlist: uniqueList(country)
      .min(1)
      .optional()
      .meta({ title: 'Countries', description: 'Whose numbers are accepted; all when left out.' }),
    pinned_list: uniqueList(country).default([]).meta({ title: 'Pinned countries', description: 'Listed first.' }),
    preselect_by_ip_disabled: off.meta({ title: 'Do not guess the country from the address' }),
    validation: z
      .strictObject({
        implementation: z.literal('libphonenumber').default('libphonenumber'),
        libphonenumber: z
          .strictObject({
            validation_method: z
              .enum(['isPossibleNumber', 'isValidNumber'])
              .default('isValidNumber')
              .meta({ title: 'Strictness', description: 'isPossibleNumber looks at the length alone.' }),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .superRefine((input, ctx) => {
    input.pinned_list.forEach((code, index) => {
      if (input.allowlist?.includes(code) === false)
        raise(ctx, { message: `${code} is not in allowlist`, path: ['pinned_list', index] })
    })
  })
  .transform((input) => ({ ...input, allowlist: input.allowlist ?? [...phoneCountries] }))
  .prefault({})
  .meta({ title: 'Telephone numbers' })

export const ForgotPasswordPhone = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('sms'), otp_form: z.enum(['code', 'link']) }),
  z.strictObject({ channel: z.literal('whatsapp'), otp_form: z.literal('code') }),
])
export const ForgotPasswordEmail = z.strictObject({ channel: z.literal('email'), otp_form: z.enum(['code', 'link']) })

const Group = z
  .strictObject({
    name: z.string().min(1),
    flows: z.array(FlowReference).superRefine(distinct<FlowReference>((flow) => `${flow.type} ${flow.name}`)),
  })
  .superRefine((group, ctx) => {
    if (!group.flows.some((flow) => flow.type === 'login'))
      raise(ctx, { message: 'must contain a login flow', path: ['flows'] })
  })

export const UiConfig = z
  .strictObject({
    signup_login_flow_enabled: off.meta({
      title: 'One page for sign-up and login',
      description: 'The login page signs up who is not known yet.',
    }),
    passkey_upselling_opt_out_enabled: off.meta({ title: 'Users may stop being asked for a passkey' }),
    phone_input: PhoneInput,
    dark_theme_disabled: off.meta({ title: 'No dark theme' }),
    light_theme_disabled: off.meta({ title: 'No light theme' }),
    watermark_disabled: off.meta({ title: 'No watermark' }),
    direct_access_disabled: off.meta({
      title: 'No direct access',
      description: 'Pages open only from an application.',
    }),
    authentication_disabled: off.meta({ title: 'No built-in sign-in pages' }),
    settings_disabled: off.meta({ title: 'No settings page' }),
    default_client_uri: uri.optional().meta({ title: 'Where users come from', description: 'When nothing else says.' }),
    default_redirect_uri: uri
      .optional()
      .meta({ title: 'Where users go after login', description: 'When nothing else says.' }),
    default_post_logout_redirect_uri: uri
      .optional()
      .meta({ title: 'Where users go after logout', description: 'When nothing else says.' }),
    brand_page_uri: uri.optional().meta({ title: 'Where pages opened directly lead' }),
    implementation: z
      .enum(['interaction', 'authflow', 'authflowv2'])
      .optional()
      .meta({ deprecated: true, description: 'Accepted; there is one.' }),
    settings_implementation: z
      .enum(['v1', 'v2'])
      .optional()
      .meta({ deprecated: true, description: 'Accepted; there is one.' }),
    forgot_password: z
      .strictObject({
        phone: z
          .array(ForgotPasswordPhone)
          .min(1)
          .default([{ channel: 'sms', otp_form: 'code' }]),
        email: z
          .array(ForgotPasswordEmail)
          .min(1)
          .default([{ channel: 'email', otp_form: 'link' }]),
      })
      .prefault({})
      .meta({ title: 'Forgotten passwords', description: 'How a code or link reaches the user.' }),
    authentication_flow: z
      .strictObject({
        groups: z
          .array(Group)
          .superRefine(distinct<{ name: string }>((group) => group.name, 'name'))
          .default([]),
      })
      .prefault({})
      .meta({ title: 'Flow groups' }),
  })
  .transform(({ implementation: _, settings_implementation: __, ...ui }) => ui)
  .prefault({})
  .meta({ title: 'Pages' })
export type UiConfig = z.output<typeof UiConfig>
