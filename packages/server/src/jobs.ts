// What falls due: expired rows go, partitions come and go, keys get their successors. Every sweep may run on every node
// at once; none depends on having run before.
import { sql } from 'kysely'
import { append } from './events/log.ts'
import { dueForSuccessor, keyAge, newSigningKey } from './keys/rotate.ts'
import { insertSigningKey } from './keys/store.ts'
import type { Node } from './node.ts'
import { tellApplications, tellLeftBehind } from './oauth/back_channel_logout.ts'
import { scopeOf } from './projects/find.ts'
import { projectIds } from './projects/store.ts'
import { inTransaction } from './storage/database.ts'
import { dropOldPartitions, ensurePartitions } from './storage/partitions.ts'
import { after } from './world.ts'

const sweepEvery = 60_000

/** Tables whose rows say themselves when they are done. */
const expiring = [
  'oauth_request',
  'authentication_result',
  'authorization_code',
  'one_time_token',
  'replay',
  'device_authorization',
  'flow',
  'otp_code',
  'revoked_token',
] as const
/** Kept a day past their expiry, so that a late reuse is still told from an unknown value. */
const grace = 86_400
/** Ended sessions stay visible to the log's readers for a month. */
const endedKept = 30 * 86_400

export async function sweepExpired(node: Node): Promise<void> {
  const { query } = node.world.db
  const now = node.world.clock.now()
  for (const table of expiring)
    await sql`delete from ${sql.table(table)} where ctid = any (array(
      select ctid from ${sql.table(table)} where expires_at < ${after(now, -grace)} limit 5000))`.execute(query)
  await sql`delete from idp_session where ctid = any (array(
    select ctid from idp_session where ended_at < ${after(now, -endedKept)} limit 5000))`.execute(query)
  await sql`delete from offline_grant where ctid = any (array(
    select ctid from offline_grant where ended_at < ${after(now, -endedKept)}
      and coalesce(last_issued_exp < ${after(now, -grace)}, true) limit 5000))`.execute(query)
  await sql`delete from logout_delivery where ctid = any (array(
    select ctid from logout_delivery where created_at < ${after(now, -endedKept)} limit 5000))`.execute(query)
  await sql`delete from rate_bucket where ctid = any (array(
    select ctid from rate_bucket where arrival < ${after(now, -grace)} limit 5000))`.execute(query)
}

/** Makes and publishes the next signing key of every project whose current one will stop soon. */
export async function rotateKeys(node: Node): Promise<void> {
  const { db, clock } = node.world
  for (const id of await projectIds(db.query)) {
    const project = await node.directory.byId(id)
    if (project === undefined) continue
    const now = clock.now()
    const due = dueForSuccessor(project.signingKeys, now)
    if (due.length === 0) continue
    const keys = await Promise.all(due.map((algorithm) => newSigningKey(algorithm, now, after(now, keyAge.ahead))))
    await inTransaction(scopeOf(db, project), async (tx) => {
      // Whoever takes the project's row first makes the keys; the others find them there.
      await sql`select 1 from project where id = ${id} for update`.execute(tx.query)
      for (const key of keys) {
        const newer = await tx.query
          .selectFrom('signing_key')
          .select('id')
          .where('project_id', '=', id)
          .where('algorithm', '=', key.algorithm)
          .where('signs_from', '>', now)
          .executeTakeFirst()
        if (newer === undefined) await insertSigningKey(tx, node.sealer, key)
      }
      await append(tx, now, 'project.keys.rotated', { algorithms: due })
    })
  }
}

/** Runs the sweeps every minute until stopped. */
export function maintain(node: Node): { stop(): Promise<void> } {
  let running = Promise.resolve()
  const sweep = async () => {
    try {
      await ensurePartitions(node.world.db.query)
      await dropOldPartitions(node.world.db.query)
      await sweepExpired(node)
      await rotateKeys(node)
      await tellApplications(node)
      await tellLeftBehind(node)
    } catch (error) {
      node.world.log.warn({ err: error }, 'a sweep did not finish; the next one will')
    }
  }
  const timer = setInterval(() => {
    running = running.then(sweep)
  }, sweepEvery)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
