// The schema's history, in order. Forward only: the previous release must still run on the newer schema.

import { type Migration, Migrator } from 'kysely/migration'
import type { Query } from './database.ts'
import { projects } from './migrations/0001_projects.ts'
import { events } from './migrations/0002_events.ts'
import { users } from './migrations/0003_users.ts'
import { sessions } from './migrations/0004_sessions.ts'
import { oauth } from './migrations/0005_oauth.ts'
import { flows } from './migrations/0006_flows.ts'
import { limits } from './migrations/0007_limits.ts'
import { revocations } from './migrations/0008_revocations.ts'
import { origins } from './migrations/0009_origins.ts'
import { logouts } from './migrations/0010_logouts.ts'
import { domains } from './migrations/0011_domains.ts'
import { certificates } from './migrations/0012_certificates.ts'
import { secondFactors } from './migrations/0013_second_factors.ts'

const migrations: Record<string, Migration> = {
  '0001_projects': projects,
  '0002_events': events,
  '0003_users': users,
  '0004_sessions': sessions,
  '0005_oauth': oauth,
  '0006_flows': flows,
  '0007_limits': limits,
  '0008_revocations': revocations,
  '0009_origins': origins,
  '0010_logouts': logouts,
  '0011_domains': domains,
  '0012_certificates': certificates,
  '0013_second_factors': secondFactors,
}

/**
 * Brings the schema up to date; several nodes may call it at once (Kysely takes an advisory lock).
 * @returns names of the migrations that ran now.
 * @throws the database's error when one fails; that migration is rolled back.
 */
export async function migrate(query: Query): Promise<string[]> {
  const migrator = new Migrator({
    db: query,
    provider: { getMigrations: async () => migrations },
    migrationTableName: 'headgear_migration',
    migrationLockTableName: 'headgear_migration_lock',
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
}
