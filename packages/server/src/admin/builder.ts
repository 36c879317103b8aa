// What every part of the Admin API's schema builds on: the request's context, scalars, nodes and connections.
import SchemaBuilder, { type ObjectRef } from '@pothos/core'
import { GraphQLError } from 'graphql'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'
import type { Scope, Tx } from '../storage/database.ts'
import type { World } from '../world.ts'
import { type NodeType, nodeId } from './ids.ts'
import type { Loaders } from './loaders.ts'
import type { Edge, Page } from './paging.ts'

export type AdminContext = {
  node: Node
  world: World
  project: Project
  /** The caller's own note of who acts and why, from the token. */
  auditContext: Record<string, unknown> | undefined
  /** The request's one transaction; read-only for a query. */
  scope: Scope<Tx>
  /** Reads, gathered; what was read before a change is forgotten with it. */
  loaders: Loaders
}

/** A free JSON object, as an attribute set or a set of claims. */
type JsonScalar = { Input: Record<string, unknown>; Output: Record<string, unknown> }

type Shapes = {
  Context: AdminContext
  Scalars: {
    DateTime: { Input: Date; Output: Date }
    UserStandardAttributes: JsonScalar
    UserCustomAttributes: JsonScalar
    IdentityClaims: JsonScalar
    AuthenticatorClaims: JsonScalar
    ID: { Input: string; Output: string }
  }
}
export type Types = PothosSchemaTypes.ExtendDefaultTypes<Shapes>

export const builder: PothosSchemaTypes.SchemaBuilder<Types> = new SchemaBuilder<Shapes>({})

/** RFC 3339, with its time zone; a date without one would mean another moment on another server. */
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function readDate(value: unknown): Date {
  const date = typeof value === 'string' && rfc3339.test(value) ? new Date(value.replace(' ', 'T')) : undefined
  if (date === undefined || Number.isNaN(date.getTime()))
    throw new GraphQLError('a DateTime is written like 2006-01-02T15:04:05Z')
  return date
}

const jsonObjects = ['UserStandardAttributes', 'UserCustomAttributes', 'IdentityClaims', 'AuthenticatorClaims'] as const

export function addScalars(): void {
  builder.scalarType('DateTime', {
    description: 'A moment by RFC 3339.',
    serialize: (value) => value.toISOString(),
    parseValue: readDate,
  })
  for (const name of jsonObjects)
    builder.scalarType(name, {
      description: 'A JSON object.',
      serialize: (value) => value,
      parseValue(value) {
        if (typeof value === 'object' && value !== null && !Array.isArray(value))
          return value as Record<string, unknown>
        throw new GraphQLError(`${name} is a JSON object`)
      },
    })
}

// ---- nodes --------------------------------------------------------------------------------------------------------

/** What the API shows of a row: its type beside its columns, so that `node` can tell them apart. */
export type NodeRow = { node: NodeType; raw: string }
export type EntityRow = NodeRow & { created_at: Date; updated_at: Date }

export const NodeInterface = builder.interfaceRef<NodeRow>('Node')
export const Entity = builder.interfaceRef<EntityRow>('Entity')

export function addNodes(): void {
  NodeInterface.implement({
    resolveType: (row) => row.node,
    fields: (t) => ({ id: t.id({ nullable: false, resolve: (row) => nodeId(row.node, row.raw) }) }),
  })
  Entity.implement({
    resolveType: (row) => row.node,
    fields: (t) => ({
      id: t.id({ nullable: false, resolve: (row) => nodeId(row.node, row.raw) }),
      createdAt: t.field({ type: 'DateTime', nullable: false, resolve: (row) => row.created_at }),
      updatedAt: t.field({ type: 'DateTime', nullable: false, resolve: (row) => row.updated_at }),
    }),
  })
}

// ---- connections --------------------------------------------------------------------------------------------------

const PageInfo = builder.objectRef<Page<unknown>>('PageInfo')

function settle<T extends number | boolean>(value: T | (() => T | Promise<T>)): T | Promise<T> {
  return typeof value === 'function' ? value() : value
}

export function addPageInfo(): void {
  PageInfo.implement({
    fields: (t) => ({
      hasNextPage: t.boolean({ nullable: false, resolve: (page) => settle(page.hasNextPage) }),
      hasPreviousPage: t.boolean({ nullable: false, resolve: (page) => settle(page.hasPreviousPage) }),
      startCursor: t.string({ resolve: (page) => page.edges[0]?.cursor ?? null }),
      endCursor: t.string({ resolve: (page) => page.edges.at(-1)?.cursor ?? null }),
    }),
  })
}

/** The arguments of every connection. */
export const pageArgs = builder.args((t) => ({ after: t.string(), before: t.string(), first: t.int(), last: t.int() }))

/** The connection type of a node type: `<Name>Connection` and `<Name>Edge`. */
export function connectionOf<Row extends NodeRow>(
  name: NodeType,
  node: ObjectRef<Types, Row>,
): ObjectRef<Types, Page<Row>> {
  const edge = builder.objectRef<Edge<Row>>(`${name}Edge`)
  const connection = builder.objectRef<Page<Row>>(`${name}Connection`)
  edge.implement({
    fields: (t) => ({
      cursor: t.string({ nullable: false, resolve: (row) => row.cursor }),
      node: t.field({ type: node, resolve: (row) => row.node as never }),
    }),
  })
  connection.implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], nullable: { list: true, items: true }, resolve: (page) => page.edges }),
      pageInfo: t.field({ type: PageInfo, nullable: false, resolve: (page) => page }),
      totalCount: t.int({ resolve: (page) => settle(page.totalCount) }),
    }),
  })
  return connection
}
