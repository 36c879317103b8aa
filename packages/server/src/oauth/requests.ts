// Authorization requests while they wait for the person: written by /oauth2/authorize, read by the pages and /oauth2/consent.
import { sql } from 'kysely'
import type { Scope } from '../storage/database.ts'
import { after, type Instant, type Random, type Seconds } from '../world.ts'
import { digestOf, isOneTime, newSecret } from './one_time.ts'
import { type OAuthRequest, requestLifetime } from './request.ts'

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
  saved: { request: OAuthRequest; now: Instant; random: Random; lifetime?: Seconds; pushed?: boolean },
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
      pushed: saved.pushed ?? false,
      request: JSON.stringify(request),
      created_at: now,
      expires_at: after(now, saved.lifetime ?? requestLifetime),
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
