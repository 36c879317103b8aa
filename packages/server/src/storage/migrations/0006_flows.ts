import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** A flow and its immutable states: each state is a list of verified facts, never of inputs. */
export const flows: Migration = {
  async up(db) {
    await sql`create table flow (
      project_id text not null,
      id bytea not null,
      type text not null,
      name text not null,
      config_version bigint not null,
      definition jsonb not null,
      browser bytea,
      oauth_request_id bytea,
      context jsonb not null,
      result jsonb,
      finished_at timestamptz,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index flow_expiry on flow (expires_at)`.execute(db)
    await sql`create table flow_state (
      project_id text not null,
      id bytea not null,
      flow_id bytea not null,
      facts jsonb not null,
      created_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, flow_id) references flow (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index flow_state_flow on flow_state (project_id, flow_id)`.execute(db)
    // One live code per purpose and target. The guess limit lives on the code's own row.
    await sql`create table otp_code (
      project_id text not null,
      purpose text not null,
      target text not null,
      id bytea not null,
      form text not null,
      code_hash bytea not null,
      channel text not null,
      user_id uuid,
      data jsonb not null,
      failed_attempts integer not null default 0,
      sent_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      delivery text not null,
      delivery_error text,
      primary key (project_id, purpose, target)
    )`.execute(db)
    await sql`create unique index otp_code_id on otp_code (project_id, id)`.execute(db)
    await sql`create index otp_code_link on otp_code (project_id, code_hash) where form = 'link'`.execute(db)
    await sql`create index otp_code_expiry on otp_code (expires_at)`.execute(db)
  },
}
