import { createPrivateKey } from 'node:crypto'
import { sql } from 'kysely'
import type { MacRing } from '../sessions/credential.ts'
import type { Query, Scope, Tx } from '../storage/database.ts'
import { after, type Instant } from '../world.ts'
import { currentMacKey, keyAge, type MacKeyTimes, toSigningKey } from './rotate.ts'
import type { Sealer } from './seal.ts'
import type { SigningAlgorithm, SigningKey } from './sign.ts'

/** Stores a signing key, its private part sealed. */
export async function insertSigningKey(scope: Scope, sealer: Sealer, key: SigningKey): Promise<void> {
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' })
  await scope.query
    .insertInto('signing_key')
    .values({
      project_id: scope.projectId,
      id: key.id,
      algorithm: key.algorithm,
      private_key: sealer.seal(pem, `signing_key ${scope.projectId}`),
      public_key: JSON.stringify(key.publicJwk),
      created_at: key.createdAt,
      signs_from: key.signsFrom,
    })
    .execute()
}

export async function signingKeys(scope: Scope, sealer: Sealer): Promise<SigningKey[]> {
  const rows = await scope.query
    .selectFrom('signing_key')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .orderBy('signs_from', 'desc')
    .execute()
  return rows.map((row) =>
    toSigningKey({
      privateKey: createPrivateKey(sealer.open(row.private_key, `signing_key ${scope.projectId}`)),
      algorithm: row.algorithm as SigningAlgorithm,
      id: row.id,
      createdAt: row.created_at,
      signsFrom: row.signs_from,
    }),
  )
}

export async function deleteSigningKeys(scope: Scope, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await scope.query
    .deleteFrom('signing_key')
    .where('project_id', '=', scope.projectId)
    .where('id', 'in', [...ids])
    .execute()
}

/** Stores a MAC key under a number of the project's ring. It makes nothing until those before it are retired. */
export async function insertMacKey(
  scope: Scope,
  sealer: Sealer,
  key: { id: number; secret: Buffer; at: Date },
): Promise<void> {
  await scope.query
    .insertInto('mac_key')
    .values({
      project_id: scope.projectId,
      id: key.id,
      secret: sealer.seal(key.secret, `mac_key ${scope.projectId}`),
      created_at: key.at,
      retired_at: null,
    })
    .execute()
}

export async function macRing(scope: Scope, sealer: Sealer): Promise<{ ring: MacRing; macKeys: MacKeyTimes[] }> {
  const rows = await scope.query
    .selectFrom('mac_key')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .orderBy('created_at')
    .execute()
  const macKeys = rows.map((row) => ({ id: row.id, createdAt: row.created_at, retiredAt: row.retired_at }))
  const current = currentMacKey(macKeys)
  if (current === undefined) throw new Error(`project ${scope.projectId} has no MAC key`)
  const keys = new Map(rows.map((row) => [row.id, sealer.open(row.secret, `mac_key ${scope.projectId}`)]))
  return { ring: { current: current.id, keys }, macKeys }
}

export async function retireMacKey(scope: Scope, id: number, now: Instant): Promise<void> {
  await scope.query
    .updateTable('mac_key')
    .set({ retired_at: now })
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .execute()
}

/** Removes MAC keys that were retired before then. */
export async function deleteMacKeys(scope: Scope, retiredBefore: Instant): Promise<void> {
  await scope.query
    .deleteFrom('mac_key')
    .where('project_id', '=', scope.projectId)
    .where('retired_at', '<', retiredBefore)
    .execute()
}

/** Takes the keys of a project, so that of two nodes one makes their successors. */
export async function lockKeys(tx: Scope<Tx>): Promise<void> {
  await sql`select 1 from project where id = ${tx.projectId} for update`.execute(tx.query)
}

/** Projects with a key whose successor is due, asked for all at once. */
export async function projectsWithDueKeys(query: Query, now: Instant): Promise<string[]> {
  const { rows } = await sql<{ project_id: string }>`
    select project_id from signing_key group by project_id, algorithm
      having max(signs_from) <= ${after(now, keyAge.ahead - keyAge.signing)}
    union select project_id from mac_key group by project_id
      having case when count(*) filter (where retired_at is null) > 1
        then max(created_at) <= ${after(now, -keyAge.macAhead)}
        else greatest(max(created_at), max(retired_at)) <= ${after(now, keyAge.macAhead - keyAge.mac)} end`.execute(
    query,
  )
  return rows.map((row) => row.project_id)
}
