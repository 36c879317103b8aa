// What the published SDKs ask beside the code flow: challenges, key pairs on devices, app sessions, anonymous users.
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
  pkce,
  query,
  redeem,
  refresh,
  type Site,
  settingsAction,
  tokenRequest,
  userinfo,
  verified,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const native: App = { client_id: 'native', redirect_uri: 'com.app://cb', scope: `openid offline_access ${fullAccess}` }
const grantType = (name: string) => `urn:authgear:params:oauth:grant-type:${name}`

let server: Headgear
let site: Site
let closed: Site

beforeAll(async () => {
  server = await headgear()
  const clients = [
    { client_id: 'native', name: 'Native', x_application_type: 'native', redirect_uris: ['com.app://cb'] },
    { client_id: 'other', name: 'Other', x_application_type: 'native', redirect_uris: ['com.app://cb'] },
    {
      client_id: 'web',
      name: 'Web',
      client_name: 'Web',
      x_application_type: 'confidential',
      redirect_uris: ['https://web.test/'],
    },
  ]
  site = await openSite(server, {
    authentication: { identities: ['login_id', 'anonymous', 'biometric'] },
    account_deletion: { scheduled_by_end_user_enabled: true },
    oauth: { clients },
  })
  closed = await openSite(server, { authentication: { identities: ['login_id'] }, oauth: { clients } })
})
afterAll(() => server.stop())

