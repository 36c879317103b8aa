import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Rate limits (GCRA): a bucket is the theoretical arrival time of its next request, and nothing else. */
export const limits: Migration = {
  async up(db) {
    await sql`create table rate_bucket (
      project_id text not null,
      key text not null,
      arrival timestamptz not null,
      primary key (project_id, key)
    )`.execute(db)
    await sql`create index rate_bucket_arrival on rate_bucket (arrival)`.execute(db)
  },
}
