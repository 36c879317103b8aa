// Authorizations: which client a user let do what (management §2.5).
import { builder, Entity, NodeInterface, type NodeRow } from './builder.ts'
import type { AuthorizationRow } from './store.ts'

export type AuthorizationNode = NodeRow & AuthorizationRow

export const asAuthorization = (row: AuthorizationRow): AuthorizationNode => ({
  node: 'Authorization',
  raw: row.id,
  ...row,
})

export const Authorization = builder.objectRef<AuthorizationNode>('Authorization')

export function addAuthorizations(): void {
  Authorization.implement({
    interfaces: [NodeInterface, Entity],
    fields: (t) => ({
      clientID: t.string({ nullable: false, resolve: (row) => row.client_id }),
      scopes: t.stringList({ nullable: false, resolve: (row) => row.scopes }),
    }),
  })
}
