/** The SAML 2.0 identity provider. Reference: management §6. */
import { z } from 'zod'
import { distinct, duration, raise, uri, webUrl } from '../config/values.ts'

const NAMEID = 'urn:oasis:names:tc:SAML:1.1:nameid-format:'
const ATTRNAME = 'urn:oasis:names:tc:SAML:2.0:attrname-format:'
const BINDING = 'urn:oasis:names:tc:SAML:2.0:bindings:'

const Attributes = z
  .strictObject({
    definitions: z
      .array(
        z.strictObject({
          name: z.string().min(1),
          name_format: z
            .enum([`${ATTRNAME}unspecified`, `${ATTRNAME}uri`, `${ATTRNAME}basic`])
            .default(`${ATTRNAME}unspecified`),
          friendly_name: z.string().optional(),
        }),
      )
      .superRefine(distinct<{ name: string }>((definition) => definition.name, 'name'))
      .default([]),
    mappings: z
      .array(
        z.strictObject({
          from: z.union([
            z.strictObject({ user_profile: z.strictObject({ pointer: z.string().regex(/^(\/[^/]+)+$/) }) }),
            z.strictObject({ text_template: z.strictObject({ template: z.string() }) }),
          ]),
          to: z.strictObject({ saml_attribute: z.string().min(1) }),
        }),
      )
      .default([]),
  })
  .superRefine((attributes, ctx) => {
    attributes.mappings.forEach((mapping, index) => {
      if (attributes.definitions.some((definition) => definition.name === mapping.to.saml_attribute)) return
      raise(ctx, { message: 'names no attribute of definitions', path: ['mappings', index, 'to', 'saml_attribute'] })
    })
  })
  .prefault({})

const ServiceProvider = z
  .strictObject({
    client_id: z.string().min(1).meta({ title: 'Client', description: 'One of oauth.clients.' }),
    acs_urls: z
      .array(uri)
      .min(1)
      .meta({ title: 'Assertion consumer services', description: 'The first is used when the sign-in starts here.' }),
    destination: uri.optional(),
    recipient: uri.optional(),
    audience: z.string().min(1).optional(),
    nameid_format: z.enum([`${NAMEID}unspecified`, `${NAMEID}emailAddress`]).default(`${NAMEID}unspecified`),
    nameid_attribute_pointer: z.enum(['/sub', '/email', '/phone_number', '/preferred_username']).default('/sub'),
    assertion_valid_duration: duration.prefault('20m'),
    slo_enabled: z.boolean().default(false),
    slo_callback_url: webUrl.optional(),
    slo_binding: z.enum([`${BINDING}HTTP-Redirect`, `${BINDING}HTTP-POST`]).default(`${BINDING}HTTP-Redirect`),
    signature_verification_enabled: z.boolean().default(false),
    attributes: Attributes,
  })
  .superRefine((provider, ctx) => {
    if (provider.slo_enabled && provider.slo_callback_url === undefined) {
      raise(ctx, {
        kind: 'required',
        message: 'slo_enabled needs slo_callback_url',
        details: { missing: ['slo_callback_url'] },
      })
    }
  })
export type ServiceProviderConfig = z.output<typeof ServiceProvider>

export const SamlConfig = z
  .strictObject({
    signing: z
      .strictObject({
        key_id: z
          .string()
          .min(1)
          .optional()
          .meta({ title: 'Active key', description: 'The kid of a certificate in the secret saml.idp.signing.' }),
        signature_method: z
          .literal('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')
          .default('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'),
      })
      .prefault({}),
    service_providers: z
      .array(ServiceProvider)
      .superRefine(distinct<ServiceProviderConfig>((provider) => provider.client_id, 'client_id'))
      .default([]),
  })
  .superRefine((saml, ctx) => {
    if (saml.service_providers.length > 0 && saml.signing.key_id === undefined) {
      raise(ctx, {
        kind: 'required',
        message: 'service_providers need signing.key_id',
        path: ['signing'],
        details: { missing: ['key_id'] },
      })
    }
  })
  .prefault({})
  .meta({ title: 'SAML' })
export type SamlConfig = z.output<typeof SamlConfig>
