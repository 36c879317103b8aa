import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Domains that a project wants to be served at, and whether they are proved to be its own. One project proves a name. */
export const domains: Migration = {
  async up(db) {
    await sql`create table domain (
      project_id text not null references project (id) on delete cascade,
      name text not null,
      token text not null,
      created_at timestamptz not null,
      proved_at timestamptz,
      primary key (project_id, name)
    )`.execute(db)
    await sql`create unique index domain_proved on domain (name) where proved_at is not null`.execute(db)
  },
}
