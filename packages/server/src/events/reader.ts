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
 * Reads on from where the reader of this name stands, on any node. `decide` may ask anything of anybody; what `write`
 * then writes moves the place with it, in one transaction, so it happens once: a node that was overtaken meanwhile
 * decides again from the new place. A reader begins where the log stands when it is first called.
 */
export async function readOn<Decision>(
  query: Query,
  name: string,
  kinds: readonly string[],
  decide: (events: readonly SeenEvent[]) => Promise<Decision>,
  write: (tx: Tx, decision: Decision) => Promise<void>,
): Promise<Decision> {
  await sql`insert into event_reader (name, system, snapshot)
    select ${name}, (select system_identifier::text from pg_control_system()), pg_current_snapshot()::text
    on conflict do nothing`.execute(query)
  for (;;) {
    const { from, to, events } = await look(query, name, kinds)
    const decision = await decide(events)
    const first = await query.transaction().execute(async (tx) => {
      const moved = await tx
        .updateTable('event_reader')
        .set(to)
        .where('name', '=', name)
        .where('system', '=', from.system)
        .where('snapshot', '=', from.snapshot)
        .executeTakeFirst()
      if (moved.numUpdatedRows === 0n) return false
      await write(tx, decision)
      return true
    })
    if (first) return decision
  }
}

async function look(query: Query, name: string, kinds: readonly string[]) {
  const stood = await sql<Cursor>`select system, snapshot from event_reader where name = ${name}`.execute(query)
  const from = stood.rows[0]
  if (from === undefined) throw new Error(`the reader ${name} has no place`)
  const seen = parseSnapshot(from.snapshot)
  const { rows } = await sql<Row>`
    select s.system, s.snapshot, e.project_id, e.id, e.at, e.kind, e.payload
    from (select (select system_identifier::text from pg_control_system()) as system,
      pg_current_snapshot()::text as snapshot) s
    left join event e on (e.xid >= ${seen.xmax}::xid8 or e.xid = any (${seen.open}::xid8[]))
      and e.kind = any (${kinds as string[]}::text[])`.execute(query)
  const head = rows[0]
  if (head === undefined) throw new Error(`the reader ${name} got no row`)
  const events = continues(from, head)
    ? rows.flatMap(({ project_id, id, at, kind, payload }) =>
        project_id === null ? [] : [{ projectId: project_id, id, at, kind, payload }],
      )
    : []
  return { from, to: { system: head.system, snapshot: head.snapshot }, events }
}
