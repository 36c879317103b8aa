// Facts of the installation: which master key seals its secrets, whether it is a development one, its clock offset.
import { sql } from 'kysely'
import type { Sealer } from '../keys/seal.ts'
import type { Query } from './database.ts'

const checkText = 'headgear'
const checkContext = 'instance'

export async function instanceFacts(
  query: Query,
): Promise<{ claimed: boolean; development: boolean; sealedCheck: string | undefined }> {
  const rows = await query.selectFrom('instance').selectAll().execute()
  const facts = new Map(rows.map((row) => [row.name, row.value]))
  const sealedCheck = facts.get('master_key_check')
  return { claimed: sealedCheck !== undefined, development: facts.get('development') === 'true', sealedCheck }
}

/**
 * Ties the database to its master key on first use, and refuses a node with another key, or one that would serve a
 * development database as if it were real.
 */
export async function claimInstance(
  query: Query,
  sealer: Sealer,
  development: boolean,
): Promise<{ ok: true } | { ok: false; why: string }> {
  await query
    .insertInto('instance')
    .values([
      { name: 'master_key_check', value: sealer.seal(checkText, checkContext) },
      { name: 'development', value: String(development) },
    ])
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const facts = await instanceFacts(query)
  try {
    if (facts.sealedCheck === undefined || sealer.open(facts.sealedCheck, checkContext).toString() !== checkText)
      throw new Error()
  } catch {
    return { ok: false, why: 'the master key is not the one that seals this database' }
  }
  if (facts.development && !development)
    return {
      ok: false,
      why: 'this database was made by --dev, where anyone on the machine may read messages and move the clock; serve it with --dev, or start a new one',
    }
  if (!facts.development && development)
    return {
      ok: false,
      why: 'this database is a real one; --dev would open its messages and its clock. Use another data directory or database',
    }
  return { ok: true }
}

/** Moves product time forward (development only); every node follows with its next poll. */
export async function advanceClock(query: Query, ms: number): Promise<void> {
  await query
    .insertInto('instance')
    .values({ name: 'clock_offset_ms', value: String(ms) })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ value: sql`(instance.value::bigint + ${ms}::bigint)::text` }),
    )
    .execute()
}
