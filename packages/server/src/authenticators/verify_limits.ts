// How often a factor may be tried: the buckets of authentication §8.1. Rules only.
import type { Config } from '../config/schema.ts'
import { addressKey, type Bucket } from '../limits/rate.ts'

const words = {
  password: 'Password',
  totp: 'TOTP',
  recovery_code: 'RecoveryCode',
  device_token: 'DeviceToken',
} as const

/** Buckets that a try at this factor fills, unless it is right. */
export function verifyBuckets(
  config: Config,
  factor: keyof typeof words,
  by: { ip: string; userId: string | undefined },
): Bucket[] {
  const limits = config.authentication.rate_limits[factor]
  const group = `authentication.${factor}`
  const name = `Verify${words[factor]}`
  const address = addressKey(by.ip)
  const perIp: Bucket = { name: `${name}PerIP`, group, per: 'per_ip', of: [address], limit: limits.per_ip }
  if (by.userId === undefined) return [perIp]
  const of = [by.userId, address]
  return [perIp, { name: `${name}PerUserPerIP`, group, per: 'per_user_per_ip', of, limit: limits.per_user_per_ip }]
}
