import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Facts of the installation, the projects, and their keys. Secret columns hold sealed text only. */
export const projects: Migration = {
  async up(db) {
    await sql`create table instance (
      name text primary key,
      value text not null
    )`.execute(db)
    await sql`create table project (
      id text primary key,
      version bigint not null,
      config text not null,
      secrets text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db)
    // The one table that is read before the project is known: it tells which project a host belongs to.
    await sql`create table project_host (
      host text primary key,
      project_id text not null references project (id) on delete cascade,
      origin text not null,
      development boolean not null default false
    )`.execute(db)
    await sql`create index project_host_project on project_host (project_id)`.execute(db)
    await sql`create table mac_key (
      project_id text not null references project (id) on delete cascade,
      id smallint not null,
      secret text not null,
      created_at timestamptz not null,
      retired_at timestamptz,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create table signing_key (
      project_id text not null references project (id) on delete cascade,
      id text not null,
      algorithm text not null,
      private_key text not null,
      public_key jsonb not null,
      created_at timestamptz not null,
      signs_from timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
  },
}
