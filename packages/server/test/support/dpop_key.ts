// A client's DPoP key and the proofs that it makes (RFC 9449 §4.2), good ones unless a test bends them.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'

type Bent = { header?: Record<string, unknown>; claims?: Record<string, unknown> }

export function dpopKey(kind: 'ES256' | 'RS256' = 'ES256') {
  const { privateKey, publicKey } =
    kind === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = publicKey.export({ format: 'jwk' })
  const members =
    kind === 'ES256' ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y } : { e: jwk.e, kty: jwk.kty, n: jwk.n }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return {
    jkt: createHash('sha256').update(JSON.stringify(members)).digest('base64url'),
    privateJwk: privateKey.export({ format: 'jwk' }),
    proof(url: string, now: Date, bent: Bent = {}): string {
      const header = { typ: 'dpop+jwt', alg: kind, jwk, ...bent.header }
      const claims = { jti: randomUUID(), htm: 'POST', htu: url, iat: Math.floor(now.getTime() / 1000), ...bent.claims }
      const input = `${encode(header)}.${encode(claims)}`
      const signature = sign(
        'sha256',
        Buffer.from(input),
        kind === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey,
      )
      return `${input}.${signature.toString('base64url')}`
    },
  }
}
