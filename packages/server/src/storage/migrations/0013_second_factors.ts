import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Recovery codes, trusted devices, lockouts, and until when one user may still set up a second factor. */
export const secondFactors: Migration = {
  async up(db) {
    await sql`alter table end_user add column mfa_grace_period_end_at timestamptz`.execute(db)
    // The key of a user's codes is sealed: without the master key their digests cannot be guessed at.
    await sql`create table recovery_code_set (
      project_id text not null,
      user_id uuid not null,
      key text not null,
      codes text,
      created_at timestamptz not null,
      primary key (project_id, user_id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create table recovery_code (
      project_id text not null,
      user_id uuid not null,
      hash bytea not null,
      used_at timestamptz,
      spent_by text,
      primary key (project_id, user_id, hash),
      foreign key (project_id, user_id) references recovery_code_set (project_id, user_id) on delete cascade
    )`.execute(db)
    await sql`create table device_token (
      project_id text not null,
      id bytea not null,
      user_id uuid not null,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index device_token_user on device_token (project_id, user_id)`.execute(db)
    await sql`create index device_token_expiry on device_token (expires_at)`.execute(db)
    // One row for a user, or for a user at an address; `shares` are the failures of each address.
    await sql`create table lockout (
      project_id text not null,
      user_id uuid not null,
      address text not null,
      failures integer not null,
      shares jsonb not null,
      locked_until timestamptz,
      expires_at timestamptz not null,
      primary key (project_id, user_id, address),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index lockout_expiry on lockout (expires_at)`.execute(db)
  },
}
