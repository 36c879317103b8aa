// The Admin API's schema: its parts, in order.
import type { GraphQLSchema } from 'graphql'
import { addAuthenticators, asAuthenticator } from './authenticators.ts'
import { addAuthorizations, asAuthorization } from './authorizations.ts'
import {
  type AdminContext,
  addNodes,
  addPageInfo,
  addScalars,
  builder,
  NodeInterface,
  type NodeRow,
} from './builder.ts'
import { addFactorChanges } from './factor_changes.ts'
import { addIdentities, asIdentity } from './identities.ts'
import { type NodeType, readNodeId } from './ids.ts'
import { addLockouts } from './lockouts.ts'
import { addLogouts, asLogout } from './logouts.ts'
import { addSessionChanges } from './session_changes.ts'
import { addSessions, asSession, isLive } from './sessions.ts'
import { addUserChanges } from './user_changes.ts'
import { addUserQueries, addUsers, asUser } from './users.ts'

const parts = [
  addScalars,
  addNodes,
  addPageInfo,
  addIdentities,
  addAuthenticators,
  addSessions,
  addAuthorizations,
  addLockouts,
  addUsers,
  addRoots,
  addUserQueries,
  addUserChanges,
  addFactorChanges,
  addSessionChanges,
  addLogouts,
]

/** Builds the schema; once a process. */
export function makeSchema(): GraphQLSchema {
  for (const add of parts) add()
  return builder.toSchema()
}

/** By type, the node of a raw id: undefined when there is none, or none any more. */
const finders: Record<NodeType, (raw: string, context: AdminContext) => Promise<NodeRow | undefined>> = {
  User: async (raw, { loaders }) => present(await loaders.user.get(raw), asUser),
  Identity: async (raw, { loaders }) => present(await loaders.identity.get(raw), asIdentity),
  Authenticator: async (raw, { loaders }) => present(await loaders.authenticator.get(raw), asAuthenticator),
  Authorization: async (raw, { loaders }) => present(await loaders.authorization.get(raw), asAuthorization),
  BackchannelLogoutDelivery: async (raw, { loaders }) => present(await loaders.logout.get(raw), asLogout),
  async Session(raw, { loaders, project, world }) {
    const row = await loaders.session.get(raw)
    return row && isLive(row, project, world.clock.now()) ? asSession(row) : undefined
  },
}

function present<Row, Shown>(row: Row | undefined, show: (row: Row) => Shown): Shown | undefined {
  return row === undefined ? undefined : show(row)
}

function findNode(id: string, context: AdminContext): Promise<NodeRow | undefined> | undefined {
  const named = readNodeId(id)
  return named && finders[named.type](named.raw, context)
}

function addRoots(): void {
  builder.queryType({
    fields: (t) => ({
      node: t.field({
        type: NodeInterface,
        description: 'Anything by its ID; null when there is no such thing.',
        args: { id: t.arg.id({ required: true }) },
        resolve: (_, { id }, context) => findNode(id, context),
      }),
      nodes: t.field({
        type: [NodeInterface],
        nullable: { list: false, items: true },
        args: { ids: t.arg.idList({ required: true }) },
        resolve: (_, { ids }, context) => Promise.all(ids.map((id) => findNode(id, context))),
      }),
    }),
  })
  builder.mutationType({})
}
