// The session tree in the database. Reads bring the user's facts along, so that a cold resolve is one statement.
import { type RawBuilder, sql } from 'kysely'
import { type Put, type Scope, statement, type Tx } from '../storage/database.ts'
import { type UserFacts, userFacts } from '../users/facts.ts'
import { userFactsColumn } from '../users/store.ts'
import type { RotationMode } from './session.ts'

export type IdpSession = {
  id: Buffer
  user_id: string
  origin: string
  auth_time: Date
  amr: string[]
  created_at: Date
  created_ip: string
  last_access_at: Date
  last_access_ip: string
  user_agent: string
  ended_at: Date | null
  end_reason: string | null
}

/** How a grant came about: `code` (a sign-in), `anonymous`, `biometric`, `device` (RFC 8628), `admin`. */
export type GrantKind = 'code' | 'anonymous' | 'biometric' | 'device' | 'admin'

export type Grant = {
  id: Buffer
  user_id: string
  kind: GrantKind
  client_id: string
  authorization_id: string | null
  idp_session_id: Buffer | null
  sso: boolean
  origin: string
  scopes: string[]
  auth_time: Date
  amr: string[]
  created_at: Date
  created_ip: string
  last_access_at: Date
  last_access_ip: string
  user_agent: string
  device_info: Record<string, unknown> | null
  /** Claims asked for at userinfo by name (OpenID Core §5.5). */
  userinfo_claims: Record<string, unknown> | null
  has_refresh_token: boolean
  generation: number
  seen_generation: number
  key_ids: number[]
  rotated_at: Date[]
  last_issued_exp: Date | null
  dpop_jkt: string | null
  key_holder: string | null
  app2app_key: Record<string, unknown> | null
  device_secret: Buffer | null
  ended_at: Date | null
  end_reason: string | null
}

/** The times of the browser session that an SSO grant leans on. */
export type ParentTimes = { created_at: Date; last_access_at: Date; ended_at: Date | null }

export type FoundGrant = { grant: Grant; parent: ParentTimes | null; user: UserFacts; tokenRevoked: boolean }
export type FoundIdpSession = { session: IdpSession; user: UserFacts }

function found(row: Record<string, unknown>): FoundGrant {
  const { user_facts, parent_created_at, parent_last_access_at, parent_ended_at, token_revoked, ...grant } = row
  return {
    grant: grant as unknown as Grant,
    parent:
      parent_created_at === null || parent_created_at === undefined
        ? null
        : {
            created_at: parent_created_at as Date,
            last_access_at: parent_last_access_at as Date,
            ended_at: parent_ended_at as Date | null,
          },
    user: userFacts(user_facts),
    tokenRevoked: token_revoked === true,
  }
}

type ReadParameters = { project: string; id: Buffer; token: string | null }

const grantWhere = (where: (put: Put<ReadParameters>) => RawBuilder<unknown>) =>
  statement<ReadParameters, Record<string, unknown>>(
    (put) => sql`
    select g.*, p.created_at as parent_created_at, p.last_access_at as parent_last_access_at,
      p.ended_at as parent_ended_at, ${userFactsColumn('u')} as user_facts,
      exists (select 1 from revoked_token t where t.project_id = g.project_id and t.id = ${put('token')}) as token_revoked
    from offline_grant g
    join end_user u on u.project_id = g.project_id and u.id = g.user_id
    left join idp_session p on p.project_id = g.project_id and p.id = g.idp_session_id
    where g.project_id = ${put('project')} and ${where(put)}`,
  )

const grantById = grantWhere((put) => sql`g.id = ${put('id')}`)

/** One statement. `tokenId` asks whether that access token was revoked by itself. */
export async function findGrant(
  scope: Scope,
  id: Buffer,
  tokenId: string | null = null,
): Promise<FoundGrant | undefined> {
  const [row] = await grantById(scope.query, { project: scope.projectId, id, token: tokenId })
  return row && found(row)
}

const grantByAppSession = grantWhere(
  (put) =>
    sql`g.id = (select a.grant_id from app_session a where a.project_id = ${put('project')} and a.id = ${put('id')})`,
)

export async function findGrantOfAppSession(scope: Scope, id: Buffer): Promise<FoundGrant | undefined> {
  const [row] = await grantByAppSession(scope.query, { project: scope.projectId, id, token: null })
  return row && found(row)
}

