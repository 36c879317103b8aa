// The secret that a device's apps share, so that one session can open another's pages (wire contract §2.5, `device_sso`).
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Grant } from '../sessions/store.ts'
import type { Random } from '../world.ts'
import { digestOf, newSecret } from './one_time.ts'

/** A device secret for these scopes, when they have `device_sso`; `id` is what the grant keeps of it. */
export function deviceSecretFor(
  scopes: readonly string[],
  random: Random,
): { secret: string; id: Buffer; dsHash: string } | undefined {
  if (!scopes.includes('device_sso')) return undefined
  const { secret, id } = newSecret(random)
  return { secret, id, dsHash: dsHashOf(secret) }
}

/** `ds_hash` of the ID token that stands beside a device secret. */
export function dsHashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

export function isDeviceSecretOf(secret: string, grant: Pick<Grant, 'device_secret'>): boolean {
  return grant.device_secret !== null && timingSafeEqual(digestOf(secret), grant.device_secret)
}
