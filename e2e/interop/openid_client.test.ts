// S3, S24: openid-client as its documentation has it, nothing set but the issuer and the client.
import * as client from 'openid-client'
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

let provider: Provider

beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider?.[Symbol.asyncDispose]())

const cases: [ClientKind, Algorithm, string, () => client.ClientAuth][] = [
  ['public', 'RS256', 'no secret', () => client.None()],
  ['basic', 'ES256', 'client_secret_basic', () => client.ClientSecretBasic(secret)],
  ['post', 'RS256', 'client_secret_post', () => client.ClientSecretPost(secret)],
  ['third', 'ES256', 'client_secret_basic, by consent', () => client.ClientSecretBasic(secret)],
]

describe.each(cases)('S24: a %s client, %s: %s', (kind, alg, _, authentication) => {
  let config: client.Configuration
  let visitor: Visitor
  let first: Awaited<ReturnType<typeof signIn>>

  beforeAll(async () => {
    visitor = await provider.visitor()
    config = await client.discovery(
      new URL(provider.issuer),
      clientId(kind, alg),
      { id_token_signed_response_alg: alg },
      authentication(),
      { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
    )
    first = await signIn({ prompt: 'create' })
  })
  afterAll(() => visitor?.context.close())

  async function ask(parameters: Record<string, string> = {}) {
    const verifier = client.randomPKCECodeVerifier()
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: provider.redirectUri,
      scope: 'openid email offline_access',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...parameters,
    })
    const maxAge = parameters.max_age === undefined ? {} : { maxAge: Number(parameters.max_age) }
    return { url, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, ...maxAge } }
  }

  /** The library checks state, nonce, `iss`, signature, issuer, audience, lifetime and `max_age` itself. */
  async function signIn(parameters: Record<string, string> = {}, how: 'visit' | 'pass' = 'visit') {
    const { url, checks } = await ask(parameters)
    const back = await visitor[how](url)
    const tokens = await client.authorizationCodeGrant(config, back, checks)
    const claims = tokens.claims()
    if (claims === undefined) throw new Error('no ID token')
    return { tokens, claims, back }
  }

  test('S3: gets tokens, and learns who it is', async () => {
    const { tokens, claims } = first
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 1800 })
    expect(Object.keys(tokens).sort()).toEqual(
      ['access_token', 'expires_in', 'id_token', 'refresh_token', 'token_type'].sort(),
    )
    const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    expect(info).toMatchObject({ email: visitor.who.email, email_verified: true })
    // Clients without a secret learn attributes from userinfo alone.
    expect(claims.email).toBe(kind === 'public' ? undefined : visitor.who.email)
  })

  test('refreshes, and the new tokens are of the same person', async () => {
    const { tokens, claims } = await signIn({ prompt: 'none' }, 'pass')
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(refreshed.access_token).not.toBe(tokens.access_token)
    expect(refreshed.claims()).toMatchObject({ sub: claims.sub, sid: claims.sid, auth_time: claims.auth_time })
    const info = await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
    expect(info.email).toBe(visitor.who.email)
  })

  test('prompt=none is silent for who is signed in, and login_required for a stranger', async () => {
    const { claims } = await signIn({ prompt: 'none' }, 'pass')
    expect(claims.sub).toBe(first.claims.sub)
    const stranger = await provider.visitor()
    const { url, checks } = await ask({ prompt: 'none' })
    const back = await stranger.pass(url)
    await stranger.context.close()
    await expect(client.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
      error: 'login_required',
    })
  })

  test('max_age is kept: silent while it holds, a new sign-in once it does not', async () => {
    const { claims } = await signIn({ max_age: '3600' }, 'pass')
    expect(claims.auth_time).toBe(first.claims.auth_time)
    const { url, checks } = await ask({ max_age: '0', prompt: 'none' })
    await expect(client.authorizationCodeGrant(config, await visitor.pass(url), checks)).rejects.toMatchObject({
      error: 'login_required',
    })
    const before = Math.floor(Date.now() / 1000)
    const again = await signIn({ max_age: '0' })
    expect(again.claims.sub).toBe(first.claims.sub)
    expect(again.claims.auth_time).toBeGreaterThanOrEqual(before)
  })

  test('form_post brings the answer in the body of a POST', async () => {
    const { back, claims } = await signIn({ response_mode: 'form_post', prompt: 'none' }, 'pass')
    expect([back.method, new URL(back.url).search, claims.sub]).toEqual(['POST', '', first.claims.sub])
  })

  test('an answer without `iss`, or with that of another issuer, is refused (RFC 9207)', async () => {
    for (const iss of ['https://evil.example', undefined]) {
      const { url, checks } = await ask({ prompt: 'none' })
      const back = new URL((await visitor.pass(url)).url)
      expect(back.searchParams.get('iss')).toBe(provider.issuer)
      if (iss === undefined) back.searchParams.delete('iss')
      else back.searchParams.set('iss', iss)
      await expect(client.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/"iss" \(issuer\)/) },
      })
    }
  })

  test('a revoked refresh token earns nothing, nor does its access token', async () => {
    const { tokens, claims } = await signIn({ prompt: 'none' }, 'pass')
    await client.tokenRevocation(config, tokens.refresh_token ?? '', { token_type_hint: 'refresh_token' })
    await expect(client.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const asked = client.fetchUserInfo(config, tokens.access_token, claims.sub)
    await expect(asked).rejects.toMatchObject({ status: 401 })
  })

  test('RP-initiated logout ends the session and comes back with the state', async () => {
    const { tokens } = await signIn({ prompt: 'none' }, 'pass')
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: provider.postLogoutUri,
      state: 'left',
    })
    const back = await visitor[kind === 'third' ? 'visit' : 'pass'](url, '/bye')
    expect(new URL(back.url).search).toBe('?state=left')
    const { url: silent, checks } = await ask({ prompt: 'none' })
    await expect(client.authorizationCodeGrant(config, await visitor.pass(silent), checks)).rejects.toMatchObject({
      error: 'login_required',
    })
    const { claims } = await signIn()
    expect(claims.sub).toBe(first.claims.sub)
  })
})
