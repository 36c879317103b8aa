import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Sessions whose end an application is told of (OpenID Connect Back-Channel Logout), and how that went. */
export const logouts: Migration = {
  async up(db) {
    await sql`create table logout_delivery (
      project_id text not null,
      event_id uuid not null,
      grant_id bytea not null,
      client_id text not null,
      user_id uuid not null,
      origin text not null,
      state text not null,
      attempts integer not null,
      last_answer text,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (project_id, event_id, grant_id)
    )`.execute(db)
    await sql`create index logout_delivery_pending on logout_delivery (created_at) where state = 'pending'`.execute(db)
    await sql`create index logout_delivery_age on logout_delivery (created_at)`.execute(db)
  },
}
