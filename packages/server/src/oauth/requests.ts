// Authorization requests while they wait: for the person, written by /oauth2/authorize, read by the pages and
// /oauth2/consent; for the browser, written by /oauth2/par.
import { sql } from 'kysely'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant, type Random } from '../world.ts'
import { digestOf, isOneTime, newSecret } from './one_time.ts'
import { type OAuthRequest, pushedLifetime, requestLifetime } from './request.ts'

export type SavedRequest = {
  /** Key of the row; flows and authentication results refer to it. */
  id: Buffer
  request: OAuthRequest
  createdAt: Instant
  expiresAt: Instant
}

/**
 * Saves a checked request for 25 minutes.
 * @returns the `x_ref` (32 characters) that pages carry on.
 */
export async function saveOAuthRequest(
  scope: Scope,
  saved: { request: OAuthRequest; now: Instant; random: Random },
): Promise<string> {
  const { request, now } = saved
  const { secret, id } = newSecret(saved.random)
  await scope.query
    .insertInto('oauth_request')
    .values({
      project_id: scope.projectId,
      id,
      client_id: request.clientId,
      origin: request.origin,
      pushed: false,
      request: JSON.stringify(request),
      created_at: now,
      expires_at: after(now, requestLifetime),
    })
    .execute()
  return secret
}

/** The request that an `x_ref` names, or undefined when it is unknown, expired, or only pushed (RFC 9126) so far. */
export async function findOAuthRequest(scope: Scope, ref: string, now: Instant): Promise<SavedRequest | undefined> {
  if (!isOneTime(ref)) return undefined
  const saved = await findOAuthRequestById(scope, digestOf(ref))
  return saved !== undefined && now < saved.expiresAt ? saved : undefined
}

/**
 * Takes a request of a settings action out, if it is this user's; of two that try, one gets it.
 * @returns undefined when there is none.
 */
export async function takeOAuthRequest(
  scope: Scope,
  ref: string,
  now: Instant,
  of: { settingsActionOf: string },
): Promise<OAuthRequest | undefined> {
  if (!isOneTime(ref)) return undefined
  const row = await scope.query
    .deleteFrom('oauth_request')
    .where('project_id', '=', scope.projectId)
    .where('id', '=', digestOf(ref))
    .where('pushed', '=', false)
    .where('expires_at', '>', now)
    .where(sql<string>`request ->> 'settingsAction'`, 'is not', null)
    .where(sql<string>`request -> 'hint' ->> 'sub'`, '=', of.settingsActionOf)
    .returning('request')
    .executeTakeFirst()
  return row?.request as OAuthRequest | undefined
}

/** The request under its row's key, expired or not: whoever refers to it has a lifetime of its own. */
export async function findOAuthRequestById(scope: Scope, id: Buffer): Promise<SavedRequest | undefined> {
  const row = await scope.query
    .selectFrom('oauth_request')
    .select(['id', 'request', 'created_at', 'expires_at'])
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .where('pushed', '=', false)
    .executeTakeFirst()
  return (
    row && { id: row.id, request: row.request as OAuthRequest, createdAt: row.created_at, expiresAt: row.expires_at }
  )
}

export const pushedUri = 'urn:ietf:params:oauth:request_uri:'

/** Keeps the parameters of a pushed request (RFC 9126) for five minutes. @returns its `request_uri`. */
export async function savePushed(
  scope: Scope,
  saved: { params: Record<string, string>; clientId: string; origin: string; now: Instant; random: Random },
): Promise<string> {
  const { secret, id } = newSecret(saved.random)
  await scope.query
    .insertInto('oauth_request')
    .values({
      project_id: scope.projectId,
      id,
      client_id: saved.clientId,
      origin: saved.origin,
      pushed: true,
      request: JSON.stringify({ params: saved.params }),
      created_at: saved.now,
      expires_at: after(saved.now, pushedLifetime),
    })
    .execute()
  return pushedUri + secret
}

/** What was pushed under this `request_uri` by this client; undefined once it was answered, or is too old. */
export async function findPushed(
  scope: Scope,
  uri: string,
  clientId: string,
  now: Instant,
): Promise<{ id: string; params: ReadonlyMap<string, string> } | undefined> {
  const row = await scope.query
    .selectFrom('oauth_request')
    .select(['id', 'request'])
    .where('project_id', '=', scope.projectId)
    .where('id', '=', digestOf(uri.slice(pushedUri.length)))
    .where('pushed', '=', true)
    .where('client_id', '=', clientId)
    .where('expires_at', '>', now)
    .where(sql<string>`request ->> 'turn'`, 'is', null)
    .executeTakeFirst()
  return (
    row && {
      id: row.id.toString('base64url'),
      params: new Map(Object.entries(row.request.params as Record<string, string>)),
    }
  )
}

/**
 * Notes which turn answers a pushed request. A browser may come with its `request_uri` as often as it likes until
 * somebody has signed in; then it is answered once, or again for the same turn (a reload, a double click).
 */
export async function answerPushed(tx: Scope<Tx>, { id, turn }: { id: string; turn: string }): Promise<boolean> {
  const { rows } = await sql`update oauth_request set request = request || jsonb_build_object('turn', ${turn}::text)
    where project_id = ${tx.projectId} and id = ${Buffer.from(id, 'base64url')} and pushed
      and coalesce(request ->> 'turn', ${turn}) = ${turn} returning 1`.execute(tx.query)
  return rows.length === 1
}
