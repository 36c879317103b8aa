import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Cookies of one browser session on further origins of its project. Ids are digests, as of every cookie. */
export const origins: Migration = {
  async up(db) {
    await sql`create table session_cookie (
      project_id text not null,
      id bytea not null,
      idp_session_id bytea not null,
      origin text not null,
      created_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, idp_session_id) references idp_session (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index session_cookie_session on session_cookie (project_id, idp_session_id)`.execute(db)
  },
}
