// S24: the lower-level library, which leaves nothing of a response unchecked: pushed requests, DPoP with nonces, JWT
// access tokens by the published keys, introspection.
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Algorithm,
  type ClientKind,
  clientId,
  type Provider,
  secret,
  startProvider,
  type Visitor,
} from './provider.ts'

const plain = { [oauth.allowInsecureRequests]: true }

let provider: Provider
let visitor: Visitor
let as: oauth.AuthorizationServer

beforeAll(async () => {
  provider = await startProvider()
  visitor = await provider.visitor()
  const issuer = new URL(provider.issuer)
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
})
afterAll(() => provider?.[Symbol.asyncDispose]())

/** Asks once more when the server first wants a nonce in the proof, as the library's manual says. */
async function withNonce<T>(ask: () => Promise<T>): Promise<T> {
  return ask().catch((error: unknown) => {
    if (!oauth.isDPoPNonceError(error)) throw error
    return ask()
  })
}

const cases: [ClientKind, Algorithm, () => oauth.ClientAuth][] = [
  ['public', 'ES256', () => oauth.None()],
  ['bound', 'RS256', () => oauth.None()],
  ['basic', 'RS256', () => oauth.ClientSecretBasic(secret)],
  ['post', 'ES256', () => oauth.ClientSecretPost(secret)],
]

describe.each(cases)('S24: a %s client with %s', (kind, alg, authentication) => {
  const client: oauth.Client = { client_id: clientId(kind, alg), id_token_signed_response_alg: alg }
  const auth = authentication()

  async function signIn(options: Options) {
    const [verifier, state, nonce] = [
      oauth.generateRandomCodeVerifier(),
      oauth.generateRandomState(),
      oauth.generateRandomNonce(),
    ]
    const pushed = await withNonce(async () =>
      oauth.processPushedAuthorizationResponse(
        as,
        client,
        await oauth.pushedAuthorizationRequest(
          as,
          client,
          auth,
          {
            redirect_uri: provider.redirectUri,
            response_type: 'code',
            response_mode: 'form_post',
            scope: 'openid profile email offline_access',
            code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
            code_challenge_method: 'S256',
            state,
            nonce,
            max_age: '600',
          },
          options,
        ),
      ),
    )
    const url = new URL(as.authorization_endpoint ?? '')
    url.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri }).toString()
    const back = await visitor.visit(url)
    expect(back.method).toBe('POST')
    const answer = oauth.validateAuthResponse(as, client, new URLSearchParams(await back.text()), state)
    return withNonce(async () => {
      const response = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        auth,
        answer,
        provider.redirectUri,
        verifier,
        options,
      )
      const checks = { expectedNonce: nonce, maxAge: 600, requireIdToken: true }
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, checks)
      await oauth.validateApplicationLevelSignature(as, response, plain)
      return tokens
    })
  }
  type Options = typeof plain & { DPoP?: oauth.DPoPHandle }

  test('pushes its request, gets tokens by form_post, and everything it can check holds', async () => {
    const bound = kind === 'bound'
    const options: Options = bound
      ? { ...plain, DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) }
      : plain
    const tokens = await signIn(options)
    const claims = oauth.getValidatedIdTokenClaims(tokens)
    const sub = claims?.sub ?? ''
    expect(tokens.token_type).toBe(bound ? 'dpop' : 'bearer')
    const info = await withNonce(async () =>
      oauth.processUserInfoResponse(
        as,
        client,
        sub,
        await oauth.userInfoRequest(as, client, tokens.access_token, options),
      ),
    )
    expect(info.email).toBe(visitor.who.email)

    const refreshed = await withNonce(async () =>
      oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token ?? '', options),
      ),
    )
    expect(oauth.getValidatedIdTokenClaims(refreshed)?.sub).toBe(sub)

    const call = { headers: { authorization: `${bound ? 'DPoP' : 'Bearer'} ${refreshed.access_token}` } }
    if (!bound) {
      const checked = await oauth.validateJwtAccessToken(
        as,
        new Request('https://api.example.com/', call),
        provider.issuer,
        plain,
      )
      expect(checked).toMatchObject({ sub, client_id: client.client_id, iss: provider.issuer })
    }
    if (kind === 'basic' || kind === 'post') {
      const asked = await oauth.introspectionRequest(as, client, auth, refreshed.access_token, plain)
      expect(await oauth.processIntrospectionResponse(as, client, asked)).toMatchObject({ active: true, sub })
    }
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, auth, refreshed.refresh_token ?? tokens.refresh_token ?? '', plain),
    )
    const late = withNonce(async () =>
      oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token ?? '', options),
      ),
    )
    await expect(late).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})
