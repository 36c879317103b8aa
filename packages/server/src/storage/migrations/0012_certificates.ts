import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * Certificates that the installation gets for its hosts, the accounts it gets them by, and the answers to an authority's
 * challenges: hosts may change their project, so no row belongs to one. And logouts that are to be told once more.
 */
export const certificates: Migration = {
  async up(db) {
    await sql`create table acme_account (
      directory text not null primary key,
      private_key text not null,
      url text,
      created_at timestamptz not null
    )`.execute(db)
    await sql`create table certificate (
      name text not null primary key,
      chain text,
      private_key text,
      not_after timestamptz,
      renew_at timestamptz,
      ordering_until timestamptz,
      failures integer not null,
      retry_at timestamptz,
      last_error text,
      updated_at timestamptz not null
    )`.execute(db)
    await sql`create index certificate_due on certificate (renew_at)`.execute(db)
    await sql`create table acme_challenge (
      token text not null primary key,
      name text not null,
      answer text not null,
      expires_at timestamptz not null
    )`.execute(db)
    await sql`alter table logout_delivery add column hand_at timestamptz`.execute(db)
    await sql`create index logout_delivery_due on logout_delivery (hand_at) where hand_at is not null`.execute(db)
    await sql`create index logout_delivery_user on logout_delivery (project_id, user_id, event_id)`.execute(db)
  },
}
