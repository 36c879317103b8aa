// RFC 7009. A token names its own kind: a refresh token ends its grant and group, an access token ends alone.
import { verifyOwnJwt } from '../keys/verify.ts'
import type { Project } from '../projects/find.ts'
import { scopeOf } from '../projects/find.ts'
import { readCredential, readTokenId } from '../sessions/credential.ts'
import { endAccessToken, endSession } from '../sessions/end.ts'
import { findGrant } from '../sessions/store.ts'
import type { World } from '../world.ts'

/** Ends what the token stands for. Unknown, foreign and broken tokens are no fault (RFC 7009 §2.2); nothing happens. */
export async function revoke(
  world: World,
  project: Project,
  token: string,
  clientId: string | undefined,
): Promise<void> {
  const named = read(project, token)
  if (named === undefined) return
  if (clientId !== undefined) {
    const found = await findGrant(scopeOf(world.db, project), named.grantId)
    if (found?.grant.client_id !== clientId) return
  }
  if (named.kind === 'refresh_token')
    await endSession(
      world,
      project,
      { kind: 'offline_grant', id: named.grantId },
      { event: 'user.signed_out', reason: 'revoked by the client' },
    )
  else await endAccessToken(world, project, { ...named, id: named.tokenId })
}

type Named =
  | { kind: 'refresh_token'; grantId: Buffer }
  | { kind: 'access_token'; grantId: Buffer; tokenId: string; expiresAt: Date; jwt: boolean }

function read(project: Project, token: string): Named | undefined {
  if (token.includes('.')) {
    const jwt = verifyOwnJwt(token, project.signingKeys)
    const { jti, exp } = jwt?.claims ?? {}
    const id = jwt?.header.typ === 'at+jwt' && typeof jti === 'string' ? readTokenId(jti) : undefined
    if (id === undefined || typeof exp !== 'number') return undefined
    return { kind: 'access_token', grantId: id.id, tokenId: jti as string, expiresAt: new Date(exp * 1000), jwt: true }
  }
  const credential = readCredential(token, { ring: project.ring, projectId: project.id })
  if (credential?.kind === 'refresh_token') return { kind: 'refresh_token', grantId: credential.id }
  if (credential?.kind !== 'access_token') return undefined
  const { id, tokenId, expiresAt } = credential
  return { kind: 'access_token', grantId: id, tokenId, expiresAt, jwt: false }
}
