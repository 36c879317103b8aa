// Checks the access tokens that callers of an API present: JWTs (RFC 9068) by their signature, here, and by the
// revocation feed, so that a sign-out counts within a second.
import { errors, type JWTPayload, jwtVerify } from 'jose'
import { Forbidden, Unauthorized, Unavailable } from './errors.ts'
import { followRevocations } from './feed.ts'
import { algorithms, type Provider, type ProviderOptions, provider } from './provider.ts'

/**
 * How it is learnt that a session has ended before its tokens expire:
 * - `feed-or-resolver`: from the revocation feed; while that is out of reach, by asking the resolver with each token.
 * - `feed-or-refuse`: from the feed; while that is out of reach, every token is refused with 503.
 * - `resolver`: by asking it with each token.
 * - `until-expiry`: not at all. An ended session goes on until its access token expires.
 */
export type Revocations = 'feed-or-resolver' | 'feed-or-refuse' | 'resolver' | 'until-expiry'

export type VerifierOptions = ProviderOptions & {
  /** Whom tokens are made out to; the issuer itself unless given, as Headgear has it for people's tokens. */
  audience?: string
  /** Clients whose tokens are welcome; any client of the project unless given. */
  clients?: readonly string[]
  /** `feed-or-resolver` unless given. */
  revocations?: Revocations
}

/** Who calls. */
export type Caller = {
  /** The user, or `client_id_…` for a machine. */
  sub: string
  clientId: string
  scopes: readonly string[]
  /** Effective roles of the user. */
  roles: readonly string[]
  /** Everything that the token says. */
  claims: Readonly<JWTPayload>
}

/** Where a token may be found: an `Authorization` header as text, a `Request`, or anything with web-standard headers. */
export type Bearing = string | null | undefined | { headers: { get(name: string): string | null } }

export type Verifier = AsyncDisposable & {
  /**
   * The caller that a good access token names. With `scope`, the token must have that, too.
   * @throws Unauthorized, Forbidden, or Unavailable when nobody can say.
   */
  verify(from: Bearing, needs?: { scope?: string }): Promise<Caller>
  /** Stops following the feed. */
  close(): Promise<void>
}

/** Makes a verifier; an API needs one. It asks Headgear for nothing before the first token. @throws TypeError. */
export function verifier(options: VerifierOptions): Verifier {
  const from = provider(options)
  const mode = options.revocations ?? 'feed-or-resolver'
  const feed = mode === 'feed-or-resolver' || mode === 'feed-or-refuse' ? followRevocations(from) : undefined

  async function assertNotEnded(token: string, claims: JWTPayload): Promise<void> {
    if (mode === 'until-expiry') return
    const standing = feed === undefined ? 'unknown' : await feed.standing(claims)
    if (standing === 'clear') return
    if (standing === 'barred') throw new Unauthorized('the session of this token has ended')
    if (mode === 'feed-or-refuse') throw new Unavailable('the revocation feed is out of reach')
    if (!(await resolves(from, token, claims.sub))) throw new Unauthorized('the session of this token has ended')
  }

  return {
    async verify(bearing, needs = {}) {
      const token = bearerToken(bearing)
      const claims = await readToken(from, token, options.audience ?? from.issuer)
      const { sub, client_id: clientId, scope } = claims
      if (sub === undefined || typeof clientId !== 'string') throw new Unauthorized('the token names nobody')
      if (claims.cnf !== undefined) throw new Unauthorized('the token is bound to a key, and came as a bearer token')
      if (options.clients?.includes(clientId) === false) throw new Unauthorized('the token is of another client')
      await assertNotEnded(token, claims)
      const scopes = typeof scope === 'string' ? scope.split(' ') : []
      if (needs.scope !== undefined && !scopes.includes(needs.scope))
        throw new Forbidden(`the token lacks the scope ${needs.scope}`)
      const roles = claims['https://authgear.com/claims/user/roles']
      return { sub, clientId, scopes, roles: Array.isArray(roles) ? roles.map(String) : [], claims }
    },
    async close() {
      await feed?.close()
    },
    [Symbol.asyncDispose]() {
      return this.close()
    },
  }
}

function bearerToken(bearing: Bearing): string {
  const header = typeof bearing === 'object' ? bearing?.headers.get('authorization') : bearing
  const token = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1]
  if (token === undefined) throw new Unauthorized('there is no access token', { presented: false })
  return token
}

async function readToken(from: Provider, token: string, audience: string): Promise<JWTPayload> {
  if (token.split('.').length !== 3)
    throw new Unauthorized('the access token is no JWT: its client needs issue_jwt_access_token')
  try {
    const { payload } = await jwtVerify(token, from.key, {
      issuer: from.issuer,
      audience,
      typ: 'at+jwt', // an ID token is signed with the same keys, and is no access token
      algorithms,
      currentDate: from.now(),
      requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id'],
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new Unauthorized(error.message, { cause: error })
    throw error
  }
}

/** Asks the resolver, which knows. @throws Unavailable. */
async function resolves(from: Provider, token: string, sub: string | undefined): Promise<boolean> {
  let response: Response
  try {
    response = await from.fetch(`${from.issuer}/_resolver/resolve`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: from.impatience(),
    })
    await response.body?.cancel()
  } catch (cause) {
    throw new Unavailable('the resolver is out of reach', { cause })
  }
  if (response.status !== 200) throw new Unavailable(`the resolver answered ${response.status}`)
  const { headers } = response
  return headers.get('x-authgear-session-valid') === 'true' && headers.get('x-authgear-user-id') === sub
}

/** What to answer to an error of `verify` (RFC 6750 §3), or undefined for errors of another kind. */
export function refusal(error: unknown): Response | undefined {
  const answer = (status: number, code: string, headers: Record<string, string>) =>
    Response.json(
      { error: code, error_description: (error as Error).message },
      { status, headers: { 'cache-control': 'no-store', ...headers } },
    )
  if (error instanceof Unauthorized)
    return answer(401, 'invalid_token', {
      'www-authenticate': error.presented ? 'Bearer error="invalid_token"' : 'Bearer',
    })
  if (error instanceof Forbidden)
    return answer(403, 'insufficient_scope', { 'www-authenticate': 'Bearer error="insufficient_scope"' })
  if (error instanceof Unavailable) return answer(503, 'temporarily_unavailable', { 'retry-after': '1' })
  return undefined
}
