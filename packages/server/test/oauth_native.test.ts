// One device, several apps: app2app, and web pages that a native app opens signed in.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { deviceKey } from './support/device_key.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  type App,
  answered,
  fullAccess,
  getCode,
  getTokens,
  type Json,
  location,
  openBrowser,
  openSite,
  type Params,
  pkce,
  query,
  redeem,
  refresh,
  type Site,
  tokenRequest,
  userinfo,
  verified,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const preAuth = 'https://authgear.com/scopes/pre-authenticated-url'
const bank: App = {
  client_id: 'bank',
  redirect_uri: 'https://bank.test/app',
  scope: `openid offline_access ${fullAccess}`,
}
const shop: App = {
  client_id: 'shop',
  redirect_uri: 'https://shop.test/app',
  scope: `openid offline_access ${fullAccess}`,
}
const old: App = { ...bank, client_id: 'old' }
const native: App = {
  client_id: 'native',
  redirect_uri: 'com.app://cb',
  scope: `openid offline_access ${fullAccess} device_sso ${preAuth}`,
}
const grantType = (name: string) => `urn:authgear:params:oauth:grant-type:${name}`

let server: Headgear
let site: Site

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string, more: Record<string, unknown>) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type: 'native',
    ...more,
  })
  site = await openSite(server, {
    oauth: {
      clients: [
        client('bank', { redirect_uris: ['https://bank.test/app'], x_app2app_enabled: true }),
        client('old', {
          redirect_uris: ['https://bank.test/app'],
          x_app2app_enabled: true,
          x_app2app_insecure_device_key_binding_enabled: true,
        }),
        client('shop', { redirect_uris: ['https://shop.test/app'] }),
        client('native', { redirect_uris: ['com.app://cb'], x_pre_authenticated_url_enabled: true }),
        client('web', {
          x_application_type: 'spa',
          redirect_uris: ['https://web.test/cb'],
          x_pre_authenticated_url_enabled: true,
          x_pre_authenticated_url_allowed_origins: ['https://web.test'],
          issue_jwt_access_token: true,
        }),
        client('third', { x_application_type: 'third_party_app', redirect_uris: ['https://third.test/'] }),
      ],
    },
  })
})
afterAll(() => server.stop())

