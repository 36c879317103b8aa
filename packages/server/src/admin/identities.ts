// Identities: how a user is found (management §2.5).
import { builder, Entity, NodeInterface, type NodeRow } from './builder.ts'
import type { IdentityRow } from './store.ts'

export type IdentityNode = NodeRow & IdentityRow

export const asIdentity = (row: IdentityRow): IdentityNode => ({ node: 'Identity', raw: row.id, ...row })

const types = ['LOGIN_ID', 'OAUTH', 'ANONYMOUS', 'BIOMETRIC', 'PASSKEY', 'SIWE', 'LDAP'] as const
export const IdentityType = builder.enumType('IdentityType', { values: types })

/** The names of `data` that are told, by type (authentication §1.1). Keys and secrets beside them are not. */
const told: Record<string, readonly string[]> = {
  oauth: ['provider_type', 'provider_alias', 'subject_id', 'profile'],
  anonymous: ['key_id'],
  biometric: ['key_id', 'device_info', 'formatted_device_info'],
  passkey: ['credential_id', 'display_name'],
  siwe: ['address', 'chain_id'],
  ldap: [
    'server_name',
    'last_login_username',
    'user_id_attribute_name',
    'user_id_attribute_value',
    'raw_user_id_attribute_value',
    'attributes',
    'raw_attributes',
  ],
}

/** All claims of an identity: those it contributes to the user, and under a prefix those of its type. */
export function identityClaims(identity: IdentityRow): Record<string, unknown> {
  const prefix = `https://authgear.com/claims/${identity.type}/`
  const claims: Record<string, unknown> = { ...identity.claims }
  if (identity.type === 'login_id') {
    claims[`${prefix}type`] = identity.login_id_type
    claims[`${prefix}key`] = identity.login_id_key
    claims[`${prefix}value`] = identity.login_id
    claims[`${prefix}original_value`] = identity.original_login_id
  }
  for (const name of told[identity.type] ?? [])
    if (identity.data[name] !== undefined) claims[`${prefix}${name}`] = identity.data[name]
  return claims
}

/** Only the claims that are asked for; all when nothing in particular is. */
export function chosen(
  claims: Record<string, unknown>,
  names: readonly string[] | null | undefined,
): Record<string, unknown> {
  if (names == null) return claims
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(claims, name) ? [[name, claims[name]]] : [])))
}

export const Identity = builder.objectRef<IdentityNode>('Identity')

export function addIdentities(): void {
  Identity.implement({
    interfaces: [NodeInterface, Entity],
    fields: (t) => ({
      type: t.field({
        type: IdentityType,
        nullable: false,
        resolve: (row) => row.type.toUpperCase() as (typeof types)[number],
      }),
      claims: t.field({
        type: 'IdentityClaims',
        nullable: false,
        args: { names: t.arg.stringList() },
        resolve: (row, { names }) => chosen(identityClaims(row), names),
      }),
    }),
  })
}
