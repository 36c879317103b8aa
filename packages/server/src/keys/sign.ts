// Signing JWTs on the hot path with node:crypto: ES256 in place, RS256 in the thread pool (it takes a millisecond).
import { type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'

export type SigningAlgorithm = 'RS256' | 'ES256'

export type SigningKey = {
  id: string
  algorithm: SigningAlgorithm
  privateKey: KeyObject
  publicKey: KeyObject
  /** Public JWK with `kid`, `alg` and `use`. */
  publicJwk: Record<string, unknown>
  createdAt: Date
  signsFrom: Date
}

const signInPool = promisify(sign)

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A compact JWS over `claims` (RFC 7515). `header` may set `typ`; `alg` and `kid` come from the key. */
export async function signJwt(key: SigningKey, header: { typ: string }, claims: object): Promise<string> {
  const input = `${encode({ alg: key.algorithm, typ: header.typ, kid: key.id })}.${encode(claims)}`
  const signature =
    key.algorithm === 'ES256'
      ? sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
      : await signInPool('sha256', Buffer.from(input), key.privateKey)
  return `${input}.${signature.toString('base64url')}`
}

/** The key that signs now: of this algorithm, the one whose time came last. Keys made ahead only stand in the JWKS. */
export function signingKey(keys: readonly SigningKey[], algorithm: SigningAlgorithm, now: Date): SigningKey {
  const [first, ...later] = keys
    .filter((key) => key.algorithm === algorithm)
    .sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime())
  // The first one signs even before its time: a clock that was set back must not leave the project without a key.
  const key = later.findLast((candidate) => candidate.signsFrom <= now) ?? first
  if (key === undefined) throw new Error(`no ${algorithm} signing key`)
  return key
}
