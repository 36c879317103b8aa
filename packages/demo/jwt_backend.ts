// A backend that asks nobody: the keys come from discovery, once, and every access token is checked right here.
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

export type Answer = { status: number; body: Record<string, unknown> }

/**
 * Answers who an `Authorization` header belongs to: 200 with claims, 401 with the reason, 503 when the issuer's keys
 * cannot be had. `issuer` is Headgear's origin, which is also the audience of its access tokens (wire contract §3.6).
 */
export function jwtBackend(issuer: string): (authorization: string | undefined) => Promise<Answer> {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  return async (authorization) => {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return refused('there is no access token')
    try {
      keys ??= createRemoteJWKSet(await jwksUri(issuer))
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: issuer,
        typ: 'at+jwt',
        algorithms: ['RS256', 'ES256'],
      })
      const { sub, client_id, scope, exp } = payload
      const about = 'https://authgear.com/claims/user/'
      return {
        status: 200,
        body: {
          sub,
          anonymous: payload[`${about}is_anonymous`],
          verified: payload[`${about}is_verified`],
          roles: payload[`${about}roles`],
          client_id,
          scope,
          expires: new Date((exp ?? 0) * 1000).toISOString(),
        },
      }
    } catch (error) {
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError))
        return { status: 503, body: { error: 'unavailable', reason: `no keys from ${issuer}` } }
      return refused(error.message)
    }
  }
}

const refused = (reason: string): Answer => ({ status: 401, body: { error: 'invalid_token', reason } })

async function jwksUri(issuer: string): Promise<URL> {
  const response = await fetch(`${issuer}/.well-known/openid-configuration`)
  if (!response.ok) throw new Error(`discovery answered ${response.status}`)
  const found = (await response.json()) as { issuer: string; jwks_uri: string }
  // OpenID Connect Discovery §4.3: an issuer that calls itself something else is not the one that was asked for.
  if (found.issuer !== issuer) throw new Error(`discovery speaks for ${found.issuer}`)
  return new URL(found.jwks_uri)
}
