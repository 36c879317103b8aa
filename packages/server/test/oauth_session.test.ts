// Around the tokens: discovery and keys, userinfo, revocation, logout.

import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, importJWK, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import {
  type App,
  ana,
  answered,
  type Browser,
  fullAccess,
  fullUserInfo,
  getTokens,
  type Json,
  location,
  newUser,
  openBrowser,
  openSite,
  query,
  refresh,
  type Site,
  signIn,
  userinfo,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const spa: App = { client_id: 'spa', redirect_uri: 'https://spa.test/', scope: `openid offline_access ${fullAccess}` }
const jwt: App = { ...spa, client_id: 'jwt', scope: 'openid offline_access' }
const third: App = { client_id: 'third', redirect_uri: 'https://third.test/', scope: 'openid offline_access email' }
const shared = { x_sso_enabled: 'true' }

let server: Headgear
let site: Site

beforeAll(async () => {
  server = await headgear()
  site = await openSite(server, {
    localization: { supported_languages: ['en', 'zh-TW'] },
    user_profile: {
      standard_attributes: {
        access_control: ['/name', '/address'].map((pointer) => ({
          pointer,
          access_control: { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' },
        })),
      },
      custom_attributes: {
        attributes: [
          {
            id: 'c1',
            pointer: '/hobby',
            type: 'string',
            access_control: { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' },
          },
          {
            id: 'c2',
            pointer: '/secret',
            type: 'string',
            access_control: { end_user: 'hidden', bearer: 'hidden', portal_ui: 'readwrite' },
          },
        ],
      },
    },
    oauth: {
      clients: [
        {
          client_id: 'spa',
          name: 'Spa',
          x_application_type: 'spa',
          redirect_uris: ['https://spa.test/'],
          post_logout_redirect_uris: ['https://spa.test/bye', 'https://spa.test/bye?x=1'],
        },
        {
          client_id: 'jwt',
          name: 'Jwt',
          x_application_type: 'spa',
          redirect_uris: ['https://spa.test/'],
          issue_jwt_access_token: true,
          post_logout_redirect_uris: ['https://jwt.test/bye'],
        },
        {
          client_id: 'third',
          name: 'Third',
          client_name: 'Third',
          x_application_type: 'third_party_app',
          redirect_uris: ['https://third.test/'],
          post_logout_redirect_uris: ['https://third.test/bye'],
        },
      ],
    },
  })
  third.secret = site.made.client_secrets.third
})
afterAll(() => server.stop())

const cookieName = async (name: string) => `${(await site.project()).origins.at(-1)?.cookiePrefix ?? ''}${name}`
const heard = () => server.node.log.poll()

async function isSignedIn(browser: Browser): Promise<boolean> {
  await heard()
  const response = await browser.get(
    `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'none', scope: 'openid', prompt: 'none' })}`,
  )
  return answered(response).error === undefined
}

describe('discovery', () => {
  test.each(['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])(
    '%s names one origin and what works',
    async (path) => {
      const response = await fetch(`${site.origin}${path}`, { headers: { origin: 'https://anyone.test' } })
      expect([
        response.status,
        response.headers.get('content-type'),
        response.headers.get('access-control-allow-origin'),
      ]).toEqual([200, expect.stringMatching(/^application\/json/), '*'])
      expect(response.headers.get('cache-control')).not.toMatch(/no-store/)
      const document = (await response.json()) as Json
      expect(document).toMatchObject({
        issuer: site.origin,
        authorization_endpoint: `${site.origin}/oauth2/authorize`,
        token_endpoint: `${site.origin}/oauth2/token`,
        userinfo_endpoint: `${site.origin}/oauth2/userinfo`,
        revocation_endpoint: `${site.origin}/oauth2/revoke`,
        end_session_endpoint: `${site.origin}/oauth2/end_session`,
        jwks_uri: `${site.origin}/oauth2/jwks`,
        subject_types_supported: ['public'],
        response_types_supported: expect.arrayContaining(['code', 'none']),
        response_modes_supported: ['query', 'fragment', 'form_post'],
        grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
        code_challenge_methods_supported: ['S256'],
        id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
        token_endpoint_auth_methods_supported: expect.arrayContaining([
          'none',
          'client_secret_post',
          'client_secret_basic',
        ]),
        scopes_supported: expect.arrayContaining(['openid', 'offline_access', fullAccess]),
        authorization_response_iss_parameter_supported: true,
        request_parameter_supported: false,
        ui_locales_supported: ['en', 'zh-TW'],
      })
    },
  )

  test('answers the preflight of a mobile webview that sends DPoP', async () => {
    const response = await fetch(`${site.origin}/.well-known/openid-configuration`, {
      method: 'OPTIONS',
      headers: {
        origin: 'capacitor://localhost',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'dpop',
      },
    })
    expect([
      response.status,
      response.headers.get('access-control-allow-origin'),
      response.headers.get('access-control-allow-headers'),
    ]).toEqual([200, '*', 'dpop'])
  })

  test('publishes public keys only, each once', async () => {
    const { keys } = (await (await fetch(`${site.origin}/oauth2/jwks`)).json()) as { keys: Json[] }
    expect(keys.map((key) => key.alg).sort()).toEqual(['ES256', 'RS256'])
    expect(keys[0]?.alg).toBe('RS256')
    expect(new Set(keys.map((key) => key.kid)).size).toBe(keys.length)
    for (const key of keys) {
      expect(key.use).toBe('sig')
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
    }
  })
})

test('an endpoint in another spelling leads to the one that is meant, method and body kept', async () => {
  for (const [method, path, to] of [
    ['GET', '/OAuth2/JWKS/?x=1', '/oauth2/jwks?x=1'],
    ['GET', '/.well-known/OpenID-configuration', '/.well-known/openid-configuration'],
    ['POST', '/oauth2/token/', '/oauth2/token'],
    ['GET', '/settings/', '/settings'],
    ['GET', '//evil.test/', '//evil.test'],
  ] as const) {
    const response = await fetch(site.origin + path, { method, redirect: 'manual' })
    expect([path, response.status, response.headers.get('location')]).toEqual([path, 308, site.origin + to])
  }
})

describe('userinfo', () => {
  test('tells the first party everything that bearers may see', async () => {
    const userId = await newUser(site, ana, { c1: 'chess', c2: 'hidden' })
    const browser = openBrowser(site)
    const who = await signIn(site, browser, { userId })
    const { body } = await getTokens(site, spa, { browser, who })
    const answer = await userinfo(site, body.access_token)
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      expect.stringMatching(/^application\/json/),
      'no-store',
    ])
    expect(answer.body).toEqual({
      sub: userId,
      ...ana,
      email_verified: false,
      phone_number_verified: false,
      updated_at: expect.any(Number),
      custom_attributes: { hobby: 'chess' },
      x_web3: {},
      'https://authgear.com/claims/user/is_anonymous': false,
      'https://authgear.com/claims/user/is_verified': false,
      'https://authgear.com/claims/user/can_reauthenticate': false,
      'https://authgear.com/claims/user/roles': [],
      'https://authgear.com/claims/user/identities': [
        {
          type: 'login_id',
          login_id_key: 'email',
          login_id_type: 'email',
          created_at: expect.any(String),
          updated_at: expect.any(String),
        },
      ],
      'https://authgear.com/claims/user/authenticators': [],
      'https://authgear.com/claims/user/recovery_code_enabled': false,
    })
  })

  test('tells a third party what its scopes cover, and what was asked by name and allowed', async () => {
    const plain = await getTokens(site, third)
    expect((await userinfo(site, plain.body.access_token)).body).toMatchObject({
      email: ana.email,
      email_verified: false,
    })
    expect((await userinfo(site, plain.body.access_token)).body).not.toHaveProperty('phone_number')
    expect((await userinfo(site, plain.body.access_token)).body).not.toHaveProperty('custom_attributes')
    const named = await getTokens(
      site,
      { ...third, scope: 'openid' },
      { params: { claims: '{"userinfo":{"name":{"essential":true}}}' } },
    )
    const { body } = await userinfo(site, named.body.access_token)
    expect(body.name).toBe('Ana Silva')
    expect(body).not.toHaveProperty('email')
    const full = await getTokens(site, { ...third, scope: `openid ${fullUserInfo}` })
    expect((await userinfo(site, full.body.access_token)).body).toMatchObject({
      phone_number: ana.phone_number,
      custom_attributes: {},
    })
  })

  test('types every standard claim as OpenID has it', async () => {
    const { body } = await getTokens(site, { ...third, scope: 'openid profile email phone address' })
    expect((await userinfo(site, body.access_token)).body).toMatchObject({
      name: expect.any(String),
      given_name: expect.any(String),
      birthdate: '1990-12-31',
      updated_at: expect.any(Number),
      email_verified: false,
      phone_number: expect.any(String),
      address: { country: 'TW' },
    })
  })

  test('takes the token by POST in header or body, and a session cookie', async () => {
    const { body, who, browser } = await getTokens(site, spa)
    const at = `${site.origin}/oauth2/userinfo`
    const sub = async (response: Response) => ((await response.json()) as Json).sub
    expect(
      await sub(await fetch(at, { method: 'POST', headers: { authorization: `bearer ${body.access_token}` } })),
    ).toBe(who.userId)
    expect(
      await sub(await fetch(at, { method: 'POST', body: new URLSearchParams({ access_token: body.access_token }) })),
    ).toBe(who.userId)
    expect(await sub(await browser.get('/oauth2/userinfo'))).toBe(who.userId)
    expect((await fetch(`${at}?access_token=${body.access_token}`)).status).toBe(401)
  })

  test.each([
    ['nothing', {}],
    ['garbage', { authorization: 'Bearer garbage' }],
    ['a dead JWT', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' }],
  ])('says invalid_grant to %s', async (_, headers) => {
    const response = await fetch(`${site.origin}/oauth2/userinfo`, { headers: headers as never })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer error="invalid_grant", error_description="invalid session"',
    )
    expect(await response.json()).toEqual({ error: 'invalid_grant', error_description: 'invalid session' })
  })

  test('takes no refresh token and no ID token for an access token', async () => {
    const { body } = await getTokens(site, spa)
    expect((await userinfo(site, body.refresh_token)).status).toBe(401)
    expect((await userinfo(site, body.id_token)).status).toBe(401)
  })
})

const revoke = (token: string | undefined, more: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  fetch(`${site.origin}/oauth2/revoke`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ ...(token === undefined ? {} : { token }), ...more }),
  })

