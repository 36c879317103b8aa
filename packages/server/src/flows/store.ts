// Flows and their states. A state token names an immutable list of facts; its row's id is the token's digest.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant, type Random, type Seconds } from '../world.ts'
import type { FlowType } from './config.ts'
import type { Flow, FlowContext } from './definition.ts'
import type { Fact } from './facts.ts'

/** A flow lives this long after its last accepted answer. */
export const flowLifetime: Seconds = 20 * 60

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** `authflowstate_` and 32 characters of Crockford's base32: 160 bits. */
export function newStateToken(random: Random): string {
  return `authflowstate_${[...random(32)].map((byte) => alphabet[byte & 31]).join('')}`
}

export function isStateToken(text: string): boolean {
  return /^authflowstate_[0-9A-HJKMNP-TV-Z]{32}$/.test(text)
}

export const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** What a finished flow came to, so that a repeat can be answered alike. */
export type FlowResult = {
  userId: string | undefined
  authTime: string | undefined
  amr: string[]
  /** base64url of the browser session's id. */
  idpSessionId: string | undefined
  grantId: string | undefined
  /** The browser session was made by this flow. */
  newSession: boolean
  /** An authorization request waited, and got a code. */
  handedOver: boolean
  /** Days for which this flow made its device trusted. */
  trustedDays?: number
  /** Key of the ring that the session's and the code's secrets were drawn with. */
  keyId: number
  type: FlowType
}

export type StoredFlow = {
  id: Buffer
  flow: Flow
  configVersion: number
  browser: Buffer | null
  oauthRequestId: Buffer | null
  expiresAt: Instant
  result: FlowResult | undefined
}

export type StoredState = { stored: StoredFlow; facts: Fact[] }

export async function insertFlow(
  scope: Scope,
  row: { id: Buffer; flow: Flow; configVersion: number; browser: Buffer | null; oauthRequestId: Buffer | null },
  now: Instant,
): Promise<StoredFlow> {
  const { context, ...definition } = row.flow
  const expiresAt = after(now, flowLifetime)
  await scope.query
    .insertInto('flow')
    .values({
      project_id: scope.projectId,
      id: row.id,
      type: row.flow.type,
      name: row.flow.name,
      config_version: row.configVersion,
      definition: JSON.stringify(definition),
      browser: row.browser,
      oauth_request_id: row.oauthRequestId,
      context: JSON.stringify(context),
      result: null,
      finished_at: null,
      created_at: now,
      expires_at: expiresAt,
    })
    .execute()
  return { ...row, expiresAt, result: undefined }
}

/** The state and its flow; undefined when either is unknown or the flow has expired. */
export async function findState(scope: Scope, token: string, now: Instant): Promise<StoredState | undefined> {
  const row = await scope.query
    .selectFrom('flow_state as s')
    .innerJoin('flow as f', (join) => join.onRef('f.project_id', '=', 's.project_id').onRef('f.id', '=', 's.flow_id'))
    .select([
      's.facts',
      'f.id',
      'f.config_version',
      'f.definition',
      'f.context',
      'f.browser',
      'f.oauth_request_id',
      'f.expires_at',
      'f.result',
    ])
    .where('s.project_id', '=', scope.projectId)
    .where('s.id', '=', digest(token))
    .where('f.expires_at', '>', now)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return {
    facts: row.facts as Fact[],
    stored: {
      id: row.id,
      flow: { ...(row.definition as unknown as Omit<Flow, 'context'>), context: row.context as unknown as FlowContext },
      configVersion: row.config_version,
      browser: row.browser,
      oauthRequestId: row.oauth_request_id,
      expiresAt: row.expires_at,
      result: (row.result as FlowResult | null) ?? undefined,
    },
  }
}

/** Adds a state and prolongs the flow, in one statement. @returns false when the flow has finished meanwhile. */
export async function insertState(
  scope: Scope,
  flowId: Buffer,
  token: string,
  facts: readonly Fact[],
  now: Instant,
): Promise<boolean> {
  const { rows } = await sql`
    with f as (update flow set expires_at = greatest(expires_at, ${after(now, flowLifetime)}::timestamptz)
      where project_id = ${scope.projectId} and id = ${flowId} and finished_at is null returning id)
    insert into flow_state (project_id, id, flow_id, facts, created_at)
    select ${scope.projectId}, ${digest(token)}, f.id, ${JSON.stringify(facts)}::jsonb, ${now}::timestamptz from f returning 1`.execute(
    scope.query,
  )
  return rows.length === 1
}

/** Marks a flow as finished: of two that finish it at once, one does. */
export async function finishFlow(tx: Scope<Tx>, flowId: Buffer, now: Instant): Promise<boolean> {
  const { numUpdatedRows } = await tx.query
    .updateTable('flow')
    .set({ finished_at: now })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', flowId)
    .where('finished_at', 'is', null)
    .executeTakeFirst()
  return Number(numUpdatedRows) === 1
}

/** Keeps what a repeat is answered with. The facts have served: no hash of a password stays behind in them. */
export async function saveResult(tx: Scope<Tx>, flowId: Buffer, result: FlowResult): Promise<void> {
  await tx.query
    .updateTable('flow_state')
    .set({ facts: '[]' })
    .where('project_id', '=', tx.projectId)
    .where('flow_id', '=', flowId)
    .execute()
  await tx.query
    .updateTable('flow')
    .set({ result: JSON.stringify(result) })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', flowId)
    .execute()
}

export async function findResult(scope: Scope, flowId: Buffer): Promise<FlowResult | undefined> {
  const row = await scope.query
    .selectFrom('flow')
    .select('result')
    .where('project_id', '=', scope.projectId)
    .where('id', '=', flowId)
    .executeTakeFirst()
  return (row?.result as FlowResult | null | undefined) ?? undefined
}
