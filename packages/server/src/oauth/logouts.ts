// Which applications are to be told of which ended sessions, and how that went.
import { type RawBuilder, sql } from 'kysely'
import type { Query, Scope, Tx } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'

export type LogoutKey = { projectId: string; eventId: string; grantId: Buffer }
export type NewLogout = LogoutKey & { clientId: string; userId: string; origin: string }
export type Logout = NewLogout & { state: 'pending' | 'delivered' | 'failed'; attempts: number }

/** What is there already stays as it is: an event read twice tells nobody twice. */
export async function insertLogouts(tx: Tx, logouts: readonly NewLogout[], now: Instant): Promise<void> {
  if (logouts.length === 0) return
  await tx
    .insertInto('logout_delivery')
    .values(
      logouts.map((logout) => ({
        project_id: logout.projectId,
        event_id: logout.eventId,
        grant_id: logout.grantId,
        client_id: logout.clientId,
        user_id: logout.userId,
        origin: logout.origin,
        state: 'pending',
        attempts: 0,
        last_answer: null,
        created_at: now,
        updated_at: now,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function findLogout(scope: Scope, key: LogoutKey): Promise<Logout | undefined> {
  const row = await scope.query
    .selectFrom('logout_delivery')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .where('event_id', '=', key.eventId)
    .where('grant_id', '=', key.grantId)
    .executeTakeFirst()
  return (
    row && {
      ...key,
      clientId: row.client_id,
      userId: row.user_id,
      origin: row.origin,
      state: row.state as Logout['state'],
      attempts: row.attempts,
    }
  )
}

/** Writes down how an attempt went. */
export async function noteLogout(
  scope: Scope,
  key: LogoutKey,
  went: { state: Logout['state']; answer: string },
  now: Instant,
): Promise<void> {
  await scope.query
    .updateTable('logout_delivery')
    .set({ state: went.state, last_answer: went.answer, attempts: sql`attempts + 1`, updated_at: now, hand_at: null })
    .where('project_id', '=', scope.projectId)
    .where('event_id', '=', key.eventId)
    .where('grant_id', '=', key.grantId)
    .execute()
}

/**
 * Lets a logout that was given up on be told once more, beginning at once: `pendingLogouts` gives it.
 * @returns the state it was in; `failed` has become `pending`, another stays as it is. Undefined when there is none.
 */
export async function tellOnceMore(tx: Scope<Tx>, key: LogoutKey, now: Instant): Promise<Logout | undefined> {
  const { numUpdatedRows } = await tx.query
    .updateTable('logout_delivery')
    .set({ state: 'pending', hand_at: now, updated_at: now })
    .where('project_id', '=', tx.projectId)
    .where('event_id', '=', key.eventId)
    .where('grant_id', '=', key.grantId)
    .where('state', '=', 'failed')
    .executeTakeFirst()
  const logout = await findLogout(tx, key)
  return logout && numUpdatedRows > 0n ? { ...logout, state: 'failed' } : logout
}

/** Of all projects: to be told once more, or written down more than a minute ago and never tried. Each is given once a minute. */
export async function pendingLogouts(query: Query, now: Instant): Promise<LogoutKey[]> {
  const { rows } = await sql<{ project_id: string; event_id: string; grant_id: Buffer }>`
    update logout_delivery set hand_at = ${after(now, 60)}::timestamptz where ctid = any (array(
      select ctid from logout_delivery where state = 'pending' and (hand_at <= ${now}::timestamptz
        or (hand_at is null and attempts = 0 and created_at < ${after(now, -60)}::timestamptz))
      limit 1000 for update skip locked))
    returning project_id, event_id, grant_id`.execute(query)
  return rows.map((row) => ({ projectId: row.project_id, eventId: row.event_id, grantId: row.grant_id }))
}

// ---- looking at them ----------------------------------------------------------------------------------------------

export type LogoutState = Logout['state']
export type LogoutRow = {
  event_id: string
  grant_id: Buffer
  client_id: string
  user_id: string
  origin: string
  state: LogoutState
  attempts: number
  last_answer: string | null
  created_at: Date
  updated_at: Date
}
export type LogoutPosition = Pick<LogoutRow, 'event_id' | 'grant_id'>
export type LogoutListing = {
  userId: string | undefined
  clientId: string | undefined
  state: LogoutState | undefined
  after: LogoutPosition | undefined
  before: LogoutPosition | undefined
}

const columns = sql`event_id, grant_id, client_id, user_id, origin, state, attempts, last_answer, created_at, updated_at`

function wanted(scope: Scope, { userId, clientId, state }: LogoutListing): RawBuilder<unknown> {
  return sql`project_id = ${scope.projectId}
    and ${userId === undefined ? sql`true` : sql`user_id = ${userId}::uuid`}
    and ${clientId === undefined ? sql`true` : sql`client_id = ${clientId}`}
    and ${state === undefined ? sql`true` : sql`state = ${state}`}`
}

/** Ids of events grow with time, so newest first is by them. */
function besides(position: LogoutPosition, side: 'after' | 'before', inclusive = false): RawBuilder<unknown> {
  const than = sql.raw(`${side === 'after' ? '<' : '>'}${inclusive ? '=' : ''}`)
  return sql`(event_id, grant_id) ${than} (${position.event_id}::uuid, ${position.grant_id}::bytea)`
}

/** Newest first. From the end, those nearest to it. */
export async function listLogouts(
  scope: Scope,
  listing: LogoutListing,
  page: { from: 'start' | 'end'; limit: number },
): Promise<LogoutRow[]> {
  const { after, before } = listing
  const way = sql.raw(page.from === 'start' ? 'desc' : 'asc')
  const { rows } = await sql<LogoutRow>`select ${columns} from logout_delivery
    where ${wanted(scope, listing)}
      and ${after === undefined ? sql`true` : besides(after, 'after')}
      and ${before === undefined ? sql`true` : besides(before, 'before')}
    order by event_id ${way}, grant_id ${way} limit ${page.limit}`.execute(scope.query)
  return page.from === 'start' ? rows : rows.reverse()
}

/** Whether there is any at the position or beyond it, on that side. */
export async function anyLogoutBeside(
  scope: Scope,
  listing: LogoutListing,
  position: LogoutPosition,
  side: 'after' | 'before',
): Promise<boolean> {
  const { rows } = await sql`select 1 from logout_delivery
    where ${wanted(scope, listing)} and ${besides(position, side, true)} limit 1`.execute(scope.query)
  return rows.length > 0
}

export async function countLogouts(scope: Scope, listing: LogoutListing): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from logout_delivery
    where ${wanted(scope, listing)}`.execute(scope.query)
  return rows[0]?.count ?? 0
}

export async function logoutsByKey(scope: Scope, keys: readonly LogoutPosition[]): Promise<LogoutRow[]> {
  const { rows } = await sql<LogoutRow>`select ${columns} from logout_delivery
    where project_id = ${scope.projectId} and (event_id, grant_id) in (
      select * from unnest(${keys.map((key) => key.event_id)}::uuid[], ${keys.map((key) => key.grant_id)}::bytea[]))`.execute(
    scope.query,
  )
  return rows
}
