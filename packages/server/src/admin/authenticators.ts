// Authenticators: how a user proves who they are (management §2.5). Secrets are not even read.
import { builder, Entity, NodeInterface, type NodeRow } from './builder.ts'
import { chosen } from './identities.ts'
import type { AuthenticatorRow } from './store.ts'

export type AuthenticatorNode = NodeRow & AuthenticatorRow

export const asAuthenticator = (row: AuthenticatorRow): AuthenticatorNode => ({
  node: 'Authenticator',
  raw: row.id,
  ...row,
})

const types = ['PASSWORD', 'TOTP', 'OOB_OTP_EMAIL', 'OOB_OTP_SMS', 'PASSKEY'] as const
const kinds = ['PRIMARY', 'SECONDARY'] as const
export const AuthenticatorType = builder.enumType('AuthenticatorType', { values: types })
export const AuthenticatorKind = builder.enumType('AuthenticatorKind', { values: kinds })

const prefix = 'https://authgear.com/claims/'

function authenticatorClaims({ type, target, data }: AuthenticatorRow): Record<string, unknown> {
  if (type === 'oob_otp_email') return { [`${prefix}oob_otp/email`]: target }
  if (type === 'oob_otp_sms') return { [`${prefix}oob_otp/phone`]: target }
  if (type === 'totp' && data.display_name !== undefined) return { [`${prefix}totp/display_name`]: data.display_name }
  if (type === 'passkey' && data.credential_id !== undefined)
    return { [`${prefix}passkey/credential_id`]: data.credential_id }
  return {}
}

export const Authenticator = builder.objectRef<AuthenticatorNode>('Authenticator')

export function addAuthenticators(): void {
  Authenticator.implement({
    interfaces: [NodeInterface, Entity],
    fields: (t) => ({
      type: t.field({
        type: AuthenticatorType,
        nullable: false,
        resolve: (row) => row.type.toUpperCase() as (typeof types)[number],
      }),
      kind: t.field({
        type: AuthenticatorKind,
        nullable: false,
        resolve: (row) => row.kind.toUpperCase() as (typeof kinds)[number],
      }),
      isDefault: t.boolean({ nullable: false, resolve: (row) => row.is_default }),
      expireAfter: t.field({
        type: 'DateTime',
        resolve: (row) => (typeof row.data.expire_after === 'string' ? new Date(row.data.expire_after) : null),
      }),
      claims: t.field({
        type: 'AuthenticatorClaims',
        nullable: false,
        args: { names: t.arg.stringList() },
        resolve: (row, { names }) => chosen(authenticatorClaims(row), names),
      }),
    }),
  })
}
