import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * The log. `xid` lets a reader ask for exactly what became visible since it last looked; `day` is the database's own
 * calendar, so that partitions can be dropped whole. `at` is product time.
 */
export const events: Migration = {
  async up(db) {
    await sql`create table event (
      project_id text not null,
      id uuid not null,
      day date not null default current_date,
      xid xid8 not null default pg_current_xact_id(),
      at timestamptz not null,
      kind text not null,
      payload jsonb not null,
      primary key (project_id, id, day)
    ) partition by range (day)`.execute(db)
    await sql`create table event_default partition of event default`.execute(db)
    await sql`create index event_xid on event (xid)`.execute(db)
    await sql`create table event_reader (
      name text primary key,
      system text not null,
      snapshot text not null
    )`.execute(db)
    await sql`create table event_effect (
      project_id text not null,
      event_id uuid not null,
      target text not null,
      done_at timestamptz not null,
      primary key (project_id, event_id, target)
    )`.execute(db)
  },
}
