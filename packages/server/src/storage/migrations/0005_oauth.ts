import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What an OAuth exchange leaves lying for minutes. Ids of secrets are SHA-256 digests. */
export const oauth: Migration = {
  async up(db) {
    // A checked authorization request, waiting for the person; also a pushed one (RFC 9126), waiting for the browser.
    await sql`create table oauth_request (
      project_id text not null,
      id bytea not null,
      client_id text not null,
      origin text not null,
      pushed boolean not null,
      request jsonb not null,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index oauth_request_expiry on oauth_request (expires_at)`.execute(db)
    // What the pages found out: who signed in, how, in which browser session. Redeemed at /oauth2/consent.
    await sql`create table authentication_result (
      project_id text not null,
      id bytea not null,
      oauth_request_id bytea,
      user_id uuid not null,
      idp_session_id bytea,
      grant_id bytea,
      auth_time timestamptz not null,
      amr text[] not null,
      browser bytea,
      expires_at timestamptz not null,
      used_at timestamptz,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index authentication_result_expiry on authentication_result (expires_at)`.execute(db)
    await sql`create table authorization_code (
      project_id text not null,
      id bytea not null,
      kind text not null,
      client_id text not null,
      redirect_uri text not null,
      origin text not null,
      user_id uuid not null,
      authorization_id uuid,
      idp_session_id bytea,
      sso boolean not null,
      refreshed_grant_id bytea,
      scopes text[] not null,
      nonce text,
      code_challenge text,
      dpop_jkt text,
      auth_time timestamptz not null,
      amr text[] not null,
      request jsonb not null,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      grant_id bytea,
      token_id text,
      token_expires_at timestamptz,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index authorization_code_expiry on authorization_code (expires_at)`.execute(db)
    // Challenges, app session tokens, promotion codes, pre-authenticated URL tokens: one use each.
    await sql`create table one_time_token (
      project_id text not null,
      kind text not null,
      id bytea not null,
      data jsonb not null,
      expires_at timestamptz not null,
      used_at timestamptz,
      primary key (project_id, kind, id)
    )`.execute(db)
    await sql`create index one_time_token_expiry on one_time_token (expires_at)`.execute(db)
    // Proofs and assertions that may be used once (DPoP jti).
    await sql`create table replay (
      project_id text not null,
      id text not null,
      expires_at timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index replay_expiry on replay (expires_at)`.execute(db)
    // A device that waits for somebody to approve it elsewhere (RFC 8628): pending, approved, denied or redeemed.
    await sql`create table device_authorization (
      project_id text not null,
      id bytea not null,
      user_code text not null,
      client_id text not null,
      origin text not null,
      scopes text[] not null,
      status text not null,
      user_id uuid,
      authorization_id uuid,
      auth_time timestamptz,
      amr text[],
      interval_seconds integer not null,
      polled_at timestamptz,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      primary key (project_id, id)
    )`.execute(db)
    await sql`create unique index device_authorization_user_code on device_authorization (project_id, user_code)`.execute(
      db,
    )
    await sql`create index device_authorization_expiry on device_authorization (expires_at)`.execute(db)
  },
}
