// The Admin API's bearer token: a short JWT signed with the project's admin key (management §2.1).
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Project } from '../projects/find.ts'
import type { Instant } from '../world.ts'

const mintedLifetime = 300
/** A token may not be made for longer than this: the key is all-powerful, and a token in a log should not stay so. */
const longestLifetime = 86_400
/** How far a caller's clock may be off. */
const skew = 300

/** A token for five minutes. `key` is the private RSA JWK with its `kid`. */
export function adminToken(projectId: string, key: Record<string, unknown>, now: Instant): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(now.getTime() / 1000)
  const claims = { aud: projectId, iat, exp: iat + mintedLifetime }
  const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: key.kid })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(input), createPrivateKey({ key: key as never, format: 'jwk' }))
  return `${input}.${signature.toString('base64url')}`
}

/** `auditContext` is the caller's own note of who acts and why, or undefined. */
export type AdminVerdict = { ok: true; auditContext: Record<string, unknown> | undefined } | { ok: false; why: string }

/**
 * Checks an Admin API token (management §2.1; RFC 7519, RFC 7515 §4.1). RS256 by the key of secret `admin-api.auth`
 * that `kid` names; `aud` is or holds the project's id. Stricter than the reference: `iat` and `exp` are required, at
 * most 24 h apart, and both are held against the clock, give or take 5 minutes; so is `nbf` if it is there.
 * @returns the verdict; `why` is for the log.
 */
export function readAdminToken(token: string, project: Pick<Project, 'id' | 'secrets'>, now: Instant): AdminVerdict {
  const no = (why: string): AdminVerdict => ({ ok: false, why })
  if (token.length > 8192) return no('too long')
  const parts = token.split('.')
  const [head = '', body = '', signature = ''] = parts
  const header = readPart(head)
  if (parts.length !== 3 || header === undefined) return no('not a JWS')
  if (header.alg !== 'RS256') return no('not RS256')
  if (header.crit !== undefined) return no('critical header')
  const input = Buffer.from(`${head}.${body}`)
  const bytes = Buffer.from(signature, 'base64url')
  const keys = adminKeys(project).filter((key) => key.kid === header.kid)
  if (keys.length === 0) return no('unknown key')
  if (!keys.some((key) => verify('sha256', input, key.publicKey, bytes))) return no('wrong signature')
  const claims = readPart(body)
  if (claims === undefined) return no('no claims')
  const { aud, iat, exp, nbf } = claims
  if (aud !== project.id && !(Array.isArray(aud) && aud.includes(project.id))) return no('another audience')
  if (!isTime(iat) || !isTime(exp)) return no('no iat or exp')
  const time = now.getTime() / 1000
  if (exp - iat > longestLifetime) return no('made for more than a day')
  if (iat > time + skew) return no('from the future')
  if (exp <= time - skew) return no('expired')
  if (nbf !== undefined && !(isTime(nbf) && nbf <= time + skew)) return no('not yet')
  const { audit_context: context } = claims
  return { ok: true, auditContext: isObject(context) ? context : undefined }
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function readPart(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

type AdminKey = { kid: string; publicKey: KeyObject }
const known = new WeakMap<object, AdminKey[]>()

/** Public halves of the project's admin keys; secrets are replaced whole when they change, and these with them. */
function adminKeys({ secrets }: Pick<Project, 'secrets'>): AdminKey[] {
  const set = secrets['admin-api.auth']
  if (set === undefined) return []
  const made =
    known.get(set) ??
    set.keys.map(({ kid, kty, n, e }) => ({ kid, publicKey: createPublicKey({ key: { kty, n, e }, format: 'jwk' }) }))
  known.set(set, made)
  return made
}