async function api(path: string, body: unknown, headers: Record<string, string> = {}, at = site) {
  const response = await fetch(`${at.origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const { result, error } = (await response.json()) as { result?: Json; error?: Json }
  return { status: response.status, result, error, headers: response.headers }
}

async function challenge(purpose: string, at = site): Promise<string> {
  const { result } = await api('/oauth2/challenge', { purpose }, {}, at)
  return String(result?.token)
}

describe('challenges', () => {
  test('are 32 characters and say as text when they end', async () => {
    const { status, result, headers } = await api('/oauth2/challenge', { purpose: 'anonymous_request' })
    expect(status).toBe(200)
    expect(result).toEqual({
      token: expect.stringMatching(/^[A-Za-z0-9._-]{32}$/),
      expire_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('for nothing we know, or asked as a form, are refused', async () => {
    expect((await api('/oauth2/challenge', { purpose: 'unheard' })).error).toMatchObject({
      name: 'Invalid',
      reason: 'ValidationFailed',
    })
    expect((await api('/oauth2/challenge', { purpose: 'anonymous_request', more: 1 })).error).toMatchObject({
      reason: 'ValidationFailed',
    })
    const form = await fetch(`${site.origin}/oauth2/challenge`, {
      method: 'POST',
      body: new URLSearchParams({ purpose: 'anonymous_request' }),
    })
    expect(form.status).toBe(400)
  })
})

describe.each(['ES256', 'RS256'] as const)('an anonymous user with an %s key', (alg) => {
  const enter = (jwt: string, more: Record<string, string> = {}, at = site) =>
    tokenRequest(at, { grant_type: grantType('anonymous-request'), client_id: 'native', jwt, ...more })

  test('is made at first use and found again; never rotated', async () => {
    const key = deviceKey(alg)
    const first = await enter(
      key.request('anonymous', { action: 'auth', challenge: await challenge('anonymous_request') }, server.clock.now()),
    )
    expect(first.status).toBe(200)
    const { claims } = await verified(site, String(first.body.id_token), { audience: 'native' })
    expect(claims['https://authgear.com/claims/user/is_anonymous']).toBe(true)
    const second = await enter(
      key.request(
        'anonymous',
        { action: 'auth', challenge: await challenge('anonymous_request') },
        server.clock.now(),
        null,
      ),
    )
    expect((await verified(site, String(second.body.id_token), { audience: 'native' })).claims.sub).toBe(claims.sub)
    const refreshed = await refresh(site, native, String(second.body.refresh_token))
    expect([refreshed.status, refreshed.body.refresh_token]).toEqual([200, undefined])
    expect((await userinfo(site, String(refreshed.body.access_token))).body.sub).toBe(claims.sub)
  })

  test('asked for twice at once is one user', async () => {
    const key = deviceKey(alg)
    const jwts = await Promise.all(
      [1, 2, 3].map(async () =>
        key.request(
          'anonymous',
          { action: 'auth', challenge: await challenge('anonymous_request') },
          server.clock.now(),
        ),
      ),
    )
    const answers = await Promise.all(jwts.map((jwt) => enter(jwt)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const subs = await Promise.all(
      answers.map(async ({ body }) => (await verified(site, String(body.id_token), { audience: 'native' })).claims.sub),
    )
    expect(new Set(subs).size).toBe(1)
  })

  test('must hold the private half of the key, known or enclosed', async () => {
    const [key, thief] = [deviceKey(alg), deviceKey(alg)]
    const now = server.clock.now()
    const auth = async () => ({ action: 'auth', challenge: await challenge('anonymous_request') })
    expect((await enter(thief.request('anonymous', await auth(), now, key.jwk))).body).toMatchObject({
      error: 'invalid_grant',
      error_description: 'InvalidCredentials',
    })
    expect((await enter(key.request('anonymous', await auth(), now))).status).toBe(200)
    // The thief names the victim's key id and encloses a key of their own.
    const [, payload] = thief.request('anonymous', await auth(), now).split('.')
    const header = Buffer.from(
      JSON.stringify({ typ: 'vnd.authgear.anonymous-request', alg, kid: key.kid, jwk: thief.jwk }),
    ).toString('base64url')
    expect((await enter(`${header}.${payload}.AAAA`)).body.error).toBe('invalid_grant')
  })

  test.each([
    [
      'a used challenge',
      async (now: Date) => {
        const key = deviceKey(alg)
        const used = await challenge('anonymous_request')
        await enter(key.request('anonymous', { action: 'auth', challenge: used }, now))
        return key.request('anonymous', { action: 'auth', challenge: used }, now)
      },
    ],
    [
      'a challenge for something else',
      async (now: Date) =>
        deviceKey(alg).request('anonymous', { action: 'auth', challenge: await challenge('biometric_request') }, now),
    ],
    [
      'an invented challenge',
      async (now: Date) => deviceKey(alg).request('anonymous', { action: 'auth', challenge: 'A'.repeat(32) }, now),
    ],
    [
      'another action',
      async (now: Date) =>
        deviceKey(alg).request(
          'anonymous',
          { action: 'promote', challenge: await challenge('anonymous_request') },
          now,
        ),
    ],
    [
      'another type',
      async (now: Date) =>
        deviceKey(alg).request('biometric', { action: 'auth', challenge: await challenge('anonymous_request') }, now),
    ],
    [
      'an old request',
      async (now: Date) =>
        deviceKey(alg).request(
          'anonymous',
          { action: 'auth', challenge: await challenge('anonymous_request'), iat: 1, exp: now.getTime() / 1000 - 400 },
          now,
        ),
    ],
    ['garbage', async () => 'a.b.c'],
  ])('with %s is refused', async (_, made) => {
    expect((await enter(await made(server.clock.now()))).body.error).toBe('invalid_grant')
  })

  test('is not to be had where the project has none, nor for a client with a secret', async () => {
    const key = deviceKey(alg)
    const jwt = key.request(
      'anonymous',
      { action: 'auth', challenge: await challenge('anonymous_request', closed) },
      server.clock.now(),
    )
    expect((await enter(jwt, {}, closed)).body.error).toBe('unauthorized_client')
    const again = key.request(
      'anonymous',
      { action: 'auth', challenge: await challenge('anonymous_request') },
      server.clock.now(),
    )
    expect(
      (await enter(again, { client_id: 'web', client_secret: site.made.client_secrets.web ?? '' })).body.error,
    ).toBe('unauthorized_client')
  })
})

describe('biometric sign-in', () => {
  const device_info = { ios: { uname: { machine: 'iPhone17,3' } } }
  const ask = (jwt: string, headers: Record<string, string> = {}, more: Record<string, string> = {}) =>
    fetch(`${site.origin}/oauth2/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: grantType('biometric-request'), client_id: 'native', jwt, ...more }),
    })
  const json = async (response: Response) => (await response.json()) as Json

  async function setUp(key = deviceKey()) {
    const tokens = await getTokens(site, native)
    const jwt = key.request(
      'biometric',
      { action: 'setup', challenge: await challenge('biometric_request'), device_info },
      server.clock.now(),
    )
    const response = await ask(jwt, { authorization: `Bearer ${tokens.body.access_token}` })
    return { key, tokens, response }
  }

  test('is set up by who is signed in, and then signs in alone', async () => {
    const { key, tokens, response } = await setUp()
    expect([response.status, await response.text()]).toEqual([200, ''])
    const enter = async () =>
      json(
        await ask(
          key.request(
            'biometric',
            { action: 'authenticate', challenge: await challenge('biometric_request') },
            server.clock.now(),
            null,
          ),
        ),
      )
    const first = await enter()
    const { claims } = await verified(site, String(first.id_token), { audience: 'native' })
    expect([claims.sub, claims.amr]).toEqual([tokens.who.userId, ['x_biometric']])
    const second = await enter()
    expect((await refresh(site, native, String(first.refresh_token))).body.error).toBe('invalid_grant')
    expect((await refresh(site, native, String(second.refresh_token))).status).toBe(200)
  })

  test('is set up by nobody else', async () => {
    const key = deviceKey()
    const jwt = async () =>
      key.request(
        'biometric',
        { action: 'setup', challenge: await challenge('biometric_request'), device_info },
        server.clock.now(),
      )
    const nobody = await ask(await jwt())
    expect([nobody.status, (await json(nobody)).error, nobody.headers.get('www-authenticate')]).toEqual([
      401,
      'invalid_grant',
      null,
    ])
    const tokens = await getTokens(site, native)
    const foreign = deviceKey().request(
      'biometric',
      { action: 'setup', challenge: await challenge('biometric_request'), device_info },
      server.clock.now(),
      key.jwk,
    )
    expect((await json(await ask(foreign, { authorization: `Bearer ${tokens.body.access_token}` }))).error).toBe(
      'invalid_grant',
    )
    const nameless = key.request(
      'biometric',
      { action: 'setup', challenge: await challenge('biometric_request') },
      server.clock.now(),
    )
    expect((await json(await ask(nameless, { authorization: `Bearer ${tokens.body.access_token}` }))).error).toBe(
      'invalid_request',
    )
  })

  test('with a key that nobody knows is InvalidCredentials, on which SDKs drop theirs', async () => {
    const response = await ask(
      deviceKey().request(
        'biometric',
        { action: 'authenticate', challenge: await challenge('biometric_request') },
        server.clock.now(),
      ),
    )
    expect([response.status, await json(response)]).toEqual([
      400,
      { error: 'invalid_grant', error_description: 'InvalidCredentials' },
    ])
  })

  test('asks for full access and a refresh token, or nothing', async () => {
    const { key } = await setUp()
    const jwt = key.request(
      'biometric',
      { action: 'authenticate', challenge: await challenge('biometric_request') },
      server.clock.now(),
    )
    expect((await json(await ask(jwt, {}, { scope: 'openid' }))).error).toBe('invalid_scope')
  })

  test('of a disabled user is refused', async () => {
    const { key, tokens } = await setUp()
    await server.node.world.db.query
      .updateTable('end_user')
      .set({ is_disabled: true })
      .where('project_id', '=', site.made.id)
      .where('id', '=', tokens.who.userId)
      .execute()
    const jwt = key.request(
      'biometric',
      { action: 'authenticate', challenge: await challenge('biometric_request') },
      server.clock.now(),
    )
    expect((await json(await ask(jwt))).error).toBe('invalid_grant')
  })
})

