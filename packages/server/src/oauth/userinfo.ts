// OpenID Core §5.3: who is this, asked with an access token in the header or the body (RFC 6750 §2, RFC 9449 §7), or by
// cookie.
import { at, type Ctx } from '../http/context.ts'
import { currentSession } from '../http/current.ts'
import { oauthRefusal, Refusal } from '../refusal.ts'
import { accessToken } from '../resolver/credentials.ts'
import type { Session } from '../sessions/resolve.ts'
import { userInfo } from './claims.ts'
import { proofAlgorithms } from './dpop.ts'
import { readForm } from './form.ts'
import { ownClaims } from './own_token.ts'
import { demandProof, giveNonce, provenKey, readProof } from './proof.ts'
import { parseScope } from './scopes.ts'

export async function answerUserInfo(c: Ctx): Promise<Response> {
  const { node, project, caller } = at(c)
  const header = accessToken(c.req.header('authorization') ?? '')
  if (header?.scheme === 'dpop') return answerBound(c, header.text)
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
  return say(c, session, header?.text ?? inBody)
}

/** By a token that is bound to a key: the proof is over this request and this token, and has not been used. */
async function answerBound(c: Ctx, token: string): Promise<Response> {
  const { node, project, caller } = at(c)
  try {
    const proof = readProof(c, undefined)
    const presented = { as: 'dpop', text: token, jkt: provenKey(proof, token) } as const
    const session = await node.sessions.resolve(project, presented, caller)
    if (proof.kind !== 'good' || session !== undefined) await demandProof(c, proof)
    if (session === undefined) throw oauthRefusal('invalid_token', 'the token does not hold, or not with this key')
    return say(c, session, token)
  } catch (error) {
    if (!(error instanceof Refusal) || error.oauth === undefined || error.name === 'ServiceUnavailable') throw error
    if (error.oauth === 'use_dpop_nonce') giveNonce(c)
    return c.json({ error: error.oauth, error_description: error.message }, 401, {
      'www-authenticate': `DPoP error="${error.oauth}", error_description="${error.message}", algs="${proofAlgorithms.join(' ')}"`,
    })
  }
}

function say(c: Ctx, session: Session, token: string | undefined): Response {
  const { project } = at(c)
  const grant = session.kind === 'offline_grant' ? session.grant : undefined
  const scope = ownClaims(project, token, session.tokenId)?.scope
  return c.json(
    userInfo(session.user, project.config, {
      client: grant && project.clients.get(grant.client_id),
      scopes: scope === undefined ? (grant?.scopes ?? []) : parseScope(scope),
      named: grant?.userinfo_claims ?? undefined,
    }),
  )
}
