// Authorization codes and the records of what users allowed (RFC 6749 §4.1).
import { type Selectable, sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { append, eventRow } from '../events/log.ts'
import type { Guard } from '../sessions/store.ts'
import { type Scope, statement, type Tx } from '../storage/database.ts'
import type { Tables } from '../storage/tables.ts'
import { after, type Instant, type Random } from '../world.ts'
import { digestOf, newSecret } from './one_time.ts'
import { codeLifetime, type OAuthRequest } from './request.ts'

/** Parameters of the request that only its tokens answer. */
export type CodeRequest = Pick<OAuthRequest, 'claims' | 'acrValues'>

export type NewCode = {
  kind: 'code' | 'settings_action'
  clientId: string
  redirectUri: string
  origin: string
  userId: string
  authorizationId: string | null
  idpSessionId: Buffer | null
  sso: boolean
  /** The grant that a re-authentication refreshes. */
  refreshedGrantId: Buffer | null
  scopes: readonly string[]
  nonce: string | null
  codeChallenge: string | null
  dpopJkt: string | null
  authTime: Instant
  amr: readonly string[]
  /** What else the exchange must know. */
  request: CodeRequest
}

/** Keeps a code for five minutes. @returns the code. */
export async function insertCode(
  scope: Scope,
  code: NewCode,
  chance: { random: Random; now: Instant },
): Promise<string> {
  const { secret, id } = newSecret(chance.random)
  await scope.query
    .insertInto('authorization_code')
    .values({
      project_id: scope.projectId,
      id,
      kind: code.kind,
      client_id: code.clientId,
      redirect_uri: code.redirectUri,
      origin: code.origin,
      user_id: code.userId,
      authorization_id: code.authorizationId,
      idp_session_id: code.idpSessionId,
      sso: code.sso,
      refreshed_grant_id: code.refreshedGrantId,
      scopes: [...code.scopes],
      nonce: code.nonce,
      code_challenge: code.codeChallenge,
      dpop_jkt: code.dpopJkt,
      auth_time: code.authTime,
      amr: [...code.amr],
      request: JSON.stringify(code.request),
      created_at: chance.now,
      expires_at: after(chance.now, codeLifetime),
      used_at: null,
      grant_id: null,
      token_id: null,
      token_expires_at: null,
    })
    .execute()
  return secret
}

export type FoundCode = Selectable<Tables['authorization_code']>

const codeById = statement<{ project: string; id: Buffer; kind: string }, FoundCode>(
  (put) => sql`select * from authorization_code
    where project_id = ${put('project')} and id = ${put('id')} and kind = ${put('kind')}`,
)

export async function findCode(scope: Scope, code: string, kind: NewCode['kind']): Promise<FoundCode | undefined> {
  return (await codeById(scope.query, { project: scope.projectId, id: digestOf(code), kind }))[0]
}

/** Spends a code that makes no grant. Of two that try, one gets true. */
export async function spendCode(scope: Scope, id: Buffer, now: Instant): Promise<boolean> {
  const spent = await scope.query
    .updateTable('authorization_code')
    .set({ used_at: now })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirst()
  return spent.numUpdatedRows === 1n
}

/**
 * Spends a code as part of `insertGrant`, and names the grant. Nothing is spent and nothing made when the user (`u` of
 * that statement) is not there, or no longer allows the client.
 */
export const spendForGrant: Guard['spend'] = (put) => sql`
  update authorization_code c set used_at = ${put('now')}::timestamptz, grant_id = ${put('id')}::bytea from u
    where c.project_id = ${put('project')} and c.id = ${put('guarded')} and c.used_at is null
      and (c.authorization_id is null or exists (select 1 from authorization_record a
        where a.project_id = c.project_id and a.id = c.authorization_id for share))
    returning 1`

/**
 * Spends the code of a re-authentication and raises `auth_time` of its grant in one statement. The access token that it
 * earns is named beforehand, so that a reuse can end it.
 * @returns whether it was this call that spent it.
 */
export async function spendForReauthentication(
  scope: Scope,
  code: Pick<FoundCode, 'id' | 'user_id' | 'auth_time' | 'amr'>,
  made: { grantId: Buffer; tokenId: string; tokenExpiresAt: Instant; jwtExpiresAt: Instant | null },
  now: Instant,
): Promise<boolean> {
  const event = eventRow(scope.projectId, now, 'session.updated', {
    user_id: code.user_id,
    grant_id: made.grantId.toString('base64url'),
  })
  const { rows } = await sql`
    with spent as (update authorization_code set used_at = ${now}::timestamptz, grant_id = ${made.grantId}::bytea,
        token_id = ${made.tokenId}, token_expires_at = ${made.tokenExpiresAt}::timestamptz
      where project_id = ${scope.projectId} and id = ${code.id} and used_at is null returning 1),
    raised as (update offline_grant set auth_time = ${code.auth_time}::timestamptz, amr = ${[...code.amr]}::text[],
        last_issued_exp = greatest(last_issued_exp, ${made.jwtExpiresAt}::timestamptz)
      where project_id = ${scope.projectId} and id = ${made.grantId} and user_id = ${code.user_id} and ended_at is null
        and exists (select 1 from spent) returning 1),
    e as (insert into event (project_id, id, at, kind, payload)
      select ${scope.projectId}, ${event.id}::uuid, ${now}::timestamptz, ${event.kind}, ${event.payload}::jsonb from raised)
    select 1 from spent, raised`.execute(scope.query)
  return rows.length === 1
}

/** Adds scopes to what the user allows the client, and announces what is new. @returns the record's id. */
export async function authorize(
  tx: Scope<Tx>,
  record: { userId: string; clientId: string; scopes: readonly string[] },
  now: Instant,
): Promise<string> {
  const { userId, clientId } = record
  const { rows } = await sql<{ id: string; scopes: string[] }>`
    insert into authorization_record (project_id, id, user_id, client_id, scopes, created_at, updated_at)
    values (${tx.projectId}, ${uuidv7()}, ${userId}, ${clientId}, ${[...record.scopes]}::text[], ${now}, ${now})
    on conflict (project_id, user_id, client_id) do update set updated_at = excluded.updated_at,
      scopes = array(select distinct unnest(authorization_record.scopes || excluded.scopes) order by 1)
      where not authorization_record.scopes @> excluded.scopes
    returning id, scopes`.execute(tx.query)
  if (rows[0] !== undefined) {
    await append(tx, now, 'authorization.granted', { user_id: userId, client_id: clientId, scopes: rows[0].scopes })
    return rows[0].id
  }
  const held = await tx.query
    .selectFrom('authorization_record')
    .select('id')
    .where('project_id', '=', tx.projectId)
    .where('user_id', '=', userId)
    .where('client_id', '=', clientId)
    .executeTakeFirstOrThrow()
  return held.id
}

export async function authorizedScopes(scope: Scope, userId: string, clientId: string): Promise<string[] | undefined> {
  const row = await scope.query
    .selectFrom('authorization_record')
    .select('scopes')
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  return row?.scopes
}
