// Requests signed by a key pair on a device: anonymous users, biometric sign-in, app2app (wire contract §2.5,
// «signed-request JWTs»).
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Instant } from '../world.ts'

export type KeyRequest = {
  /** `kid` of the key pair, under which the identity is kept. */
  keyId: string
  action: string
  challenge: string
  deviceInfo: Record<string, unknown> | undefined
  /** The public key that came along; only for an identity that has none yet. */
  key: Record<string, unknown> | undefined
  /** Whether this public JWK's private half signed the request. */
  signedBy(key: Record<string, unknown>): boolean
}

const leeway = 300

/**
 * Reads a JWT of type `vnd.authgear.<type>-request`. Nothing in it is believed until `signedBy` says yes and the
 * challenge is redeemed. Undefined when it is malformed, expired, or of another type.
 */
export function readKeyRequest(
  jwt: string,
  expected: { type: 'anonymous' | 'biometric' | 'app2app'; actions: readonly string[] },
  now: Instant,
): KeyRequest | undefined {
  const [head, body, signature, ...more] = jwt.length > 16_384 ? [] : jwt.split('.')
  if (head === undefined || body === undefined || signature === undefined || more.length > 0) return undefined
  const header = parse(head)
  const claims = parse(body)
  if (header?.typ !== `vnd.authgear.${expected.type}-request` || claims === undefined) return undefined
  const { kid, alg, jwk } = header
  const { action, challenge, iat, exp, device_info } = claims
  if (typeof kid !== 'string' || !/^[-\w]{8,64}$/.test(kid) || (alg !== 'RS256' && alg !== 'ES256')) return undefined
  if (typeof action !== 'string' || !expected.actions.includes(action) || typeof challenge !== 'string')
    return undefined
  const seconds = now.getTime() / 1000
  if (typeof exp !== 'number' || seconds > exp + leeway) return undefined
  if (typeof iat !== 'number' || iat > seconds + leeway) return undefined
  return {
    keyId: kid,
    action,
    challenge,
    deviceInfo: isObject(device_info) ? device_info : undefined,
    key: isObject(jwk) ? publicPart(jwk) : undefined,
    signedBy(key) {
      try {
        const keyObject = createPublicKey({ key: publicPart(key) as never, format: 'jwk' })
        return signed(keyObject, alg, Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url'))
      } catch {
        return false
      }
    },
  }
}

function signed(key: KeyObject, alg: 'RS256' | 'ES256', input: Buffer, signature: Buffer): boolean {
  if (alg === 'ES256')
    return (
      key.asymmetricKeyType === 'ec' &&
      key.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
      verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, signature)
    )
  return (
    key.asymmetricKeyType === 'rsa' &&
    (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 &&
    verify('sha256', input, key, signature)
  )
}

/** What of a JWK is kept and believed: nothing private, nothing else. */
function publicPart({ kty, crv, x, y, n, e }: Record<string, unknown>): Record<string, unknown> {
  return kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
