// Keeps sessions in PostgreSQL, in two tables of the app's own database.
import type { SessionStore } from './store.ts'

/** A `Pool` of `pg`, or anything that queries alike. */
export type Queryable = {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>
}

/** The tables, for a migration of the app's own. Safe to run again. */
export const postgresTables = `
create table if not exists headgear_session (
  key text primary key,
  data text not null,
  version integer not null default 1,
  sid text,
  sub text not null,
  signed_in_at timestamptz not null,
  expires_at timestamptz not null,
  claimed_until timestamptz
);
create index if not exists headgear_session_sid on headgear_session (sid);
create index if not exists headgear_session_sub on headgear_session (sub);
create index if not exists headgear_session_expires_at on headgear_session (expires_at);
create table if not exists headgear_denied (
  name text primary key,
  before timestamptz not null,
  expires_at timestamptz not null
);
create index if not exists headgear_denied_expires_at on headgear_denied (expires_at);
`

/** How often one process takes out what has expired, and how much at once. */
const sweepMs = 600_000
const sweepRows = 1000

/** A store on the app's PostgreSQL; `prepare` makes its tables where no migration does. */
export function postgresStore(pool: Queryable): SessionStore & { prepare(): Promise<void> } {
  let sweptAt = Number.NEGATIVE_INFINITY

  /** Takes out a few rows that have expired; whoever asked does not wait for it. */
  function sweep() {
    if (performance.now() - sweptAt < sweepMs) return
    sweptAt = performance.now()
    for (const [table, key] of [
      ['headgear_session', 'key'],
      ['headgear_denied', 'name'],
    ])
      pool
        .query(
          `delete from ${table} where ${key} in (select ${key} from ${table} where expires_at < now() limit ${sweepRows})`,
        )
        .catch(() => {}) // the next sweep is as good
  }

  const changed = async (text: string, values: unknown[]) => ((await pool.query(text, values)).rowCount ?? 0) > 0

  return {
    async prepare() {
      // One transaction; two processes that begin at once would trip over each other's tables without the lock.
      await pool.query(`select pg_advisory_xact_lock(4857123409); ${postgresTables}`)
    },

    async create(key, { data, sid, sub, signedInAt, expiresAt }) {
      sweep()
      await pool.query(
        `insert into headgear_session (key, data, sid, sub, signed_in_at, expires_at) values ($1, $2, $3, $4, $5, $6)`,
        [key, data, sid, sub, signedInAt, expiresAt],
      )
    },

    async read(key) {
      const { rows } = await pool.query(
        `select data, version from headgear_session where key = $1 and expires_at > now()`,
        [key],
      )
      return rows[0] as { data: string; version: number } | undefined
    },

    claim: (key, version, ms) =>
      changed(
        `update headgear_session set claimed_until = clock_timestamp() + $3::float8 * interval '1 ms'
         where key = $1 and version = $2 and (claimed_until is null or claimed_until < clock_timestamp())`,
        [key, version, ms],
      ),

    async release(key, version) {
      await pool.query(`update headgear_session set claimed_until = null where key = $1 and version = $2`, [
        key,
        version,
      ])
    },

    replace: (key, version, { data, expiresAt }) =>
      changed(
        `update headgear_session set data = $3, expires_at = $4, version = version + 1, claimed_until = null
         where key = $1 and version = $2`,
        [key, version, data, expiresAt],
      ),

    async remove(key) {
      await pool.query(`delete from headgear_session where key = $1`, [key])
    },

    async removeAll(of) {
      if ('sid' in of) await pool.query(`delete from headgear_session where sid = $1`, [of.sid])
      else await pool.query(`delete from headgear_session where sub = $1 and signed_in_at < $2`, [of.sub, of.until])
    },

    async deny(name, before, expires) {
      sweep()
      await pool.query(
        `insert into headgear_denied (name, before, expires_at) values ($1, $2, $3) on conflict (name) do update
         set before = greatest(headgear_denied.before, $2), expires_at = greatest(headgear_denied.expires_at, $3)`,
        [name, before, expires],
      )
    },

    async denied(names, began) {
      const { rows } = await pool.query(
        `select 1 from headgear_denied where name = any($1) and before > $2 and expires_at > now() limit 1`,
        [names, began],
      )
      return rows.length > 0
    },
  }
}