async function challenge(purpose = 'app2app_request'): Promise<string> {
  const response = await fetch(`${site.origin}/oauth2/challenge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ purpose }),
  })
  return ((await response.json()) as { result: { token: string } }).result.token
}

describe('app2app', () => {
  const signed = async (key: ReturnType<typeof deviceKey>, more: { enclosed?: null; purpose?: string } = {}) =>
    key.request(
      'app2app',
      { action: 'setup', challenge: await challenge(more.purpose) },
      server.clock.now(),
      more.enclosed,
    )

  async function signedIn(key = deviceKey()) {
    const got = await getCode(site, bank)
    const { body } = await redeem(site, bank, got, { x_app2app_device_key_jwt: await signed(key) })
    return { key, who: got.who, refresh_token: String(body.refresh_token) }
  }
  const approve = (
    jwt: string,
    refresh_token: string,
    challengeText: string,
    changed: Params = {},
    headers: Record<string, string> = {},
  ) =>
    tokenRequest(
      site,
      {
        grant_type: grantType('app2app-request'),
        client_id: 'shop',
        redirect_uri: shop.redirect_uri,
        jwt,
        refresh_token,
        code_challenge: challengeText,
        code_challenge_method: 'S256',
        ...changed,
      },
      headers,
    )

  test('signs the requesting app in as the user of the approving one', async () => {
    const { key, who, refresh_token } = await signedIn()
    const proof = pkce()
    const { status, body } = await approve(await signed(key, { enclosed: null }), refresh_token, proof.challenge)
    expect([status, Object.keys(body)]).toEqual([200, ['code']])
    const tokens = await redeem(site, shop, { code: String(body.code), pkce: proof })
    expect((await verified(site, String(tokens.body.id_token), { audience: 'shop' })).claims.sub).toBe(who.userId)
    expect((await refresh(site, bank, refresh_token)).status).toBe(200)
    expect((await redeem(site, bank, { code: String(body.code), pkce: proof })).body.error).toBe('invalid_grant')
  })

  test.each([
    ['another key', async () => signed(deviceKey()), {}, 'invalid_request'],
    [
      'a challenge for something else',
      async (key: ReturnType<typeof deviceKey>) => signed(key, { purpose: 'biometric_request' }),
      {},
      'invalid_request',
    ],
    ['garbage', async () => 'a.b.c', {}, 'invalid_request'],
    ['a redirect URI that is not registered', signed, { redirect_uri: 'https://evil.test/' }, 'invalid_request'],
    ['no PKCE', signed, { code_challenge: undefined }, 'invalid_request'],
    ['a bad refresh token', signed, { refresh_token: 'x' }, 'invalid_grant'],
    ['a third party that asks', signed, { client_id: 'third', redirect_uri: 'https://third.test/' }, 'invalid_client'],
  ] as const)('with %s is refused', async (_, jwt, changed, error) => {
    const { key, refresh_token } = await signedIn()
    const refused = await approve(await jwt(key), refresh_token, pkce().challenge, changed)
    expect([refused.status, refused.body.error]).toEqual([400, error])
  })

  test('needs a key bound at sign-in, and an app that has it on', async () => {
    const key = deviceKey()
    const keyless = await getTokens(site, bank)
    expect((await approve(await signed(key), keyless.body.refresh_token, pkce().challenge)).body.error).toBe(
      'invalid_grant',
    )
    const off = await getTokens(site, shop)
    expect((await approve(await signed(key), off.body.refresh_token, pkce().challenge)).body.error).toBe(
      'unauthorized_client',
    )
    const got = await getCode(site, shop)
    expect((await redeem(site, shop, got, { x_app2app_device_key_jwt: await signed(key) })).body.error).toBe(
      'unauthorized_client',
    )
    const thief = deviceKey()
    const stolen = thief.request(
      'app2app',
      { action: 'setup', challenge: await challenge() },
      server.clock.now(),
      key.jwk,
    )
    const other = await getCode(site, bank)
    expect((await redeem(site, bank, other, { x_app2app_device_key_jwt: stolen })).body.error).toBe('invalid_request')
    expect((await redeem(site, bank, other)).status).toBe(200)
  })

  test('binds a key to an older session only where that is allowed, and only once', async () => {
    const key = deviceKey()
    const strict = await getTokens(site, bank)
    const kept = await refresh(site, bank, strict.body.refresh_token, { x_app2app_device_key_jwt: await signed(key) })
    expect((await approve(await signed(key), String(kept.body.refresh_token), pkce().challenge)).body.error).toBe(
      'invalid_grant',
    )
    const lenient = await getTokens(site, old)
    const first = await refresh(site, old, lenient.body.refresh_token, { x_app2app_device_key_jwt: await signed(key) })
    expect((await approve(await signed(key), String(first.body.refresh_token), pkce().challenge)).status).toBe(200)
    const second = await refresh(site, old, String(first.body.refresh_token), {
      x_app2app_device_key_jwt: await signed(deviceKey()),
    })
    expect((await approve(await signed(key), String(second.body.refresh_token), pkce().challenge)).status).toBe(200)
  })
})

describe('pre-authenticated URLs', () => {
  type Tokens = { id_token: string; device_secret: string; refresh_token: string; access_token: string }
  async function signedIn(headers: Record<string, string> = {}) {
    const got = await getCode(site, native)
    const { body } = await redeem(site, native, got, {}, headers)
    return { ...(body as Tokens), who: got.who }
  }
  const exchange = (
    tokens: Pick<Tokens, 'id_token' | 'device_secret'>,
    changed: Params = {},
    headers: Record<string, string> = {},
  ) =>
    tokenRequest(
      site,
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_id: 'web',
        requested_token_type: 'urn:authgear:params:oauth:token-type:pre-authenticated-url-token',
        audience: site.origin,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        subject_token: tokens.id_token,
        actor_token_type: 'urn:x-oath:params:oauth:token-type:device-secret',
        actor_token: tokens.device_secret,
        ...changed,
      },
      headers,
    )
  const open = (idToken: string, token: string, changed: Params = {}, browser = openBrowser(site)) => ({
    browser,
    response: browser.get(
      `/oauth2/authorize?${query({ client_id: 'web', redirect_uri: 'https://web.test/any/page?x=1', response_type: 'urn:authgear:params:oauth:response-type:pre-authenticated-url token', response_mode: 'cookie', prompt: 'none', id_token_hint: idToken, x_pre_authenticated_url_token: token, state: 's', ...changed })}`,
    ),
  })

  test('come with a device secret that the ID token vouches for; both change together', async () => {
    const first = await signedIn()
    const hash = (secret: string) => createHash('sha256').update(secret).digest('hex')
    expect(first.device_secret).toMatch(/^[\w-]{32}$/)
    expect((await verified(site, first.id_token, { audience: 'native' })).claims.ds_hash).toBe(
      hash(first.device_secret),
    )
    const second = (await refresh(site, native, first.refresh_token)).body as Tokens
    expect(second.device_secret).not.toBe(first.device_secret)
    expect((await verified(site, second.id_token, { audience: 'native' })).claims.ds_hash).toBe(
      hash(second.device_secret),
    )
    expect((await exchange(first)).body.error).toBe('invalid_grant')
    const fresh = (
      await tokenRequest(
        site,
        { grant_type: grantType('id-token'), client_id: 'native', device_secret: second.device_secret },
        { authorization: `Bearer ${second.access_token}` },
      )
    ).body as Tokens
    expect((await verified(site, fresh.id_token, { audience: 'native' })).claims.ds_hash).toBe(
      hash(fresh.device_secret),
    )
    expect((await exchange(fresh)).status).toBe(200)
    const plain = await getTokens(site, { ...native, scope: 'openid offline_access' })
    expect(plain.body).not.toHaveProperty('device_secret')
  })

  test('open a page of the web app, signed in by cookie, once', async () => {
    const tokens = await signedIn()
    const { status, body } = await exchange(tokens)
    expect([status, body]).toEqual([
      200,
      {
        token_type: 'Bearer',
        issued_token_type: 'urn:authgear:params:oauth:token-type:pre-authenticated-url-token',
        access_token: expect.stringMatching(/^[\w-]{32}$/),
        expires_in: 300,
        device_secret: expect.any(String),
        id_token: expect.any(String),
      },
    ])
    const { browser, response } = open(String(body.id_token), String(body.access_token))
    const opened = await response
    expect([opened.status, location(opened).href]).toEqual([303, 'https://web.test/any/page?x=1&state=s'])
    expect(opened.headers.getSetCookie().find((line) => /app_access_token=/.test(line))).toMatch(
      /HttpOnly; SameSite=Lax/,
    )
    expect(((await (await browser.get('/oauth2/userinfo')).json()) as Json).sub).toBe(tokens.who.userId)
    const again = open(String(body.id_token), String(body.access_token))
    expect(answered(await again.response).error).toBe('invalid_request')

    // The web app may then get tokens of its own, silently.
    const proof = pkce()
    const silent = await browser.get(
      `/oauth2/authorize?${query({ client_id: 'web', redirect_uri: 'https://web.test/cb', response_type: 'code', scope: 'openid', prompt: 'none', code_challenge: proof.challenge, code_challenge_method: 'S256' })}`,
    )
    const own = await redeem(
      site,
      { client_id: 'web', redirect_uri: 'https://web.test/cb', scope: 'openid' },
      { code: answered(silent).code ?? '', pkce: proof },
    )
    expect((await verified(site, String(own.body.id_token), { audience: 'web' })).claims.sub).toBe(tokens.who.userId)

    await fetch(`${site.origin}/oauth2/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: tokens.refresh_token }),
    })
    await server.node.log.poll()
    expect((await browser.get('/oauth2/userinfo')).status).toBe(401)
  })

  test('carry no more than was asked', async () => {
    const tokens = await signedIn()
    const { body } = await exchange(tokens, { scope: `openid ${preAuth}` })
    const { browser, response } = open(String(body.id_token), String(body.access_token))
    await response
    const jwt = [...browser.cookies].find(([name]) => name.endsWith('app_access_token'))?.[1] ?? ''
    expect((await verified(site, jwt, { audience: site.origin, typ: 'at+jwt' })).claims.scope).toBe(`openid ${preAuth}`)
    expect((await userinfo(site, jwt)).body).not.toHaveProperty('https://authgear.com/claims/user/identities')
  })

  test.each([
    ['another requested type', { requested_token_type: 'x' }, 'invalid_request'],
    ['another audience', { audience: 'https://evil.test' }, 'invalid_request'],
    ['a wrong device secret', { actor_token: 'A'.repeat(32) }, 'invalid_grant'],
    ['a forged ID token', { subject_token: 'a.b.c' }, 'invalid_grant'],
    ['more scope than the session has', { scope: 'openid email' }, 'invalid_scope'],
    ['a client that has it off', { client_id: 'shop' }, 'unauthorized_client'],
  ])('are not to be had with %s', async (_, changed, error) => {
    const tokens = await signedIn()
    expect((await exchange(tokens, changed)).body.error).toBe(error)
    expect((await exchange(tokens)).status).toBe(200)
  })

  test('need a session that may make them', async () => {
    const got = await getCode(site, { ...native, scope: 'openid offline_access device_sso' })
    const { body } = await redeem(site, native, got)
    expect((await exchange(body as Tokens)).body.error).toBe('insufficient_scope')
  })

  test('of a bound session need its key', async () => {
    const key = dpopKey()
    const dpop = () => ({ dpop: key.proof(`${site.origin}/oauth2/token`, server.clock.now()) })
    const tokens = await signedIn(dpop())
    expect((await exchange(tokens)).body.error).toBe('invalid_dpop_proof')
    expect((await exchange(tokens, {}, dpop())).status).toBe(200)
  })

  test.each([
    ['a page elsewhere', { redirect_uri: 'https://evil.test/' }, undefined],
    ['another origin', { redirect_uri: 'https://web.test.evil.test/' }, undefined],
    ['another response mode', { response_mode: 'query' }, 'invalid_request'],
    ['no prompt', { prompt: undefined }, 'invalid_request'],
    ['no hint', { id_token_hint: undefined }, 'invalid_request'],
    ['no token', { x_pre_authenticated_url_token: undefined }, 'invalid_request'],
    ['a client that has it off', { client_id: 'shop', redirect_uri: 'https://shop.test/app' }, 'unauthorized_client'],
  ])('with %s open nothing', async (_, changed, error) => {
    const tokens = await signedIn()
    const { body } = await exchange(tokens)
    const { browser, response } = open(String(body.id_token), String(body.access_token), changed)
    const refused = await response
    if (error === undefined) expect(refused.headers.get('location')).toBeNull()
    else expect(answered(refused).error).toBe(error)
    expect(browser.cookies.size).toBe(0)
  })

  test('of one session do not open with the hint of another, nor for another client; and are spent by the try', async () => {
    const [mine, other] = [await signedIn(), await signedIn()]
    const { body } = await exchange(mine)
    expect(answered(await open(other.id_token, String(body.access_token)).response).error).toBe('invalid_request')
    expect(answered(await open(String(body.id_token), String(body.access_token)).response).error).toBe(
      'invalid_request',
    )
  })
})
