// Daily partitions of the event log: made ahead, dropped whole after a week (D11).
import { sql } from 'kysely'
import type { Query } from './database.ts'

const daysAhead = 3
const daysKept = 7

/**
 * Makes the partitions of the coming days. Rows of a day without one land in the default partition, so nothing fails.
 * `if not exists` alone does not help two nodes that make the same table at the same moment, so they take turns.
 */
export function ensurePartitions(query: Query): Promise<void> {
  return query.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext('headgear daily partitions'))`.execute(tx)
    await makePartitions(tx)
  })
}

async function makePartitions(query: Query): Promise<void> {
  const { rows } = await sql<{ day: string; next: string; name: string; there: boolean; blocked: boolean }>`
    select d::date::text as day, (d::date + 1)::text as next, 'event_' || to_char(d, 'YYYYMMDD') as name,
      to_regclass('event_' || to_char(d, 'YYYYMMDD')) is not null as there,
      exists (select 1 from event_default x where x.day = d::date) as blocked
    from generate_series(current_date, current_date + ${daysAhead}::int, interval '1 day') d`.execute(query)
  for (const { day, next, name, there, blocked } of rows) {
    if (there || blocked) continue
    await sql`create table if not exists ${sql.table(name)} partition of event
      for values from (${sql.lit(day)}) to (${sql.lit(next)})`.execute(query)
  }
}

/** Drops what is older than a week. @returns the names of the partitions dropped. */
export async function dropOldPartitions(query: Query): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'event'::regclass and c.relname ~ '^event_[0-9]{8}$'
      and to_date(substr(c.relname, 7), 'YYYYMMDD') < current_date - ${daysKept}::int`.execute(query)
  for (const { name } of rows) await sql`drop table if exists ${sql.table(name)}`.execute(query)
  await sql`delete from event_default where day < current_date - ${daysKept}::int`.execute(query)
  return rows.map((row) => row.name)
}
