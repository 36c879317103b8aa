// Which applications are to be told of which ended sessions, and how that went.
import { sql } from 'kysely'
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
    .set({ state: went.state, last_answer: went.answer, attempts: sql`attempts + 1`, updated_at: now })
    .where('project_id', '=', scope.projectId)
    .where('event_id', '=', key.eventId)
    .where('grant_id', '=', key.grantId)
    .execute()
}

/** Of all projects: written down more than a minute ago, and never tried. */
export async function pendingLogouts(query: Query, now: Instant): Promise<LogoutKey[]> {
  const { rows } = await sql<{ project_id: string; event_id: string; grant_id: Buffer }>`
    update logout_delivery set created_at = ${now}::timestamptz where ctid = any (array(
      select ctid from logout_delivery where state = 'pending' and attempts = 0
        and created_at < ${after(now, -60)}::timestamptz limit 1000 for update skip locked))
    returning project_id, event_id, grant_id`.execute(query)
  return rows.map((row) => ({ projectId: row.project_id, eventId: row.event_id, grantId: row.grant_id }))
}
