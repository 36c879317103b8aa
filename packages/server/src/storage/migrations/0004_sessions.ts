import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * The session tree: a browser session (`idp`) owns the grants made from it; a grant owns its refresh-token generations
 * and access tokens. Ids are digests of secrets that are stored nowhere.
 */
export const sessions: Migration = {
  async up(db) {
    await sql`create table idp_session (
      project_id text not null,
      id bytea not null,
      user_id uuid not null,
      origin text not null,
      auth_time timestamptz not null,
      amr text[] not null,
      created_at timestamptz not null,
      created_ip text not null,
      last_access_at timestamptz not null,
      last_access_ip text not null,
      user_agent text not null,
      ended_at timestamptz,
      end_reason text,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index idp_session_user on idp_session (project_id, user_id)`.execute(db)
    await sql`create index idp_session_ended on idp_session (ended_at) where ended_at is not null`.execute(db)
    await sql`create table authorization_record (
      project_id text not null,
      id uuid not null,
      user_id uuid not null,
      client_id text not null,
      scopes text[] not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (project_id, id),
      unique (project_id, user_id, client_id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create table offline_grant (
      project_id text not null,
      id bytea not null,
      user_id uuid not null,
      kind text not null,
      client_id text not null,
      authorization_id uuid,
      idp_session_id bytea,
      sso boolean not null,
      origin text not null,
      scopes text[] not null,
      auth_time timestamptz not null,
      amr text[] not null,
      created_at timestamptz not null,
      created_ip text not null,
      last_access_at timestamptz not null,
      last_access_ip text not null,
      user_agent text not null,
      device_info jsonb,
      userinfo_claims jsonb,
      has_refresh_token boolean not null,
      generation integer not null,
      seen_generation integer not null,
      key_ids smallint[] not null,
      rotated_at timestamptz[] not null,
      last_issued_exp timestamptz,
      dpop_jkt text,
      key_holder text,
      app2app_key jsonb,
      device_secret bytea,
      ended_at timestamptz,
      end_reason text,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    ) with (fillfactor = 80)`.execute(db)
    await sql`create index offline_grant_user on offline_grant (project_id, user_id)`.execute(db)
    await sql`create index offline_grant_idp on offline_grant (project_id, idp_session_id) where ended_at is null`.execute(
      db,
    )
    await sql`create index offline_grant_authorization on offline_grant (project_id, authorization_id)`.execute(db)
    await sql`create index offline_grant_ended on offline_grant (ended_at) where ended_at is not null`.execute(db)
    await sql`create table app_session (
      project_id text not null,
      id bytea not null,
      grant_id bytea not null,
      created_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, grant_id) references offline_grant (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index app_session_grant on app_session (project_id, grant_id)`.execute(db)
    await sql`create table revoked_token (
      project_id text not null,
      id text not null,
      expires_at timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index revoked_token_expiry on revoked_token (expires_at)`.execute(db)
  },
}