describe('the ID-token grant', () => {
  const ask = (headers: Record<string, string>, client_id = 'native') =>
    tokenRequest(site, { grant_type: grantType('id-token'), client_id }, headers)

  test('gives a fresh ID token for a bearer token or a browser session, and nothing else', async () => {
    const { body, browser, who } = await getTokens(site, native)
    const answer = await ask({ authorization: `Bearer ${body.access_token}` })
    expect(Object.keys(answer.body)).toEqual(['id_token'])
    const [before, after] = await Promise.all([
      verified(site, body.id_token, { audience: 'native' }),
      verified(site, String(answer.body.id_token), { audience: 'native' }),
    ])
    expect([after.claims.sub, after.claims.sid]).toEqual([before.claims.sub, before.claims.sid])
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const byCookie = await verified(site, String((await ask({ cookie })).body.id_token), { audience: 'native' })
    expect(byCookie.claims.sub).toBe(who.userId)
    expect(Buffer.from(String(byCookie.claims.sid), 'base64url').toString()).toMatch(/^idp:/)
  })

  test('needs a live session of that client', async () => {
    const { body } = await getTokens(site, native)
    for (const [headers, client] of [
      [{}, 'native'],
      [{ authorization: `Bearer ${body.access_token}` }, 'other'],
      [{ authorization: 'Bearer x' }, 'native'],
    ] as const) {
      const refused = await ask(headers, client)
      expect([refused.status, refused.body.error]).toEqual([401, 'invalid_grant'])
    }
  })
})

