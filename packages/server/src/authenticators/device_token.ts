// Trusted devices: a cookie that stands in for the second factor, for as many days as the project says.
import { createHash } from 'node:crypto'
import { charge } from '../limits/rate.ts'
import { type Project, scopeOf } from '../projects/find.ts'
import { Refusal } from '../refusal.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant, type Random, type World } from '../world.ts'
import { verifyBuckets } from './verify_limits.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const day = 86_400

/** Name of the cookie, behind the origin's prefix. */
export const deviceTokenCookie = 'mfa_device_token'

function idOf(projectId: string, token: string): Buffer {
  return createHash('sha256').update(`device token\0${projectId}\0${token}`).digest()
}

/** 64 characters of base32, drawn from 32 bytes of chance. */
export function newDeviceToken(random: Random): string {
  const bytes = createHash('sha512').update(random(32)).digest()
  return [...bytes].map((byte) => alphabet[byte & 31]).join('')
}

export async function insertDeviceToken(
  tx: Scope<Tx>,
  device: { userId: string; token: string; days: number },
  now: Instant,
): Promise<void> {
  await tx.query
    .insertInto('device_token')
    .values({
      project_id: tx.projectId,
      id: idOf(tx.projectId, device.token),
      user_id: device.userId,
      created_at: now,
      expires_at: after(now, device.days * day),
    })
    .execute()
}

async function findDeviceToken(scope: Scope, userId: string, id: Buffer, now: Instant): Promise<boolean> {
  const row = await scope.query
    .selectFrom('device_token')
    .select('id')
    .where('project_id', '=', scope.projectId)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether this user still trusts the device that a flow found trusted. */
export function stillTrusted(scope: Scope, userId: string, id: string, now: Instant): Promise<boolean> {
  return findDeviceToken(scope, userId, Buffer.from(id, 'base64url'), now)
}

/**
 * What the browser presents, looked up: the id of the user's trusted device, or nothing. Never a refusal: who is not
 * trusted, or has guessed too often, proves it the other way.
 */
export async function trustedDevice(
  world: World,
  project: Project,
  presented: { token: string | undefined; userId: string; ip: string },
): Promise<string | undefined> {
  const { token, userId, ip } = presented
  if (token === undefined || !/^[A-Z2-7]{64}$/.test(token)) return undefined
  const scope = scopeOf(world.db, project)
  const now = world.clock.now()
  try {
    const charged = await charge(scope, verifyBuckets(project.config, 'device_token', { ip, userId }), now)
    const id = idOf(project.id, token)
    if (!(await findDeviceToken(scope, userId, id, now))) return undefined
    await charged.giveBack()
    return id.toString('base64url')
  } catch (error) {
    if (error instanceof Refusal && error.reason === 'RateLimited') return undefined
    throw error
  }
}

/** @returns how many there were. */
export async function deleteDeviceTokens(tx: Scope<Tx>, userId: string): Promise<number> {
  const { numDeletedRows } = await tx.query
    .deleteFrom('device_token')
    .where('project_id', '=', tx.projectId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** How many devices this user trusts now. */
export async function countDeviceTokens(scope: Scope, userId: string, now: Instant): Promise<number> {
  const row = await scope.query
    .selectFrom('device_token')
    .select((select) => select.fn.countAll<string>().as('n'))
    .where('project_id', '=', scope.projectId)
    .where('user_id', '=', userId)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return Number(row?.n ?? 0)
}
