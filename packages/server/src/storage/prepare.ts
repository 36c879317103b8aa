// What must stand in a database before a node serves from it.
import { prepareQueue } from '../delivery/queue.ts'
import type { Database } from './database.ts'
import { migrate } from './migrations.ts'
import { ensurePartitions } from './partitions.ts'

/** Brings schema and job queue up to date. @returns names of the migrations that ran. */
export async function prepare(db: Database): Promise<string[]> {
  const ran = await migrate(db.query)
  await ensurePartitions(db.query)
  await prepareQueue(db)
  return ran
}
