// Token introspection (RFC 7662): a gateway or backend asks what a token is, and is told what a JWT would have said.
import { Hono } from 'hono'
import type { ClientConfig } from '../config/schema.ts'
import { at, type Ctx, type Env } from '../http/context.ts'
import { oauthRefusal } from '../refusal.ts'
import { sid } from '../sessions/credential.ts'
import { diesAt, grantLifetimes } from '../sessions/session.ts'
import type { Grant } from '../sessions/store.ts'
import type { UserFacts } from '../users/facts.ts'
import { asJson } from './as_json.ts'
import { userClaims } from './claims.ts'
import { clientRequest } from './client_request.ts'
import { isThirdParty } from './clients.ts'
import { ownClaims } from './own_token.ts'
import { grantOfRefreshToken } from './presented_grant.ts'

export const introspectionDoor = new Hono<Env>()

introspectionDoor.post('/oauth2/introspect', (c) =>
  asJson(c, async () => {
    const { form, client } = await clientRequest(c, { secret: 'required' })
    const token = form.get('token')
    if (token === undefined) throw oauthRefusal('invalid_request', 'token is required')
    const found = (await accessToken(c, token)) ?? (await refreshToken(c, token))
    // Whoever holds a token of ours that is not theirs to ask about learns no more than of one that is none (§2.2).
    if (found === undefined || !mayAsk(client, found.grant)) return { active: false }
    return { active: true, ...about(c, found) }
  }),
)

type Found = { grant: Grant; user: UserFacts; claims: Record<string, unknown> }

/** The first party's backends may ask about every token of the project, a third party about its own. */
function mayAsk(client: ClientConfig, grant: Grant): boolean {
  return !isThirdParty(client) || grant.client_id === client.client_id
}

const seconds = (date: Date) => Math.floor(date.getTime() / 1000)

async function accessToken(c: Ctx, token: string): Promise<Found | undefined> {
  const { node, project, caller } = at(c)
  const session = await node.sessions.resolve(project, { as: 'introspected', text: token }, caller)
  if (session?.kind !== 'offline_grant' || session.tokenExpiresAt === undefined) return undefined
  const { grant, user, tokenId, tokenExpiresAt, tokenJkt } = session
  const { iat, scope } = ownClaims(project, token, tokenId) ?? {}
  return {
    grant,
    user,
    claims: {
      token_use: 'access_token',
      token_type: tokenJkt === undefined ? 'Bearer' : 'DPoP',
      jti: tokenId,
      exp: seconds(tokenExpiresAt),
      aud: [grant.origin],
      ...(iat !== undefined ? { iat } : {}),
      ...(scope !== undefined ? { scope } : {}),
      ...(tokenJkt !== undefined ? { cnf: { jkt: tokenJkt } } : {}),
    },
  }
}

/** A refresh token says so itself in `token_use`: it is nothing that a backend may take for an access token. */
async function refreshToken(c: Ctx, token: string): Promise<Found | undefined> {
  const { world, project } = at(c)
  const found = await grantOfRefreshToken(world, project, token)
  const owner = found && project.clients.get(found.grant.client_id)
  if (owner === undefined) return undefined
  const { grant, user } = found as NonNullable<typeof found>
  return {
    grant,
    user,
    claims: { token_use: 'refresh_token', exp: seconds(diesAt(grant, grantLifetimes(owner, true))) },
  }
}

function about(c: Ctx, { grant, user, claims }: Found): Record<string, unknown> {
  return {
    client_id: grant.client_id,
    scope: grant.scopes.join(' '),
    iss: grant.origin,
    sid: sid('offline_grant', grant.id),
    auth_time: seconds(grant.auth_time),
    ...(grant.amr.length > 0 ? { amr: grant.amr } : {}),
    ...userClaims(user, at(c).project.config),
    ...claims,
  }
}
