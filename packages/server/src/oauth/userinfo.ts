// OpenID Core §5.3: who is this, asked with an access token in the header or the body (RFC 6750 §2), or by cookie.
import { at, type Ctx } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { verifyOwnJwt } from '../keys/verify.ts'
import type { Project } from '../projects/find.ts'
import { bearerToken } from '../resolver/credentials.ts'
import { userInfo } from './claims.ts'
import { readForm } from './form.ts'
import { parseScope } from './scopes.ts'

/** The scopes that a JWT access token names, when it is the one that the session was found by; an opaque one names none. */
function scopesOf(project: Project, token: string | undefined, tokenId: string | undefined): string[] | undefined {
  if (token === undefined || tokenId === undefined || !token.includes('.')) return undefined
  const claims = verifyOwnJwt(token, project.signingKeys)?.claims
  return claims?.jti === tokenId && typeof claims.scope === 'string' ? parseScope(claims.scope) : undefined
}

export async function answerUserInfo(c: Ctx): Promise<Response> {
  const { node, project, caller } = at(c)
  const header = bearerToken(c.req.header('authorization') ?? '')
  const inBody = header === undefined && c.req.method === 'POST' ? (await readForm(c)).get('access_token') : undefined
  const session =
    inBody === undefined
      ? await currentSession(c, 'any')
      : await node.sessions.resolve(project, { as: 'bearer', text: inBody }, caller)
  if (session === undefined) {
    // Not `invalid_token`: SDKs clear what they hold on this word (wire contract §2.7).
    const [error, description] = ['invalid_grant', 'invalid session']
    return c.json({ error, error_description: description }, 401, {
      'www-authenticate': `Bearer error="${error}", error_description="${description}"`,
    })
  }
  const grant = session.kind === 'offline_grant' ? session.grant : undefined
  return c.json(
    userInfo(session.user, project.config, {
      client: grant && project.clients.get(grant.client_id),
      scopes: scopesOf(project, header ?? inBody, session.tokenId) ?? grant?.scopes ?? [],
      named: grant?.userinfo_claims ?? undefined,
    }),
  )
}
