// What falls due: expired rows go, partitions come and go, keys get their successors. Every sweep may run on every node
// at once; none depends on having run before.
import { sql } from 'kysely'
import { renewKeys } from './keys/renew.ts'
import { projectsWithDueKeys } from './keys/store.ts'
import type { Node } from './node.ts'
import { tellApplications, tellLeftBehind } from './oauth/back_channel_logout.ts'
import { dropOldPartitions, ensurePartitions } from './storage/partitions.ts'
import { eraseDue } from './users/deletion.ts'
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
  'acme_challenge',
  'device_token',
  'lockout',
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

/** Makes the successors of keys that will stop soon, and forgets those that nothing needs any more. */
export async function rotateKeys(node: Node): Promise<void> {
  const { db, clock } = node.world
  for (const id of await projectsWithDueKeys(db.query, clock.now())) {
    const project = await node.directory.byId(id)
    if (project !== undefined) await renewKeys(node.world, node.sealer, project)
  }
}

/** Runs the sweeps every minute until stopped. */
export function maintain(node: Node): { stop(): Promise<void> } {
  let running = Promise.resolve()
  const sweep = async () => {
    void node.certificates?.renewDue() // An authority may take its time.
    try {
      await ensurePartitions(node.world.db.query)
      await dropOldPartitions(node.world.db.query)
      await sweepExpired(node)
      await eraseDue(node.world.db, node.world.clock.now())
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
