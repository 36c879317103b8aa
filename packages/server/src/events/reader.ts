// A reader of the log whose place is kept in the database: what it makes of an event is made at least once, however many
// nodes there are and whenever they die.
import { sql } from 'kysely'
import type { Query, Tx } from '../storage/database.ts'
import { type Cursor, continues, parseSnapshot } from './cursor.ts'
import type { SeenEvent } from './poll.ts'

type Row = Cursor & {
  project_id: string | null
  id: string
  at: Date
  kind: string
  payload: Record<string, unknown>
}

/**
 * Reads on from where the reader of this name stands, on any node. Its place moves with what `work` writes, in one
 * transaction, which waits for nothing but the database. A reader begins where the log stands when it is first called.
 */
export function readOn<Result>(
  query: Query,
  name: string,
  kinds: readonly string[],
  work: (tx: Tx, events: readonly SeenEvent[]) => Promise<Result>,
): Promise<Result> {
  return query.transaction().execute(async (tx) => {
    await sql`insert into event_reader (name, system, snapshot)
      select ${name}, (select system_identifier::text from pg_control_system()), pg_current_snapshot()::text
      on conflict do nothing`.execute(tx)
    const stood = await sql<Cursor>`select system, snapshot from event_reader where name = ${name} for update`.execute(
      tx,
    )
    const cursor = stood.rows[0]
    if (cursor === undefined) throw new Error(`the reader ${name} has no place`)
    const from = parseSnapshot(cursor.snapshot)
    const { rows } = await sql<Row>`
      select s.system, s.snapshot, e.project_id, e.id, e.at, e.kind, e.payload
      from (select (select system_identifier::text from pg_control_system()) as system,
        pg_current_snapshot()::text as snapshot) s
      left join event e on (e.xid >= ${from.xmax}::xid8 or e.xid = any (${from.open}::xid8[]))
        and e.kind = any (${kinds as string[]}::text[])`.execute(tx)
    const head = rows[0]
    if (head === undefined) throw new Error(`the reader ${name} got no row`)
    await sql`update event_reader set system = ${head.system}, snapshot = ${head.snapshot} where name = ${name}`.execute(
      tx,
    )
    const events = continues(cursor, head)
      ? rows.flatMap(({ project_id, id, at, kind, payload }) =>
          project_id === null ? [] : [{ projectId: project_id, id, at, kind, payload }],
        )
      : []
    return work(tx, events)
  })
}
