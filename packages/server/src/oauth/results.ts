// What the pages found out: who signed in, how, and in which browser session. Written when a flow finishes, redeemed at
// /oauth2/consent.
import type { Scope } from '../storage/database.ts'
import { after, type Instant, type Random } from '../world.ts'
import { digestOf, isOneTime, newSecret } from './one_time.ts'
import { resultLifetime } from './request.ts'

export type AuthenticationResult = {
  id: Buffer
  oauthRequestId: Buffer | null
  userId: string
  idpSessionId: Buffer | null
  /** The grant that a re-authentication renewed: the one its `id_token_hint` named. */
  grantId: Buffer | null
  authTime: Instant
  amr: string[]
}

export type NewAuthenticationResult = Omit<AuthenticationResult, 'id'> & {
  /** SHA-256 of the browser's `authgear_web_session` cookie; null for flows through the API, whose result works once. */
  browser: Buffer | null
  now: Instant
  random: Random
}

/** Stores a result for five minutes. @returns the `code` (32 characters) for `/oauth2/consent?code=`. */
export async function insertAuthenticationResult(scope: Scope, result: NewAuthenticationResult): Promise<string> {
  const { secret, id } = newSecret(result.random)
  await scope.query
    .insertInto('authentication_result')
    .values({
      project_id: scope.projectId,
      id,
      oauth_request_id: result.oauthRequestId,
      user_id: result.userId,
      idp_session_id: result.idpSessionId,
      grant_id: result.grantId,
      auth_time: result.authTime,
      amr: [...result.amr],
      browser: result.browser,
      expires_at: after(result.now, resultLifetime),
      used_at: null,
    })
    .execute()
  return secret
}

/** Reads a result without spending it, by the same conditions as `takeAuthenticationResult`. */
export async function findAuthenticationResult(
  scope: Scope,
  code: string,
  browser: Buffer | undefined,
  now: Instant,
): Promise<AuthenticationResult | undefined> {
  if (!isOneTime(code)) return undefined
  const row = await scope.query
    .selectFrom('authentication_result')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .where('id', '=', digestOf(code))
    .where('expires_at', '>', now)
    .where((where) => where.or([where('used_at', 'is', null), where('browser', 'is not', null)]))
    .where((where) => where.or([where('browser', 'is', null), where('browser', '=', browser ?? Buffer.alloc(0))]))
    .executeTakeFirst()
  return row && read(row)
}

/**
 * Spends a result. Undefined when it is unknown, expired, another browser's, or spent; only the browser that it is bound
 * to may ask again (a reload, a double click) and gets the same answer.
 */
export async function takeAuthenticationResult(
  scope: Scope,
  code: string,
  browser: Buffer | undefined,
  now: Instant,
): Promise<AuthenticationResult | undefined> {
  if (!isOneTime(code)) return undefined
  const row = await scope.query
    .updateTable('authentication_result')
    .set({ used_at: now })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', digestOf(code))
    .where('expires_at', '>', now)
    .where((where) => where.or([where('used_at', 'is', null), where('browser', 'is not', null)]))
    .where((where) => where.or([where('browser', 'is', null), where('browser', '=', browser ?? Buffer.alloc(0))]))
    .returningAll()
    .executeTakeFirst()
  return row && read(row)
}

type Row = {
  id: Buffer
  oauth_request_id: Buffer | null
  user_id: string
  idp_session_id: Buffer | null
  grant_id: Buffer | null
  auth_time: Date
  amr: string[]
}

function read(row: Row): AuthenticationResult {
  return {
    id: row.id,
    oauthRequestId: row.oauth_request_id,
    userId: row.user_id,
    idpSessionId: row.idp_session_id,
    grantId: row.grant_id,
    authTime: row.auth_time,
    amr: row.amr,
  }
}
