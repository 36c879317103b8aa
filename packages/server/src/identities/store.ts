import { v7 as uuidv7 } from 'uuid'
import type { Scope, Tx } from '../storage/database.ts'
import type { Instant } from '../world.ts'
import type { LoginIdType } from './config.ts'
import { type LoginId, loginIdClaims } from './login_id.ts'

export type Identity = {
  id: string
  user_id: string
  type: string
  unique_key: string
  login_id_key: string | null
  login_id_type: string | null
  login_id: string | null
  original_login_id: string | null
  claims: Record<string, unknown>
  data: Record<string, unknown>
  created_at: Date
  updated_at: Date
}

const columns = [
  'id',
  'user_id',
  'type',
  'unique_key',
  'login_id_key',
  'login_id_type',
  'login_id',
  'original_login_id',
  'claims',
  'data',
  'created_at',
  'updated_at',
] as const

/** Oldest first. */
export function identitiesOf(scope: Scope, userId: string): Promise<Identity[]> {
  return scope.query
    .selectFrom('identity')
    .select(columns)
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** The one identity of this kind under this key, of any user. */
export function findIdentity(scope: Scope, type: string, uniqueKey: string): Promise<Identity | undefined> {
  return scope.query
    .selectFrom('identity')
    .select(columns)
    .where('project_id', '=', scope.projectId)
    .where('type', '=', type)
    .where('unique_key', '=', uniqueKey)
    .executeTakeFirst()
}

/** Under which key a login ID is unique: keys of different types never meet. */
export function loginIdUniqueKey(type: LoginIdType, uniqueKey: string): string {
  return `${type}:${uniqueKey}`
}

export function findByLoginId(scope: Scope, type: LoginIdType, uniqueKey: string): Promise<Identity | undefined> {
  return findIdentity(scope, 'login_id', loginIdUniqueKey(type, uniqueKey))
}

export type NewIdentity =
  | { type: 'login_id'; loginId: LoginId }
  | { type: 'anonymous'; keyId: string; key: Record<string, unknown> | undefined }

function row(identity: NewIdentity) {
  if (identity.type === 'anonymous')
    return {
      unique_key: identity.keyId,
      login_id_key: null,
      login_id_type: null,
      login_id: null,
      original_login_id: null,
      claims: '{}',
      data: JSON.stringify({ key_id: identity.keyId, ...(identity.key ? { key: identity.key } : {}) }),
    }
  const { loginId } = identity
  return {
    unique_key: loginIdUniqueKey(loginId.type, loginId.uniqueKey),
    login_id_key: loginId.key,
    login_id_type: loginId.type,
    login_id: loginId.value,
    original_login_id: loginId.original,
    claims: JSON.stringify(loginIdClaims(loginId)),
    data: '{}',
  }
}

/** Ids grow with time, so that what was made in one transaction keeps its order. @returns the new identity's id, or undefined when another user holds it already. */
export async function insertIdentity(
  tx: Scope<Tx>,
  userId: string,
  identity: NewIdentity,
  now: Instant,
): Promise<string | undefined> {
  const inserted = await tx.query
    .insertInto('identity')
    .values({
      project_id: tx.projectId,
      id: uuidv7(),
      user_id: userId,
      type: identity.type,
      ...row(identity),
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.columns(['project_id', 'type', 'unique_key']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted?.id
}

/** Gives a login-ID identity another value. @returns false when another identity has it; the transaction is over then. */
export async function updateLoginId(
  tx: Scope<Tx>,
  identityId: string,
  loginId: LoginId,
  now: Instant,
): Promise<boolean> {
  const changed = row({ type: 'login_id', loginId })
  const taken = await findByLoginId(tx, loginId.type, loginId.uniqueKey)
  if (taken !== undefined && taken.id !== identityId) return false
  try {
    await tx.query
      .updateTable('identity')
      .set({ ...changed, updated_at: now })
      .where('project_id', '=', tx.projectId)
      .where('id', '=', identityId)
      .execute()
  } catch (error) {
    // Somebody took it between the two statements: unique_violation.
    if ((error as { code?: unknown }).code === '23505') return false
    throw error
  }
  return true
}

export async function deleteIdentity(tx: Scope<Tx>, identityId: string): Promise<void> {
  await tx.query.deleteFrom('identity').where('project_id', '=', tx.projectId).where('id', '=', identityId).execute()
}

export function loginIdOf(identity: Identity): LoginId | undefined {
  if (identity.type !== 'login_id' || identity.login_id === null || identity.login_id_type === null) return undefined
  return {
    key: identity.login_id_key ?? identity.login_id_type,
    type: identity.login_id_type as LoginIdType,
    value: identity.login_id,
    original: identity.original_login_id ?? identity.login_id,
    uniqueKey: identity.unique_key.slice(identity.login_id_type.length + 1),
  }
}

/** A device's key pair for biometric sign-in. @returns its id, or undefined when the key is registered already. */
export async function insertBiometricIdentity(
  tx: Scope<Tx>,
  userId: string,
  device: { keyId: string; key: Record<string, unknown>; deviceInfo: Record<string, unknown> },
  now: Instant,
): Promise<string | undefined> {
  const inserted = await tx.query
    .insertInto('identity')
    .values({
      project_id: tx.projectId,
      id: uuidv7(),
      user_id: userId,
      type: 'biometric',
      unique_key: device.keyId,
      login_id_key: null,
      login_id_type: null,
      login_id: null,
      original_login_id: null,
      claims: '{}',
      data: JSON.stringify({ key_id: device.keyId, key: device.key, device_info: device.deviceInfo }),
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.columns(['project_id', 'type', 'unique_key']).doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted?.id
}
