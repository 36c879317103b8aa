// What this app, as a client, asks of the identity server: codes for tokens, new tokens for old, and an end to both.
import { type JWTPayload, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { Unavailable } from './errors.ts'
import { algorithms, type Provider } from './provider.ts'

/** What the ID token says about the user; the protocol's own claims are left out. */
export type Claims = { readonly sub: string; readonly [claim: string]: unknown }

/** A token response. Times are Unix milliseconds. */
export type Tokens = {
  accessToken: string
  expiresAt: number
  issuedAt: number
  /** Absent when the one before is still good, or none was granted. */
  refreshToken?: string
  idToken?: string
  /** Absent when no ID token came. */
  claims?: Claims
  sid?: string
}

/** What a sign-in remembers until its code comes back. */
export type Attempt = { state: string; nonce: string; verifier: string; maxAge?: number }

export type Client = {
  authorizationUrl(attempt: Attempt, parameters: Readonly<Record<string, string>>): Promise<URL>
  /** @throws SignInError, or Unavailable. */
  redeem(answer: URL, attempt: Attempt): Promise<Tokens & { claims: Claims }>
  /** New tokens, or `ended` when Headgear's verdict is final (`invalid_grant`). @throws Unavailable for all else. */
  refresh(refreshToken: string): Promise<Tokens | 'ended'>
  /** RFC 7009. @throws Unavailable. */
  revoke(refreshToken: string): Promise<void>
  /** RP-Initiated Logout 1.0 §2; without an ID token the user is asked there. @throws Unavailable. */
  endSessionUrl(idToken: string | undefined, returnTo: string): Promise<URL>
}

/** The sign-in came back without a user: `code` is the error of RFC 6749 §4.1.2.1 or §5.2, or `invalid_response`. */
export class SignInError extends Error {
  override readonly name = 'SignInError'
  readonly status = 400
  readonly statusCode = 400
  readonly code: string

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}

export type ClientOptions = {
  clientId: string
  clientSecret?: string | undefined
  redirectUri: string
}

const protocolClaims = new Set([
  'iss',
  'aud',
  'exp',
  'iat',
  'nbf',
  'nonce',
  'at_hash',
  'c_hash',
  'azp',
  'ds_hash',
  'sid',
])
/** Seconds that the two clocks may differ. */
const tolerance = 30

export function client(provider: Provider, options: ClientOptions): Client {
  const { clientId, clientSecret, redirectUri } = options
  const authentication = clientSecret === undefined ? oauth.None() : oauth.ClientSecretBasic(clientSecret)
  const overHttp = provider.issuer.startsWith('http:')
  const wire = () => ({
    signal: provider.impatience(),
    [oauth.customFetch]: provider.fetch as never,
    [oauth.allowInsecureRequests]: overHttp,
  })
  const me = (): oauth.Client => ({
    client_id: clientId,
    [oauth.clockTolerance]: tolerance,
    [oauth.clockSkew]: Math.round((provider.now().getTime() - Date.now()) / 1000),
  })

  function read(response: oauth.TokenEndpointResponse, issuedAt: number): Tokens {
    const idToken = oauth.getValidatedIdTokenClaims(response)
    return {
      accessToken: response.access_token,
      issuedAt,
      expiresAt: issuedAt + (response.expires_in ?? 0) * 1000,
      ...(response.refresh_token === undefined ? {} : { refreshToken: response.refresh_token }),
      ...(response.id_token === undefined ? {} : { idToken: response.id_token }),
      ...(idToken === undefined ? {} : { claims: aboutUser(idToken) }),
      ...(typeof idToken?.sid === 'string' ? { sid: idToken.sid } : {}),
    }
  }

  return {
    async authorizationUrl(attempt, parameters) {
      const { authorization_endpoint } = await provider.metadata()
      const url = new URL(authorization_endpoint as string)
      const protocol = {
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
      }
      for (const [name, value] of Object.entries({ ...parameters, ...protocol })) url.searchParams.set(name, value)
      return url
    },

    async redeem(answer, { state, nonce, verifier, maxAge }) {
      const as = await provider.metadata()
      const issuedAt = provider.now().getTime()
      try {
        const back = oauth.validateAuthResponse(as, me(), answer, state)
        const response = await oauth.authorizationCodeGrantRequest(
          as,
          me(),
          authentication,
          back,
          redirectUri,
          verifier,
          wire(),
        )
        const body = await oauth.processAuthorizationCodeResponse(as, me(), response, {
          expectedNonce: nonce,
          requireIdToken: true,
          ...(maxAge === undefined ? {} : { maxAge }),
        })
        const tokens = read(body, issuedAt)
        await jwtVerify(tokens.idToken as string, provider.key, {
          issuer: provider.issuer,
          audience: clientId,
          algorithms,
          currentDate: provider.now(),
          clockTolerance: tolerance,
        })
        return tokens as Tokens & { claims: Claims }
      } catch (error) {
        throw signInFault(error)
      }
    },

    async refresh(refreshToken) {
      const as = await provider.metadata()
      const issuedAt = provider.now().getTime()
      try {
        const response = await oauth.refreshTokenGrantRequest(as, me(), authentication, refreshToken, wire())
        return read(await oauth.processRefreshTokenResponse(as, me(), response), issuedAt)
      } catch (cause) {
        if (cause instanceof oauth.ResponseBodyError && cause.error === 'invalid_grant') return 'ended'
        throw new Unavailable(`no new tokens from ${provider.issuer}: ${reason(cause)}`, { cause })
      }
    },

    async revoke(refreshToken) {
      const as = await provider.metadata()
      try {
        await oauth.processRevocationResponse(
          await oauth.revocationRequest(as, me(), authentication, refreshToken, wire()),
        )
      } catch (cause) {
        throw new Unavailable(`the session could not be ended at ${provider.issuer}: ${reason(cause)}`, { cause })
      }
    },

    async endSessionUrl(idToken, returnTo) {
      const { end_session_endpoint } = await provider.metadata()
      const url = new URL(end_session_endpoint as string)
      url.searchParams.set('client_id', clientId)
      if (idToken !== undefined) url.searchParams.set('id_token_hint', idToken)
      url.searchParams.set('post_logout_redirect_uri', returnTo)
      return url
    },
  }
}

function aboutUser(idToken: JWTPayload): Claims {
  return Object.fromEntries(Object.entries(idToken).filter(([name]) => !protocolClaims.has(name))) as Claims
}

function signInFault(error: unknown): Error {
  if (error instanceof Unavailable) return error
  const status = statusOf(error)
  if (status !== undefined && (status >= 500 || status === 429))
    return new Unavailable(`the code could not be redeemed: ${reason(error)}`, { cause: error })
  if (error instanceof oauth.AuthorizationResponseError || error instanceof oauth.ResponseBodyError)
    return new SignInError(error.error, error.error_description ?? error.error, { cause: error })
  // fetch throws a TypeError for a fault of the network, and a DOMException when its time is up.
  const { name } = error as Error
  if (name === 'TimeoutError' || name === 'AbortError' || (error instanceof TypeError && name === 'TypeError'))
    return new Unavailable(`the code could not be redeemed: ${reason(error)}`, { cause: error })
  return new SignInError('invalid_response', reason(error), { cause: error })
}

/** What the identity server answered, when the fault is an answer. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof oauth.ResponseBodyError) return error.status
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Response ? cause.status : undefined
}

/** Why, without what was sent or answered. */
function reason(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError) return `${error.status} ${error.error}`
  return error instanceof Error ? error.message : String(error)
}
