// What a JWT access token says beyond its session: it may carry less than the grant.
import { verifyOwnJwt } from '../keys/verify.ts'
import type { Project } from '../projects/find.ts'

/** Claims of a JWT access token, when it is the one that the session was found by; an opaque one has none. */
export function ownClaims(
  project: Project,
  token: string | undefined,
  tokenId: string | undefined,
): { iat?: number; scope?: string } | undefined {
  if (token === undefined || tokenId === undefined || !token.includes('.')) return undefined
  const claims = verifyOwnJwt(token, project.signingKeys)?.claims
  return claims?.jti === tokenId ? (claims as { iat?: number; scope?: string }) : undefined
}