describe('app sessions', () => {
  const open = (login: string, more: Record<string, string> = {}) => {
    const browser = openBrowser(site)
    const params = {
      client_id: 'native',
      redirect_uri: `${site.origin}/settings?ui_locales=en`,
      response_type: 'none',
      prompt: 'none',
      scope: native.scope,
      state: 'never seen',
      login_hint: `https://authgear.com/login_hint?${query({ type: 'app_session_token', app_session_token: login })}`,
      ...more,
    }
    return { browser, response: browser.get(`/oauth2/authorize?${query(params)}`) }
  }

  test('open our pages for the user of a refresh token, once, with no OAuth parameter', async () => {
    const { body, who } = await getTokens(site, native)
    const { status, result } = await api('/oauth2/app_session_token', { refresh_token: body.refresh_token })
    expect([status, result]).toEqual([
      200,
      { app_session_token: expect.stringMatching(/^[\w-]{32}$/), expire_at: expect.any(String) },
    ])
    const proof = pkce()
    const { browser, response } = open(String(result?.app_session_token), {
      response_type: 'code',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
    })
    const opened = await response
    expect([opened.status, opened.headers.get('location')]).toEqual([302, `${site.origin}/settings?ui_locales=en`])
    expect(((await (await browser.get('/oauth2/userinfo')).json()) as Json).sub).toBe(who.userId)
    const again = open(String(result?.app_session_token))
    expect(answered(await again.response).error).toBe('invalid_request')
    expect(again.browser.cookies.size).toBe(0)
    // The app session ends with the grant.
    await fetch(`${site.origin}/oauth2/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token: body.refresh_token }),
    })
    await server.node.log.poll()
    expect((await browser.get('/oauth2/userinfo')).status).toBe(401)
  })

  test('are refused in words that SDKs act on', async () => {
    const bad = await api('/oauth2/app_session_token', { refresh_token: 'garbage' })
    expect([bad.status, bad.error]).toEqual([
      403,
      expect.objectContaining({ name: 'Forbidden', reason: 'InvalidGrant' }),
    ])
    const little = await getTokens(site, { ...native, scope: 'openid offline_access' })
    const less = await api('/oauth2/app_session_token', { refresh_token: little.body.refresh_token })
    expect([less.status, less.error]).toEqual([403, expect.objectContaining({ reason: 'Forbidden' })])
  })

  test('of a bound refresh token need its key', async () => {
    const key = dpopKey()
    const got = await getCode(site, native)
    const { body } = await redeem(
      site,
      native,
      got,
      {},
      { dpop: key.proof(`${site.origin}/oauth2/token`, server.clock.now()) },
    )
    const at = `${site.origin}/oauth2/app_session_token`
    expect(
      (
        await api(
          '/oauth2/app_session_token',
          body.refresh_token === undefined ? {} : { refresh_token: body.refresh_token },
        )
      ).error?.reason,
    ).toBe('Forbidden')
    expect(
      (
        await api(
          '/oauth2/app_session_token',
          { refresh_token: body.refresh_token },
          { dpop: dpopKey().proof(at, server.clock.now()) },
        )
      ).error?.reason,
    ).toBe('Forbidden')
    expect(
      (
        await api(
          '/oauth2/app_session_token',
          { refresh_token: body.refresh_token },
          { dpop: key.proof(at, server.clock.now()) },
        )
      ).status,
    ).toBe(200)
  })

  test('begin a settings action at its page, of the user that the app means', async () => {
    const { body } = await getTokens(site, native)
    const stranger = await getTokens(site, native)
    const token = async () =>
      String((await api('/oauth2/app_session_token', { refresh_token: body.refresh_token })).result?.app_session_token)
    const proof = pkce()
    const action = {
      response_type: settingsAction,
      redirect_uri: native.redirect_uri,
      x_settings_action: 'change_email',
      x_settings_action_query: 'q_login_id=undefined&q_login_id_key=email&evil=1',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
    }
    const page = location(await open(await token(), { ...action, id_token_hint: body.id_token }).response)
    expect(page.origin + page.pathname).toBe(`${site.origin}/settings/identity/change_email`)
    expect(Object.fromEntries(page.searchParams)).toEqual({
      q_login_id_key: 'email',
      x_ref: expect.stringMatching(/^[\w-]{32}$/),
    })
    const other = await open(await token(), { ...action, id_token_hint: stranger.body.id_token }).response
    expect(location(other).href).toMatch(/^com\.app:\/\/cb\?error=invalid_request/)
  })
})

describe('anonymous users of web apps', () => {
  test('live by cookie', async () => {
    const browser = openBrowser(site)
    const send = () =>
      browser.get('/').then(async () =>
        fetch(`${site.origin}/api/anonymous_user/signup`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; '),
          },
          body: JSON.stringify({ session_type: 'cookie' }),
        }),
      )
    const first = await send()
    expect([first.status, await first.json()]).toEqual([200, { result: {} }])
    const cookies = first.headers.getSetCookie()
    expect(cookies.some((line) => /session=[\w-]{46};/.test(line))).toBe(true)
    for (const line of cookies) browser.cookies.set(line.split('=')[0] ?? '', line.split(';')[0]?.split('=')[1] ?? '')
    const me = (await (await browser.get('/oauth2/userinfo')).json()) as Json
    expect(me['https://authgear.com/claims/user/is_anonymous']).toBe(true)
    const again = await send()
    expect([await again.json(), again.headers.getSetCookie()]).toEqual([{ result: {} }, []])
  })

  test('or by tokens, without an ID token, and may get a promotion code', async () => {
    const { result } = await api('/api/anonymous_user/signup', { session_type: 'refresh_token', client_id: 'native' })
    expect(Object.keys(result ?? {}).sort()).toEqual(['access_token', 'expires_in', 'refresh_token', 'token_type'])
    const again = await api('/api/anonymous_user/signup', {
      session_type: 'refresh_token',
      client_id: 'native',
      refresh_token: result?.refresh_token,
    })
    expect(Object.keys(again.result ?? {}).sort()).toEqual(['access_token', 'expires_in', 'token_type'])
    const [one, two] = await Promise.all([
      userinfo(site, String(result?.access_token)),
      userinfo(site, String(again.result?.access_token)),
    ])
    expect(one.body.sub).toBe(two.body.sub)
    const code = await api('/api/anonymous_user/promotion_code', {
      session_type: 'refresh_token',
      refresh_token: result?.refresh_token,
    })
    expect(code.result).toEqual({ promotion_code: expect.stringMatching(/^[\w-]{32}$/), expire_at: expect.any(String) })
    expect((await api('/api/anonymous_user/promotion_code', { session_type: 'cookie' })).status).toBe(401)
    expect(
      (await api('/api/anonymous_user/promotion_code', { session_type: 'refresh_token', refresh_token: 'x' })).status,
    ).toBe(403)
  })

  test.each([
    ['an unknown client', { session_type: 'refresh_token', client_id: 'nobody' }, 'invalid client ID'],
    [
      'a client with a secret',
      { session_type: 'refresh_token', client_id: 'web' },
      'this client type is not supported',
    ],
    [
      'a bad refresh token',
      { session_type: 'refresh_token', client_id: 'native', refresh_token: 'x' },
      'invalid refresh token',
    ],
  ])('are refused to %s', async (_, body, message) => {
    expect((await api('/api/anonymous_user/signup', body)).error).toMatchObject({ name: 'Invalid', message })
  })

  test('are refused to a normal user, and where there are none', async () => {
    const { body } = await getTokens(site, native)
    expect(
      (
        await api('/api/anonymous_user/signup', {
          session_type: 'refresh_token',
          client_id: 'native',
          refresh_token: body.refresh_token,
        })
      ).error?.message,
    ).toBe('user logged in as normal user')
    expect((await api('/api/anonymous_user/signup', { session_type: 'cookie' }, {}, closed)).error?.message).toBe(
      'anonymous user disallowed',
    )
  })
})
