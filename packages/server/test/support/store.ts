// The database under test: embedded or PostgreSQL, by the run's `HEADGEAR_TEST_STORE`.

import { type Database, openPostgres } from '../../src/storage/database.ts'
import { openInMemory } from '../../src/storage/embedded.ts'
import { prepare } from '../../src/storage/prepare.ts'
import { type Headgear, type HeadgearOptions, startHeadgear } from '../../src/testing.ts'
import { createDatabase } from './postgres.ts'
import { gatherKept, secretsIn } from './secrets.ts'

export const onPostgres = process.env.HEADGEAR_TEST_STORE === 'postgres'

const tenantTables =
  /\b(mac_key|signing_key|event|end_user|identity|authenticator|password_history|verified_claim|user_role|idp_session|authorization_record|offline_grant|session_cookie|domain|logout_delivery|app_session|revoked_token|oauth_request|authentication_result|authorization_code|one_time_token|replay|device_authorization|flow|flow_state|otp_code|rate_bucket|recovery_code_set|recovery_code|device_token|lockout)\b/

/** Statements that serve all projects at once: the log poll, the schema, and the sweep of what has expired. */
const forAll =
  /e\.xid >= |^\s*(create|alter|drop|begin|commit|rollback|start|savepoint|release)\b|ctid = any|pg_advisory_xact_lock|event_default|pg_inherits|headgear_migration|pg_catalog/i

/** Whether a statement on a project's rows names no project (invariant 1). */
export function forgetsProject(text: string): boolean {
  return tenantTables.test(text) && !/project_id/.test(text) && !forAll.test(text)
}

/**
 * A server on a fresh database of the kind under test; `stop` removes the database too, and fails when any statement
 * touched tenants' rows without naming the project, or a secret stands in the log.
 */
export async function headgear(options: HeadgearOptions = {}): Promise<Headgear> {
  const forgetful: string[] = []
  const lines: string[] = []
  let count = 0
  const masterKey = options.masterKey ?? Buffer.alloc(32, 7).toString('base64')
  const watched: HeadgearOptions = {
    ...options,
    masterKey,
    log(line) {
      lines.push(line)
      options.log?.(line)
    },
    onStatement(text) {
      if (forgetsProject(text)) forgetful.push(text)
      if (!beside.test(text)) count += 1
      options.onStatement?.(text)
    },
  }
  const database = onPostgres && options.databaseUrl === undefined ? await createDatabase() : undefined
  const started = await startHeadgear(database ? { ...watched, databaseUrl: database.url } : watched)
  counters.set(started.node, () => count)
  return {
    ...started,
    get outbox() {
      return started.outbox
    },
    async stop() {
      await gatherKept(started)
      await started.stop()
      await database?.drop()
      const secrets = secretsIn(lines, [masterKey])
      if (secrets.length > 0) throw new Error(`secrets in the log:\n${secrets.join('\n')}`)
      if (forgetful.length > 0) throw new Error(`statements without a project:\n${forgetful.join('\n')}`)
    },
  }
}

/** The log poll, last accesses, sweeps and looks at the queue, which run beside every request. */
const beside = /headgear_queue|e\.xid >= |as v\(project_id, id, at, ip, seen, alive_after\)|ctid = any/
const counters = new WeakMap<Headgear['node'], () => number>()

/** How many statements `work` sends to a server of `headgear()`. */
export async function statementsOf(server: Headgear, work: () => Promise<unknown>): Promise<number> {
  const count = counters.get(server.node)
  if (count === undefined) throw new Error('not a server of headgear()')
  const before = count()
  await work()
  return count() - before
}

/** A migrated database of the kind under test, without a server. */
export async function openStore(): Promise<{ db: Database; url: string | undefined; drop(): Promise<void> }> {
  if (!onPostgres) {
    const db = await openInMemory()
    await prepare(db)
    return { db, url: undefined, drop: () => db.close() }
  }
  const database = await createDatabase()
  const db = await openPostgres(database.url)
  await prepare(db)
  return {
    db,
    url: database.url,
    async drop() {
      await db.close()
      await database.drop()
    },
  }
}
