// Devices that wait for their person (RFC 8628): the code that the device keeps, and the one that people type.
import { sql } from 'kysely'
import type { Guard } from '../sessions/store.ts'
import type { Scope, Tx } from '../storage/database.ts'
import { after, type Instant, type Random } from '../world.ts'
import { digestOf, newSecret } from './one_time.ts'

/** Seconds that a device waits at most, and between two of its questions. */
export const deviceLifetime = 600
export const pollInterval = 5

/** Without vowels, so that no word comes about: 20 to the 8th (RFC 8628 §6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const userCodeLength = 8

export type DeviceStatus = 'pending' | 'approved' | 'denied' | 'redeemed'

type DeviceRow = NonNullable<Awaited<ReturnType<typeof findDevice>>>
export type Device = Omit<DeviceRow, 'status'> & { status: DeviceStatus }

function drawUserCode(random: Random): string {
  let code = ''
  while (code.length < userCodeLength)
    for (const byte of random(userCodeLength)) {
      // The last 16 values of a byte would favour the first letters.
      if (byte < 240 && code.length < userCodeLength) code += letters[byte % letters.length]
    }
  return code
}

/** A typed code as it is kept, whatever its case and dashes; undefined when it can be none. */
export function readUserCode(text: string): string | undefined {
  const code = text.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  return code.length === userCodeLength && [...code].every((letter) => letters.includes(letter)) ? code : undefined
}

/** A code as people read it: `WDJB-MJHT`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** Keeps a new pair of codes for ten minutes. */
export async function insertDevice(
  scope: Scope,
  device: { clientId: string; origin: string; scopes: readonly string[] },
  chance: { random: Random; now: Instant },
): Promise<{ deviceCode: string; userCode: string }> {
  const { secret, id } = newSecret(chance.random)
  for (;;) {
    const userCode = drawUserCode(chance.random)
    const made = await scope.query
      .insertInto('device_authorization')
      .values({
        project_id: scope.projectId,
        id,
        user_code: userCode,
        client_id: device.clientId,
        origin: device.origin,
        scopes: [...device.scopes],
        status: 'pending',
        user_id: null,
        authorization_id: null,
        auth_time: null,
        amr: null,
        interval_seconds: pollInterval,
        polled_at: null,
        created_at: chance.now,
        expires_at: after(chance.now, deviceLifetime),
      })
      // Another device may show the same code just now.
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (made.numInsertedOrUpdatedRows === 1n) return { deviceCode: secret, userCode }
  }
}

export function findDevice(scope: Scope, by: { userCode: string } | { id: Buffer }) {
  const rows = scope.query.selectFrom('device_authorization').selectAll().where('project_id', '=', scope.projectId)
  const found = 'id' in by ? rows.where('id', '=', by.id) : rows.where('user_code', '=', by.userCode)
  return found.executeTakeFirst()
}

/** Notes what the person decided. Of two decisions the first one holds; false when there is nothing left to decide. */
export async function decideDevice(
  tx: Scope<Tx>,
  id: Buffer,
  decision: { userId: string; authorizationId: string; authTime: Instant; amr: readonly string[] } | 'denied',
  now: Instant,
): Promise<boolean> {
  const decided = await tx.query
    .updateTable('device_authorization')
    .set(
      decision === 'denied'
        ? { status: 'denied' }
        : {
            status: 'approved',
            user_id: decision.userId,
            authorization_id: decision.authorizationId,
            auth_time: decision.authTime,
            amr: [...decision.amr],
          },
    )
    .where('project_id', '=', tx.projectId)
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return decided.numUpdatedRows === 1n
}

/**
 * The device behind a code of this client, which asks again now. One that asks before its interval has passed must wait
 * five seconds longer from then on (§3.5); a second's earliness is the network's.
 */
export async function pollDevice(
  scope: Scope,
  asked: { deviceCode: string; clientId: string },
  now: Instant,
): Promise<(Device & { too_soon: boolean }) | undefined> {
  const { rows } = await sql<Device & { too_soon: boolean }>`
    update device_authorization d set polled_at = ${now}::timestamptz,
      interval_seconds = d.interval_seconds + case when before.too_soon then 5 else 0 end
    from (select id, status = 'pending' and coalesce(
          polled_at + make_interval(secs => interval_seconds - 1) > ${now}::timestamptz, false) as too_soon
        from device_authorization where project_id = ${scope.projectId} and id = ${digestOf(asked.deviceCode)}
        for update) before
    where d.project_id = ${scope.projectId} and d.id = before.id and d.client_id = ${asked.clientId}
    returning d.*, before.too_soon`.execute(scope.query)
  return rows[0]
}

/**
 * Spends an approved code as part of `insertGrant`; nothing is spent and nothing made when the user (`u` of that
 * statement) is not there, or no longer allows the client.
 */
export const spendDevice: Guard['spend'] = (put) => sql`
  update device_authorization d set status = 'redeemed' from u
    where d.project_id = ${put('project')} and d.id = ${put('guarded')} and d.status = 'approved' and d.user_id = u.id
      and d.expires_at > ${put('now')}::timestamptz
      and exists (select 1 from authorization_record a
        where a.project_id = d.project_id and a.id = d.authorization_id for share)
    returning 1`
