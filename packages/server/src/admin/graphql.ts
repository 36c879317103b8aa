// Runs one GraphQL request: limits, one transaction, errors in the dialect of the contract. Loaded with the first request
// of the Admin API, so that a node starts without it.
import { type ExecutionResult, GraphQLError, getOperationAST, parse, visit } from 'graphql'
import { createYoga, type GraphQLParams, type Plugin, renderGraphiQL } from 'graphql-yoga'
import { isStorable, notStorable } from '../http/body.ts'
import type { Node } from '../node.ts'
import { scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import { databaseOutage, type Scope, type Tx } from '../storage/database.ts'
import type { AdminContext } from './builder.ts'
import { assertParsable, assertWithinLimits, limits } from './limits.ts'
import { loadersOver } from './loaders.ts'
import { makeSchema } from './schema.ts'

/** What the door knows of the caller. */
type Asked = Pick<AdminContext, 'node' | 'world' | 'project' | 'auditContext'>

export type AdminAnswer = { data?: unknown; errors?: unknown[] }

const yoga = createYoga<Record<string, unknown>, AdminContext>({
  schema: makeSchema(),
  logging: false,
  maskedErrors: false,
  graphiql: false,
  landingPage: false,
  plugins: [parsing(), executing()],
})

/**
 * Answers a request whose caller is known to be the project's administrator.
 * @param params as sent: checked here.
 * @returns `data` and `errors` as they go out. A failed mutation request has changed nothing, and has no data.
 * @throws Refusal when the request as a whole is refused or cannot be answered now: `BadRequest`, `ServiceUnavailable`.
 */
export async function answer(
  params: GraphQLParams,
  request: Request,
  asked: Asked & { trackingId: string },
): Promise<AdminAnswer> {
  const { trackingId, ...context } = asked
  const result = await run(params, request, context)
  for (const error of result.errors ?? []) {
    const cause = causeOf(error)
    // Without a path nothing of the request ran, or all of it was undone: that is no answer of some field.
    if (error.path === undefined && !(cause instanceof GraphQLError)) throw databaseOutage(cause) ?? cause
  }
  const errors = result.errors?.map((error) => shown(error, context.node, trackingId))
  return { ...(result.data !== undefined ? { data: result.data } : {}), ...(errors !== undefined ? { errors } : {}) }
}

async function run(params: GraphQLParams, request: Request, context: Asked): Promise<ExecutionResult> {
  try {
    return (await yoga.getResultForParams({ params, request }, { ...context })) as ExecutionResult
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [error] }
    throw error
  }
}

/** The page on which a developer tries queries; it asks for the token like any other client. */
export function developerPage(): string {
  return renderGraphiQL({ title: 'Headgear Admin API' })
}

function parsing(): Plugin {
  return {
    onParse: ({ setParseFn }) =>
      setParseFn((source: string) => {
        assertParsable(source)
        const document = parse(source, { maxTokens: limits.tokens })
        visit(document, {
          StringValue(node) {
            if (!isStorable(node.value)) throw new GraphQLError(notStorable().message, { nodes: node })
          },
        })
        return document
      }),
  }
}

/** The way out of a transaction that is not kept. */
class Undone extends Error {
  readonly result: ExecutionResult
  constructor(result: ExecutionResult) {
    super('rolled back')
    this.result = result
  }
}

function executing(): Plugin<AdminContext> {
  return {
    onExecute({ args, executeFn, setExecuteFn }) {
      const operation = getOperationAST(args.document, args.operationName)
      if (operation == null)
        throw new GraphQLError(
          args.operationName ? `the document has no operation ${args.operationName}` : 'name the operation to run',
        )
      assertWithinLimits(args.schema, args.document, operation, args.variableValues ?? {})
      const context = args.contextValue
      const changes = operation.operation === 'mutation'

      setExecuteFn(async () => {
        const result = await inOneTransaction(context, changes, async (tx) => {
          context.scope = tx
          context.loaders = loadersOver(tx)
          const done: ExecutionResult = await executeFn(args)
          if (done.errors !== undefined && done.errors.length > 0) throw new Undone(done)
          return done
        }).catch((error): ExecutionResult => {
          if (!(error instanceof Undone)) throw error
          // Nothing stands of what the mutations before the failure said; what a query read remains true.
          return changes ? { ...error.result, data: null } : error.result
        })
        // Whoever was told that the change is made finds it made at this node; the others follow within a second.
        if (changes) await context.node.log.poll().catch(() => {})
        return result
      })
    },
  }
}

/** A query reads one snapshot, so that a page and its counts agree. */
function inOneTransaction<T>(
  { world, project }: Asked,
  changes: boolean,
  work: (tx: Scope<Tx>) => Promise<T>,
): Promise<T> {
  const { projectId, query } = scopeOf(world.db, project)
  const transaction = changes
    ? query.transaction()
    : query.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return transaction.execute((tx) => work({ projectId, query: tx }))
}

/** What a resolver threw; an error of GraphQL's own is its own cause. */
function causeOf(error: GraphQLError): unknown {
  let cause: unknown = error
  while (cause instanceof GraphQLError && cause.originalError != null) cause = cause.originalError
  return cause
}

/** An error as the contract has it (management §2.2): refusals by name and reason, everything else without a word why. */
function shown(error: GraphQLError, node: Node, trackingId: string): object {
  const cause = causeOf(error)
  const place = {
    ...(error.locations ? { locations: error.locations } : {}),
    ...(error.path ? { path: error.path } : {}),
  }
  if (cause instanceof GraphQLError) return { message: error.message, ...place }
  const refusal = databaseOutage(cause) ?? (cause instanceof Refusal ? cause : undefined)
  const { log } = node.world
  if (refusal === undefined) {
    // What follows a failed statement in its transaction has nothing to add.
    if (!isAftermath(cause))
      log.error({ err: cause, tracking_id: trackingId, path: error.path?.join('.') }, 'unexpected error')
    const extensions = { errorName: 'InternalError', reason: 'UnexpectedError', info: { tracking_id: trackingId } }
    return { message: 'unexpected error', ...place, extensions }
  }
  log.info(
    { reason: refusal.reason, detail: refusal.detail, tracking_id: trackingId, path: error.path?.join('.') },
    'refused',
  )
  const extensions = {
    errorName: refusal.name,
    reason: refusal.reason,
    ...(refusal.info ? { info: refusal.info } : {}),
  }
  return { message: refusal.message, ...place, extensions }
}

/** PostgreSQL's `in_failed_sql_transaction`. */
function isAftermath(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === '25P02'
}
