import { createPrivateKey } from 'node:crypto'
import type { MacRing } from '../sessions/credential.ts'
import type { Scope } from '../storage/database.ts'
import { toSigningKey } from './rotate.ts'
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

/** Stores a MAC key under the next number of the project's ring; it mints from then on. */
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

export async function macRing(scope: Scope, sealer: Sealer): Promise<MacRing> {
  const rows = await scope.query
    .selectFrom('mac_key')
    .selectAll()
    .where('project_id', '=', scope.projectId)
    .orderBy('created_at')
    .execute()
  const current = rows.at(-1)
  if (current === undefined) throw new Error(`project ${scope.projectId} has no MAC key`)
  return {
    current: current.id,
    keys: new Map(rows.map((row) => [row.id, sealer.open(row.secret, `mac_key ${scope.projectId}`)])),
  }
}
