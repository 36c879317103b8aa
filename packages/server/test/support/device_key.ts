// A key pair on a device, and the requests that SDKs sign with it (wire contract §2.5).
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'

export function deviceKey(alg: 'ES256' | 'RS256' = 'ES256') {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = randomUUID()
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    kid,
    jwk,
    /** `enclosed` is the key in the header: this one, another, or none. */
    request(
      type: 'anonymous' | 'biometric' | 'app2app',
      claims: Record<string, unknown>,
      now: Date,
      enclosed: Record<string, unknown> | null = jwk,
    ): string {
      const seconds = Math.floor(now.getTime() / 1000)
      const header = { typ: `vnd.authgear.${type}-request`, alg, kid, ...(enclosed === null ? {} : { jwk: enclosed }) }
      const input = `${encode(header)}.${encode({ iat: seconds, exp: seconds + 60, ...claims })}`
      const key = alg === 'ES256' ? { key: pair.privateKey, dsaEncoding: 'ieee-p1363' as const } : pair.privateKey
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
    },
  }
}