describe('revocation', () => {
  test('S10: of a refresh token ends the grant at once', async () => {
    const { body } = await getTokens(site, spa)
    const response = await revoke(body.refresh_token)
    expect([response.status, await response.text(), response.headers.get('cache-control')]).toEqual([
      200,
      '',
      'no-store',
    ])
    await heard()
    expect((await refresh(site, spa, body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await userinfo(site, body.access_token)).status).toBe(401)
    const resolved = await fetch(`${site.origin}/_resolver/resolve`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    expect(resolved.headers.get('x-authgear-session-valid')).toBe('false')
  })

  test('leaves the browser session unless the grant is SSO; then the whole group ends', async () => {
    const alone = await getTokens(site, spa)
    await revoke(alone.body.refresh_token)
    expect(await isSignedIn(alone.browser)).toBe(true)
    const first = await getTokens(site, spa, { params: shared })
    const second = await getTokens(site, jwt, { params: shared, browser: first.browser, who: first.who })
    await revoke(first.body.refresh_token)
    expect(await isSignedIn(first.browser)).toBe(false)
    expect((await refresh(site, jwt, second.body.refresh_token)).body.error).toBe('invalid_grant')
  })

  test.each([
    ['an opaque one', spa],
    ['a JWT', jwt],
  ])('of an access token (%s) ends that one alone', async (_, app) => {
    const { body } = await getTokens(site, app)
    const next = await refresh(site, app, body.refresh_token)
    expect((await revoke(body.access_token)).status).toBe(200)
    await heard()
    expect((await userinfo(site, body.access_token)).status).toBe(401)
    expect((await userinfo(site, String(next.body.access_token))).status).toBe(200)
  })

  test.each([
    ['nothing', undefined],
    ['an empty one', ''],
    ['garbage', 'garbage'],
    ['half a JWT', 'a.b.c'],
    ['a NUL', '\0'],
  ])('of %s is no fault', async (_, token) => {
    expect((await revoke(token)).status).toBeLessThan(500)
    if (token !== '\0') expect((await revoke(token)).status).toBe(200)
  })

  test('does nothing to a token of another client, and refuses a wrong secret', async () => {
    const { body } = await getTokens(site, spa)
    expect((await revoke(body.refresh_token, { client_id: 'jwt' })).status).toBe(200)
    expect((await revoke(body.refresh_token, { client_id: 'third', client_secret: String(third.secret) })).status).toBe(
      200,
    )
    expect(
      (await revoke(body.refresh_token, {}, { authorization: `Basic ${btoa(`third:${third.secret}`)}` })).status,
    ).toBe(200)
    expect((await revoke(body.refresh_token, { client_id: 'third', client_secret: 'wrong' })).status).toBe(400)
    expect((await revoke(body.refresh_token, {}, { authorization: `Basic ${btoa('third:wrong')}` })).status).toBe(401)
    expect((await refresh(site, spa, body.refresh_token)).status).toBe(200)
  })

  test('is announced', async () => {
    const { body, who } = await getTokens(site, spa)
    await revoke(body.refresh_token)
    const events = await server.node.world.db.query
      .selectFrom('event')
      .select(['kind', 'payload'])
      .where('project_id', '=', site.made.id)
      .where('kind', '=', 'user.signed_out')
      .execute()
    expect(events.map(({ payload }) => payload).find((payload) => payload.user_id === who.userId)).toMatchObject({
      idp_sessions: [],
      grants: [{ client_id: 'spa' }],
    })
  })
})

describe('logout', () => {
  const endSession = (
    browser: Browser,
    params: Record<string, string | undefined>,
    headers: Record<string, string> = {},
  ) => browser.get(`/oauth2/end_session?${query(params)}`, headers)
  const formOf = async (response: Response) =>
    /<form[^>]*action="([^"]*)"/.exec(await response.text())?.[1]?.replaceAll('&amp;', '&') ?? ''

  test('with a good hint signs out at once and comes back with state', async () => {
    const { body, browser } = await getTokens(site, spa)
    const response = await endSession(browser, {
      id_token_hint: body.id_token,
      post_logout_redirect_uri: 'https://spa.test/bye',
      state: 's',
    })
    expect([response.status, location(response).href]).toEqual([303, 'https://spa.test/bye?state=s'])
    expect(browser.cookies.has(await cookieName('session'))).toBe(false)
    expect(await isSignedIn(browser)).toBe(false)
    await heard()
    expect((await refresh(site, spa, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  test('takes an expired hint, and keeps the query of the registered address', async () => {
    const { body, browser } = await getTokens(site, spa)
    await server.clock.advance(3_600_000)
    const response = await endSession(browser, {
      id_token_hint: body.id_token,
      client_id: 'spa',
      post_logout_redirect_uri: 'https://spa.test/bye?x=1',
      state: 's',
    })
    expect(location(response).href).toBe('https://spa.test/bye?x=1&state=s')
  })

  test('S: from a page of the same site needs no hint', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    browser.cookies.set(await cookieName('same_site_strict'), 'true')
    const response = await endSession(browser, { post_logout_redirect_uri: 'https://spa.test/bye' })
    expect(location(response).href).toBe('https://spa.test/bye')
    expect(await isSignedIn(browser)).toBe(false)
  })

  test.each([
    ['without hint', async () => ({})],
    ['with a client alone', async () => ({ client_id: 'spa' })],
    ['with the hint of another session', async () => ({ id_token_hint: (await getTokens(site, spa)).body.id_token })],
    [
      'for a third party',
      async (browser: Browser) => ({
        id_token_hint: (await getTokens(site, third, { browser, who: await signIn(site, browser) })).body.id_token,
      }),
    ],
  ])('%s asks first', async (_, params) => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    const question = await endSession(browser, await params(browser))
    expect([question.status, question.headers.get('location'), question.headers.get('cache-control')]).toEqual([
      200,
      null,
      'no-store',
    ])
    expect(await isSignedIn(browser)).toBe(true)
    const action = await formOf(question)
    const forged = await browser.post(action, { x_action: 'logout' }, { 'sec-fetch-site': 'cross-site' })
    expect(forged.status).toBe(403)
    expect(await isSignedIn(browser)).toBe(true)
    expect((await browser.post(action, { x_action: 'logout' })).status).toBe(200)
    expect(await isSignedIn(browser)).toBe(false)
  })

  test('after the question goes where the client that was named may be left', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    const question = await endSession(browser, {
      client_id: 'spa',
      post_logout_redirect_uri: 'https://spa.test/bye',
      state: 's',
    })
    const done = await browser.post(await formOf(question), { x_action: 'logout' })
    expect(location(done).href).toBe('https://spa.test/bye?state=s')
  })

  test('needs nobody signed in to come back to a registered address', async () => {
    const browser = openBrowser(site)
    expect(
      location(await endSession(browser, { post_logout_redirect_uri: 'https://spa.test/bye', state: 's' })).href,
    ).toBe('https://spa.test/bye?state=s')
    const said = await endSession(browser, {})
    expect([said.status, said.headers.get('location')]).toEqual([200, null])
  })

  test.each([
    ['an unregistered address', { post_logout_redirect_uri: 'https://evil.test/' }],
    ['a registered one with a query added', { post_logout_redirect_uri: 'https://spa.test/bye?y=1' }],
    ['the address of another client', { client_id: 'spa', post_logout_redirect_uri: 'https://jwt.test/bye' }],
    ['an unknown client', { client_id: 'nobody', post_logout_redirect_uri: 'https://spa.test/bye' }],
  ])('never leads to %s', async (_, params) => {
    for (const signedIn of [true, false]) {
      const browser = openBrowser(site)
      if (signedIn) await signIn(site, browser)
      const response = await endSession(browser, params)
      expect(response.headers.get('location')).toBeNull()
    }
  })

  test('never leads anywhere with a hint that is not ours, or not the client’s', async () => {
    const { body, browser } = await getTokens(site, spa)
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const foreign = await new SignJWT({ sub: 'x', aud: ['spa'] })
      .setProtectedHeader({ alg: 'RS256', kid: 'x' })
      .sign(privateKey)
    const [head, , signature] = body.id_token.split('.')
    const modified = `${head}.${Buffer.from(JSON.stringify({ sub: 'evil', aud: ['spa'] })).toString('base64url')}.${signature}`
    for (const params of [
      { id_token_hint: foreign },
      { id_token_hint: modified },
      { id_token_hint: 'garbage' },
      { id_token_hint: body.access_token },
      { id_token_hint: body.id_token, client_id: 'jwt' },
    ]) {
      const response = await endSession(browser, { ...params, post_logout_redirect_uri: 'https://spa.test/bye' })
      expect(response.headers.get('location')).toBeNull()
    }
    expect(await isSignedIn(browser)).toBe(true)
  })

  test('by POST from another site keeps its parameters on the way to the cookies, and out of the address', async () => {
    const { body, browser } = await getTokens(site, spa)
    const posted = await browser.post(
      '/oauth2/end_session',
      { id_token_hint: body.id_token, post_logout_redirect_uri: 'https://spa.test/bye', state: 's' },
      { 'sec-fetch-site': 'cross-site' },
    )
    expect(posted.status).toBe(302)
    const next = posted.headers.get('location') ?? ''
    expect(next).not.toContain('spa.test')
    expect(next).not.toContain(body.id_token)
    const stranger = await openBrowser(site).get(next)
    expect(stranger.headers.get('location')).toBeNull()
    expect(location(await browser.get(next)).href).toBe('https://spa.test/bye?state=s')
    expect(await isSignedIn(browser)).toBe(false)
  })
})

describe('tokens', () => {
  test('of one project say nothing at another', async () => {
    const other = await openSite(server, {
      oauth: {
        clients: [{ client_id: 'spa', name: 'Spa', x_application_type: 'spa', redirect_uris: ['https://spa.test/'] }],
      },
    })
    const { body } = await getTokens(site, spa)
    expect((await userinfo(other, body.access_token)).status).toBe(401)
    expect((await refresh(other, spa, body.refresh_token)).body.error).toBe('invalid_grant')
    const { keys } = (await (await fetch(`${other.origin}/oauth2/jwks`)).json()) as { keys: never[] }
    await expect(
      jwtVerify(body.id_token, createLocalJWKSet({ keys }), { currentDate: server.clock.now() }),
    ).rejects.toThrow()
  })

  test('signed by anybody else are nothing, whatever key they name', async () => {
    const { body } = await getTokens(site, jwt)
    const [head = '', payload = ''] = body.access_token.split('.')
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Json
    const key = await importJWK({ kty: 'oct', k: Buffer.from('x'.repeat(32)).toString('base64url') })
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Json
    const hmac = await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' } as never).sign(key)
    const none = `${Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url')}.${payload}.`
    for (const token of [hmac, none, `${head}.${payload}.`]) expect((await userinfo(site, token)).status).toBe(401)
  })
})
