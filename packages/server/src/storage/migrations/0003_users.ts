import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Users, how they are found (identities), how they prove it (authenticators), what is verified. */
export const users: Migration = {
  async up(db) {
    await sql`create table end_user (
      project_id text not null,
      id uuid not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      last_login_at timestamptz,
      is_disabled boolean not null default false,
      disable_reason text,
      is_deactivated boolean not null default false,
      temporarily_disabled_from timestamptz,
      temporarily_disabled_until timestamptz,
      account_valid_from timestamptz,
      account_valid_until timestamptz,
      delete_at timestamptz,
      delete_reason text,
      anonymize_at timestamptz,
      anonymized_at timestamptz,
      standard_attributes jsonb not null default '{}',
      custom_attributes jsonb not null default '{}',
      primary key (project_id, id)
    )`.execute(db)
    await sql`create index end_user_created on end_user (project_id, created_at, id)`.execute(db)
    await sql`create index end_user_due on end_user (delete_at) where delete_at is not null`.execute(db)
    // Who never signed in counts as earliest, so the usual order, newest first, ends with them.
    await sql`create index end_user_last_login on end_user (project_id, coalesce(last_login_at, '-infinity'), id)`.execute(
      db,
    )
    for (const name of ['email', 'phone_number', 'preferred_username'])
      await sql`create index ${sql.ref(`end_user_${name}`)} on end_user (project_id, (standard_attributes ->> ${sql.lit(name)}))
        where standard_attributes ->> ${sql.lit(name)} is not null`.execute(db)
    // Words of a profile for the search of administrators, each behind its project, so that one project's search never
    // walks another's users.
    await sql`create function user_words(project_id text, attributes jsonb) returns tsvector
      language sql immutable parallel safe as $$
        select array_to_tsvector(coalesce(array_agg(distinct project_id || ' ' || word), '{}'))
        from regexp_split_to_table(lower(
          coalesce(attributes ->> 'name', '') || ' ' || coalesce(attributes ->> 'given_name', '') || ' ' ||
          coalesce(attributes ->> 'middle_name', '') || ' ' || coalesce(attributes ->> 'family_name', '') || ' ' ||
          coalesce(attributes ->> 'nickname', '') || ' ' || coalesce(attributes ->> 'preferred_username', '') || ' ' ||
          coalesce(attributes ->> 'email', '') || ' ' || replace(coalesce(attributes ->> 'email', ''), '@', ' ') || ' ' ||
          coalesce(attributes ->> 'phone_number', '') || ' ' || ltrim(coalesce(attributes ->> 'phone_number', ''), '+') || ' ' ||
          coalesce(attributes ->> 'gender', '') || ' ' || coalesce(attributes ->> 'zoneinfo', '') || ' ' ||
          coalesce(attributes ->> 'locale', '') || ' ' ||
          coalesce(attributes -> 'address' ->> 'street_address', '') || ' ' ||
          coalesce(attributes -> 'address' ->> 'locality', '') || ' ' || coalesce(attributes -> 'address' ->> 'region', '') || ' ' ||
          coalesce(attributes -> 'address' ->> 'postal_code', '') || ' ' || coalesce(attributes -> 'address' ->> 'country', '')
        ), '\\s+') as word where word <> '' and length(word) <= 100
      $$`.execute(db)
    await sql`create index end_user_words on end_user using gin (user_words(project_id, standard_attributes))`.execute(
      db,
    )
    await sql`create table identity (
      project_id text not null,
      id uuid not null,
      user_id uuid not null,
      type text not null,
      unique_key text not null,
      login_id_key text,
      login_id_type text,
      login_id text,
      original_login_id text,
      claims jsonb not null default '{}',
      data jsonb not null default '{}',
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create unique index identity_unique on identity (project_id, type, unique_key)`.execute(db)
    await sql`create index identity_user on identity (project_id, user_id)`.execute(db)
    await sql`create index identity_login_id on identity (project_id, login_id text_pattern_ops) where login_id is not null`.execute(
      db,
    )
    await sql`create table authenticator (
      project_id text not null,
      id uuid not null,
      user_id uuid not null,
      type text not null,
      kind text not null,
      is_default boolean not null,
      target text,
      secret text,
      data jsonb not null default '{}',
      created_at timestamptz not null,
      updated_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index authenticator_user on authenticator (project_id, user_id)`.execute(db)
    await sql`create table password_history (
      project_id text not null,
      id uuid not null,
      user_id uuid not null,
      secret text not null,
      created_at timestamptz not null,
      primary key (project_id, id),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create index password_history_user on password_history (project_id, user_id, created_at)`.execute(db)
    await sql`create table verified_claim (
      project_id text not null,
      user_id uuid not null,
      name text not null,
      value text not null,
      created_at timestamptz not null,
      primary key (project_id, user_id, name, value),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
    await sql`create table user_role (
      project_id text not null,
      user_id uuid not null,
      role_key text not null,
      primary key (project_id, user_id, role_key),
      foreign key (project_id, user_id) references end_user (project_id, id) on delete cascade
    )`.execute(db)
  },
}
