// S24: a client library that has never heard of us, with nothing set but the issuer.
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { ana, finish, location, openBrowser, openSite, type Site, signIn } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const plain = { [oauth.allowInsecureRequests]: true }
const redirectUri = 'https://app.test/cb'

let server: Headgear
let site: Site
let as: oauth.AuthorizationServer

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string, x_application_type: string) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type,
    redirect_uris: [redirectUri],
    issue_jwt_access_token: true,
  })
  site = await openSite(server, {
    oauth: {
      clients: [
        client('basic', 'confidential'),
        client('post', 'third_party_app'),
        client('public', 'spa'),
        { ...client('bound', 'native'), dpop_bound_access_tokens: true },
      ],
    },
  })
  const issuer = new URL(site.origin)
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
  expect(
    (
      await oauth.processDiscoveryResponse(
        issuer,
        await oauth.discoveryRequest(issuer, { ...plain, algorithm: 'oauth2' }),
      )
    ).issuer,
  ).toBe(as.issuer)
})
afterAll(() => server.stop())

describe.each([
  ['client_secret_basic', 'basic', () => oauth.ClientSecretBasic(site.made.client_secrets.basic ?? '')],
  ['client_secret_post', 'post', () => oauth.ClientSecretPost(site.made.client_secrets.post ?? '')],
  ['none', 'public', () => oauth.None()],
] as const)('S24: a stock client with %s', (_, clientId, authentication) => {
  test.each([
    ['a DPoP key', true],
    ['no key', false],
  ])('and %s signs in, asks who it is, refreshes and revokes', async (__, withKey) => {
    const client: oauth.Client = { client_id: clientId }
    const auth = authentication()
    const key = withKey ? await oauth.generateKeyPair('ES256') : undefined
    const options = () => (key === undefined ? plain : { ...plain, DPoP: oauth.DPoP(client, key) })
    const verifier = oauth.generateRandomCodeVerifier()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const url = new URL(as.authorization_endpoint ?? '')
    const parameters = {
      client_id: clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid email offline_access',
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(key === undefined ? {} : { dpop_jkt: await oauth.DPoP(client, key).calculateThumbprint() }),
    }
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)

    // With a key the request is pushed, which says the key too.
    if (key !== undefined) {
      const { dpop_jkt: _, ...rest } = parameters as Record<string, string>
      const pushed = await oauth.pushedAuthorizationRequest(as, client, auth, rest, options())
      const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, pushed)
      url.search = new URLSearchParams({ client_id: clientId, request_uri }).toString()
    }

    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const consent = await finish(site, location(await browser.get(url.href)).href, who)
    let answer = await browser.get(consent)
    if (answer.status === 200) answer = await browser.post(consent, { x_action: 'consent' })
    const back = oauth.validateAuthResponse(as, client, location(answer), state)

    const response = await oauth.authorizationCodeGrantRequest(as, client, auth, back, redirectUri, verifier, options())
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    await oauth.validateApplicationLevelSignature(as, response, plain)
    const claims = oauth.getValidatedIdTokenClaims(tokens)
    expect(claims?.sub).toBe(who.userId)

    const info = await oauth.processUserInfoResponse(
      as,
      client,
      who.userId,
      await oauth.userInfoRequest(as, client, tokens.access_token, plain),
    )
    expect(info.email).toBe(ana.email)
    const checked = await oauth.validateJwtAccessToken(
      as,
      new Request('https://api.test/', { headers: { authorization: `Bearer ${tokens.access_token}` } }),
      site.origin,
      plain,
    )
    expect(checked.client_id).toBe(clientId)

    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token ?? '', options()),
    )
    expect(refreshed.access_token).not.toBe(tokens.access_token)
    if (clientId !== 'public') {
      const asked = await oauth.introspectionRequest(as, client, auth, refreshed.access_token, plain)
      const said = await oauth.processIntrospectionResponse(as, client, asked)
      expect([said.active, said.sub]).toEqual([true, who.userId])
    }
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, auth, refreshed.refresh_token ?? tokens.refresh_token ?? '', plain),
    )
    const late = await oauth.refreshTokenGrantRequest(
      as,
      client,
      auth,
      refreshed.refresh_token ?? tokens.refresh_token ?? '',
      options(),
    )
    await expect(oauth.processRefreshTokenResponse(as, client, late)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})

test('S24: a stock client that binds its access tokens meets every demand for a nonce', async () => {
  const client: oauth.Client = { client_id: 'bound' }
  const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()]
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const options = { ...plain, DPoP }
  async function again<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error
      return ask()
    }
  }
  const browser = openBrowser(site)
  const parameters = {
    client_id: 'bound',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email offline_access',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const who = await signIn(site, browser)
  const entry = location(await browser.get(`${as.authorization_endpoint}?${new URLSearchParams(parameters)}`))
  const back = oauth.validateAuthResponse(
    as,
    client,
    location(await browser.get(await finish(site, entry.href, who))),
    state,
  )
  const tokens = await again(async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), back, redirectUri, verifier, options),
    ),
  )
  expect(tokens.token_type).toBe('dpop')
  const info = await again(async () =>
    oauth.processUserInfoResponse(
      as,
      client,
      who.userId,
      await oauth.userInfoRequest(as, client, tokens.access_token, options),
    ),
  )
  expect(info.email).toBe(ana.email)
  const refreshed = await again(async () =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? '', options),
    ),
  )
  expect(refreshed.token_type).toBe('dpop')
})