const idpSessionById = statement<{ project: string; id: Buffer }, IdpSession & { user_facts: unknown }>(
  (put) => sql`
    select s.*, ${userFactsColumn('u')} as user_facts
    from idp_session s join end_user u on u.project_id = s.project_id and u.id = s.user_id
    where s.project_id = ${put('project')} and s.id = coalesce(
      (select c.idp_session_id from session_cookie c where c.project_id = ${put('project')} and c.id = ${put('id')}),
      ${put('id')})`,
)

/** By its own id, or that of a cookie which another origin has of it. One statement. */
export async function findIdpSession(scope: Scope, id: Buffer): Promise<FoundIdpSession | undefined> {
  const [row] = await idpSessionById(scope.query, { project: scope.projectId, id })
  if (row === undefined) return undefined
  const { user_facts, ...session } = row
  return { session, user: userFacts(user_facts) }
}

export async function ownerOfIdpSession(scope: Scope, id: Buffer): Promise<string | undefined> {
  const row = await scope.query
    .selectFrom('idp_session')
    .select('user_id')
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.user_id
}

/** Where a grant stands in the tree. */
export function placeOfGrant(
  scope: Scope,
  id: Buffer,
): Promise<Pick<Grant, 'user_id' | 'sso' | 'idp_session_id'> | undefined> {
  return scope.query
    .selectFrom('offline_grant')
    .select(['user_id', 'sso', 'idp_session_id'])
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Live-or-dead sessions and grants of a user that have not been ended, newest access first. */
export async function openSessionsOf(scope: Scope, userId: string): Promise<{ idp: IdpSession[]; grants: Grant[] }> {
  const idp = await sql<IdpSession>`select * from idp_session where project_id = ${scope.projectId}
    and user_id = ${userId} and ended_at is null order by last_access_at desc`.execute(scope.query)
  const grants = await sql<Grant>`select * from offline_grant where project_id = ${scope.projectId}
    and user_id = ${userId} and ended_at is null order by last_access_at desc`.execute(scope.query)
  return { idp: idp.rows, grants: grants.rows }
}

const locked = (lock: RawBuilder<unknown>) =>
  statement<{ project: string; user: string }, { user_facts: unknown }>(
    (put) => sql`select ${userFactsColumn('u')} as user_facts from end_user u
      where u.project_id = ${put('project')} and u.id = ${put('user')} ${lock}`,
  )
const lockedUser = { share: locked(sql`for share of u`), update: locked(sql`for update of u`) }

/**
 * Takes the user row so that no session can be made beside a change that ends them (D8): `share` to make one, `update`
 * to end all. Undefined when there is no such user.
 */
export async function lockUser(
  tx: Scope<Tx>,
  userId: string,
  strength: 'share' | 'update',
): Promise<UserFacts | undefined> {
  const [row] = await lockedUser[strength](tx.query, { project: tx.projectId, user: userId })
  return row && userFacts(row.user_facts)
}

export type NewIdpSession = {
  id: Buffer
  userId: string
  origin: string
  authTime: Date
  amr: readonly string[]
  ip: string
  userAgent: string
  now: Date
}

export async function insertIdpSession(tx: Scope<Tx>, session: NewIdpSession): Promise<void> {
  await tx.query
    .insertInto('idp_session')
    .values({
      project_id: tx.projectId,
      id: session.id,
      user_id: session.userId,
      origin: session.origin,
      auth_time: session.authTime,
      amr: [...session.amr],
      created_at: session.now,
      created_ip: session.ip,
      last_access_at: session.now,
      last_access_ip: session.ip,
      user_agent: session.userAgent.slice(0, 512),
      ended_at: null,
      end_reason: null,
    })
    .execute()
}

/** A re-authentication raises the time and the means of the session that it refreshed. */
export async function raiseAuthTime(
  tx: Scope<Tx>,
  kind: 'idp' | 'offline_grant',
  id: Buffer,
  proof: { authTime: Date; amr: readonly string[] },
): Promise<void> {
  await tx.query
    .updateTable(kind === 'idp' ? 'idp_session' : 'offline_grant')
    .set({ auth_time: proof.authTime, amr: [...proof.amr] })
    .where('project_id', '=', tx.projectId)
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

export type NewGrant = {
  id: Buffer
  kind: GrantKind
  userId: string
  clientId: string
  authorizationId: string | null
  idpSessionId: Buffer | null
  sso: boolean
  origin: string
  scopes: readonly string[]
  authTime: Date
  amr: readonly string[]
  ip: string
  userAgent: string
  deviceInfo: object | null
  userinfoClaims?: object | null
  hasRefreshToken: boolean
  keyId: number
  jwtExpiresAt: Date | null
  dpopJkt: string | null
  keyHolder: string | null
  app2appKey: object | null
  deviceSecret: Buffer | null
  now: Date
}

type GrantParameters = {
  project: string
  id: Buffer
  user: string
  kind: GrantKind
  client: string
  authorization: string | null
  session: Buffer | null
  sso: boolean
  origin: string
  scopes: string[]
  authTime: Date
  amr: string[]
  now: Date
  ip: string
  agent: string
  device: string | null
  userinfo: string | null
  refreshable: boolean
  key: number
  issued: Date | null
  jkt: string | null
  keyHolder: string | null
  app2app: string | null
  secret: Buffer | null
  event: string
  payload: string
  guarded: Buffer | null
}

/** What the grant is made for, spent in the same statement: `spend` finds the user in `u`, and the row's id in `guarded`. */
export type Guard = { spend(put: Put<GrantParameters>): RawBuilder<unknown>; id: Buffer }

const insertion = (spend: Guard['spend'] | undefined) =>
  statement<GrantParameters, { user_facts: unknown }>((put) => {
    const now = sql`${put('now')}::timestamptz`
    return sql`
    with u as (select * from end_user e where e.project_id = ${put('project')} and e.id = ${put('user')}
      and ${mayAct('e', now)} for share),
    p as (select id from idp_session where project_id = ${put('project')} and id = ${put('session')}
      and ended_at is null for share),
    guard as (${spend === undefined ? sql`select 1` : spend(put)}),
    g as (insert into offline_grant (project_id, id, user_id, kind, client_id, authorization_id, idp_session_id, sso,
        origin, scopes, auth_time, amr, created_at, created_ip, last_access_at, last_access_ip, user_agent, device_info,
        userinfo_claims, has_refresh_token, generation, seen_generation, key_ids, rotated_at, last_issued_exp, dpop_jkt, key_holder,
        app2app_key, device_secret)
      select ${put('project')}, ${put('id')}, u.id, ${put('kind')}, ${put('client')}, ${put('authorization')}::uuid,
        ${put('session')}, ${put('sso')}, ${put('origin')}, ${put('scopes')}::text[], ${put('authTime')}::timestamptz,
        ${put('amr')}::text[], ${now}, ${put('ip')}, ${now}, ${put('ip')}, ${put('agent')}, ${put('device')}::jsonb,
        ${put('userinfo')}::jsonb, ${put('refreshable')}, 0, 0, array[${put('key')}]::smallint[], '{}',
        ${put('issued')}::timestamptz, ${put('jkt')}, ${put('keyHolder')}, ${put('app2app')}::jsonb, ${put('secret')}::bytea
      from u, guard where ${put('session')}::bytea is null or exists (select 1 from p)
      returning 1),
    e as (insert into event (project_id, id, at, kind, payload)
      select ${put('project')}, ${put('event')}::uuid, ${now}, 'session.created', ${put('payload')}::jsonb from g)
    select ${userFactsColumn('u')} as user_facts from u, g`
  })

const insertions = new Map<Guard['spend'] | undefined, ReturnType<typeof insertion>>()

/**
 * Makes a grant under the user and the browser session it came from, both held against an ending that runs beside it;
 * with its event, in one statement.
 * @returns the user's facts, or undefined when the user is gone or may not act, the browser session has ended, or the
 *   guard could not be spent.
 */
export async function insertGrant(
  scope: Scope,
  grant: NewGrant,
  event: { id: string; payload: string },
  guard?: Guard,
): Promise<UserFacts | undefined> {
  const insert = insertions.get(guard?.spend) ?? insertion(guard?.spend)
  insertions.set(guard?.spend, insert)
  const json = (value: object | null | undefined) => (value ? JSON.stringify(value) : null)
  const [row] = await insert(scope.query, {
    project: scope.projectId,
    id: grant.id,
    user: grant.userId,
    kind: grant.kind,
    client: grant.clientId,
    authorization: grant.authorizationId,
    session: grant.idpSessionId,
    sso: grant.sso,
    origin: grant.origin,
    scopes: [...grant.scopes],
    authTime: grant.authTime,
    amr: [...grant.amr],
    now: grant.now,
    ip: grant.ip,
    agent: grant.userAgent.slice(0, 512),
    device: json(grant.deviceInfo),
    userinfo: json(grant.userinfoClaims),
    refreshable: grant.hasRefreshToken,
    key: grant.keyId,
    issued: grant.jwtExpiresAt,
    jkt: grant.dpopJkt,
    keyHolder: grant.keyHolder,
    app2app: json(grant.app2appKey),
    secret: grant.deviceSecret,
    event: event.id,
    payload: event.payload,
    guarded: guard?.id ?? null,
  })
  return row && userFacts(row.user_facts)
}

/** As much of a grant as its new tokens say. */
export type MovedGrant = Pick<Grant, 'id' | 'generation' | 'key_ids' | 'scopes' | 'auth_time' | 'amr' | 'origin'>

const movement = statement<
  {
    project: string
    id: Buffer
    client: string
    presented: number
    always: boolean
    unbound: boolean
    key: number
    jkt: string | null
    ignoresKey: boolean
    bindsKey: boolean
    createdAfter: Date
    accessedAfter: Date | null
    parentCreatedAfter: Date
    parentAccessedAfter: Date | null
    now: Date
    ip: string
    agent: string
    device: string | null
    issued: Date | null
  },
  MovedGrant & { user_facts: unknown }
>((put) => {
  const rotate = sql`(g.kind <> 'anonymous' and (${put('always')}::boolean
    or (${put('unbound')}::boolean and g.dpop_jkt is null)))`
  const now = sql`${put('now')}::timestamptz`
  // The browser session in a subselect of one row: an `exists` may be answered by hashing the whole table.
  return sql`
    update offline_grant g set
      generation = ${put('presented')}::int + ${rotate}::int,
      seen_generation = greatest(g.seen_generation, ${put('presented')}),
      key_ids = case when ${rotate} then (array[${put('key')}]::smallint[] || g.key_ids)[1:5] else g.key_ids end,
      rotated_at = case when ${rotate} then (array[${now}] || g.rotated_at)[1:4] else g.rotated_at end,
      last_access_at = greatest(g.last_access_at, ${now}), last_access_ip = ${put('ip')},
      user_agent = ${put('agent')},
      device_info = coalesce(${put('device')}::jsonb, g.device_info),
      last_issued_exp = greatest(g.last_issued_exp, ${put('issued')}::timestamptz),
      dpop_jkt = case when ${put('bindsKey')}::boolean then ${put('jkt')} else g.dpop_jkt end
    from end_user u
    where g.project_id = ${put('project')} and g.id = ${put('id')} and g.client_id = ${put('client')}
      and g.generation <= ${put('presented')} and g.has_refresh_token
      and ${alive('g', { createdAfter: put('createdAfter'), accessedAfter: put('accessedAfter') })}
      and (g.dpop_jkt is null or g.dpop_jkt = ${put('jkt')} or ${put('ignoresKey')}::boolean)
      and (not g.sso or (select ${alive('p', { createdAfter: put('parentCreatedAfter'), accessedAfter: put('parentAccessedAfter') })}
        from idp_session p where p.project_id = g.project_id and p.id = g.idp_session_id))
      and u.project_id = g.project_id and u.id = g.user_id and ${mayAct('u', now)}
    returning g.id, g.generation, g.key_ids, g.scopes, g.auth_time, g.amr, g.origin, ${userFactsColumn('u')} as user_facts`
})

/**
 * The one statement of a refresh: moves the generation from `presented` if the grant still stands there and everything
 * that may bar it is absent. Ending updates the same row, so the row lock orders the two (D7). A miss changes nothing.
 */
export async function moveGeneration(
  scope: Scope,
  move: {
    id: Buffer
    clientId: string
    presented: number
    rotation: RotationMode
    keyId: number
    /** Thumbprint of the DPoP proof that came along, if any. */
    jkt: string | null
    /** `ignoresKey` of the client: a binding does not count. */
    ignoresKey: boolean
    /** The grant is bound to the proof's key from now on, whatever it was bound to before. */
    bindsKey: boolean
    bounds: AliveBounds
    parentBounds: AliveBounds
    now: Date
    ip: string
    userAgent: string
    deviceInfo: object | undefined
    jwtExpiresAt: Date | null
  },
): Promise<{ grant: MovedGrant; user: UserFacts } | undefined> {
  const [row] = await movement(scope.query, {
    project: scope.projectId,
    id: move.id,
    client: move.clientId,
    presented: move.presented,
    always: move.rotation === 'always',
    unbound: move.rotation === 'unbound',
    key: move.keyId,
    jkt: move.jkt,
    ignoresKey: move.ignoresKey,
    bindsKey: move.bindsKey,
    createdAfter: move.bounds.createdAfter,
    accessedAfter: move.bounds.accessedAfter,
    parentCreatedAfter: move.parentBounds.createdAfter,
    parentAccessedAfter: move.parentBounds.accessedAfter,
    now: move.now,
    ip: move.ip,
    agent: move.userAgent.slice(0, 512),
    device: move.deviceInfo === undefined ? null : JSON.stringify(move.deviceInfo),
    issued: move.jwtExpiresAt,
  })
  if (row === undefined) return undefined
  const { user_facts, ...grant } = row
  return { grant, user: userFacts(user_facts) }
}

/**
 * Remembers until when a JWT will be out under a grant: an ending must be told to verifiers for that long.
 * @returns false when the grant has ended.
 */
export async function noteIssued(scope: Scope, grantId: Buffer, jwtExpiresAt: Date | null): Promise<boolean> {
  const { rows } =
    await sql`update offline_grant set last_issued_exp = greatest(last_issued_exp, ${jwtExpiresAt}::timestamptz)
    where project_id = ${scope.projectId} and id = ${grantId} and ended_at is null returning 1`.execute(scope.query)
  return rows.length === 1
}

/** Gives a grant that has no app2app key yet this one. */
export async function bindKey(
  scope: Scope,
  grantId: Buffer,
  key: { kid: string; jwk: Record<string, unknown> },
): Promise<void> {
  await scope.query
    .updateTable('offline_grant')
    .set({ app2app_key: JSON.stringify(key) })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', grantId)
    .where('app2app_key', 'is', null)
    .where('ended_at', 'is', null)
    .execute()
}

/** Puts a new device secret in the place of the grant's; without one it does nothing. */
export async function replaceDeviceSecret(
  scope: Scope,
  grantId: Buffer,
  made: { id: Buffer } | undefined,
): Promise<void> {
  if (made === undefined) return
  await scope.query
    .updateTable('offline_grant')
    .set({ device_secret: made.id })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', grantId)
    .where('ended_at', 'is', null)
    .execute()
}

/** `isAlive` as bounds on a row: made after, last seen after. */
export type AliveBounds = { createdAfter: Date; accessedAfter: Date | null }

/** `isAlive` of sessions/session.ts as a condition; a property test holds the two together. */
export function alive(alias: string, bounds: { [bound in keyof AliveBounds]: unknown }): RawBuilder<unknown> {
  const s = sql.ref(alias)
  return sql`${s}.ended_at is null and ${s}.created_at > ${bounds.createdAfter}::timestamptz
    and (${bounds.accessedAfter}::timestamptz is null or ${s}.last_access_at > ${bounds.accessedAfter}::timestamptz)`
}

/** `barred` of users/status.ts as a condition; a property test holds the two together. */
export function mayAct(alias: string, now: unknown): RawBuilder<unknown> {
  const u = sql.ref(alias)
  const at = sql`${now}::timestamptz`
  return sql`not ${u}.is_disabled and ${u}.anonymized_at is null and ${u}.delete_at is null and ${u}.anonymize_at is null
    and coalesce(${u}.account_valid_from <= ${at}, true) and coalesce(${at} < ${u}.account_valid_until, true)
    and coalesce(not (${u}.temporarily_disabled_from <= ${at} and ${at} < ${u}.temporarily_disabled_until), true)`
}

export type Ended = {
  userId: string
  idpSessions: Buffer[]
  grants: { id: Buffer; client_id: string; origin: string; last_issued_exp: Date | null }[]
}

/**
 * Marks browser sessions, then every live grant made from them, then the other grants named. Two statements, since the
 * second must see grants that were made while the first waited for them. `spare` are grants that outlive their session.
 */
export async function endNodes(
  tx: Scope<Tx>,
  nodes: { userId: string; idpSessions: readonly Buffer[]; grants: readonly Buffer[]; spare?: readonly Buffer[] },
  end: { at: Date; reason: string },
): Promise<Ended> {
  const sessions = await tx.query
    .updateTable('idp_session')
    .set({ ended_at: end.at, end_reason: end.reason })
    .where('project_id', '=', tx.projectId)
    .where('id', 'in', nodes.idpSessions.length > 0 ? [...nodes.idpSessions] : [Buffer.alloc(0)])
    .where('user_id', '=', nodes.userId)
    .where('ended_at', 'is', null)
    .returning('id')
    .execute()
  const grants = await tx.query
    .updateTable('offline_grant')
    .set({ ended_at: end.at, end_reason: end.reason })
    .where('project_id', '=', tx.projectId)
    .where('user_id', '=', nodes.userId)
    .where('ended_at', 'is', null)
    .where('id', 'not in', nodes.spare !== undefined && nodes.spare.length > 0 ? [...nodes.spare] : [Buffer.alloc(0)])
    .where((where) =>
      where.or([
        where('id', 'in', nodes.grants.length > 0 ? [...nodes.grants] : [Buffer.alloc(0)]),
        where('idp_session_id', 'in', nodes.idpSessions.length > 0 ? [...nodes.idpSessions] : [Buffer.alloc(0)]),
      ]),
    )
    .returning(['id', 'client_id', 'origin', 'last_issued_exp'])
    .execute()
  return { userId: nodes.userId, idpSessions: sessions.map((row) => row.id), grants }
}

/** What a user allowed clients, newest first. */
export function authorizationsOf(
  scope: Scope,
  userId: string,
): Promise<{ id: string; client_id: string; created_at: Date; scopes: string[] }[]> {
  return scope.query
    .selectFrom('authorization_record')
    .select(['id', 'client_id', 'created_at', 'scopes'])
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .execute()
}

/** Removes a record of what a user allowed a client. */
export function deleteAuthorization(
  tx: Scope<Tx>,
  id: string,
): Promise<{ user_id: string; client_id: string } | undefined> {
  return tx.query
    .deleteFrom('authorization_record')
    .where('project_id', '=', tx.projectId)
    .where('id', '=', id)
    .returning(['user_id', 'client_id'])
    .executeTakeFirst()
}

export async function grantsOfAuthorization(scope: Scope, id: string): Promise<Buffer[]> {
  const rows = await scope.query
    .selectFrom('offline_grant')
    .select('id')
    .where('project_id', '=', scope.projectId)
    .where('authorization_id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
  return rows.map((row) => row.id)
}

export async function revokeToken(tx: Scope<Tx>, token: { id: string; expiresAt: Date }): Promise<boolean> {
  const result = await tx.query
    .insertInto('revoked_token')
    .values({ project_id: tx.projectId, id: token.id, expires_at: token.expiresAt })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Gives a browser session a cookie on another of the project's origins. */
export async function insertSessionCookie(
  scope: Scope,
  row: { id: Buffer; idpSessionId: Buffer; origin: string; now: Date },
): Promise<void> {
  await scope.query
    .insertInto('session_cookie')
    .values({
      project_id: scope.projectId,
      id: row.id,
      idp_session_id: row.idpSessionId,
      origin: row.origin,
      created_at: row.now,
    })
    .execute()
}

export async function insertAppSession(scope: Scope, row: { id: Buffer; grantId: Buffer; now: Date }): Promise<void> {
  await scope.query
    .insertInto('app_session')
    .values({ project_id: scope.projectId, id: row.id, grant_id: row.grantId, created_at: row.now })
    .execute()
}

export type Touch = { projectId: string; id: Buffer; at: Date; ip: string; seenGeneration: number; aliveAfter: Date }

/** Writes last access of many sessions at once: only forward, never onto one that has ended or gone idle. */
export async function touch(
  query: Scope['query'],
  table: 'idp_session' | 'offline_grant',
  touches: readonly Touch[],
): Promise<void> {
  const seen = table === 'offline_grant' ? sql`, seen_generation = greatest(s.seen_generation, v.seen)` : sql``
  await sql`update ${sql.table(table)} s
    set last_access_at = greatest(s.last_access_at, v.at), last_access_ip = v.ip ${seen}
    from unnest(${touches.map((t) => t.projectId)}::text[], ${touches.map((t) => t.id)}::bytea[],
      ${touches.map((t) => t.at)}::timestamptz[], ${touches.map((t) => t.ip)}::text[],
      ${touches.map((t) => t.seenGeneration)}::int[], ${touches.map((t) => t.aliveAfter)}::timestamptz[])
      as v(project_id, id, at, ip, seen, alive_after)
    where s.project_id = v.project_id and s.id = v.id and s.ended_at is null and s.last_access_at > v.alive_after`.execute(
    query,
  )
}
