// The code flow as applications meet it: what comes back, what a code is bound to, and what its reuse ends.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { plainBrowser } from './support/browser.ts'
import {
  type App,
  ana,
  answered,
  finish,
  fullAccess,
  getCode,
  getTokens,
  location,
  newUser,
  openBrowser,
  openSite,
  pkce,
  query,
  redeem,
  refresh,
  type Site,
  signIn,
  tokenRequest,
  userinfo,
  verified,
} from './support/oauth_client.ts'
import { headgear, statementsOf } from './support/store.ts'

const spa: App = {
  client_id: 'spa',
  redirect_uri: 'https://spa.test/after',
  scope: `openid offline_access ${fullAccess}`,
}
const other: App = { client_id: 'other', redirect_uri: 'https://spa.test/after', scope: 'openid offline_access' }
const jwt: App = { client_id: 'jwt', redirect_uri: 'https://jwt.test/', scope: 'openid offline_access email' }
const es256: App = { ...jwt, client_id: 'es256' }
const lone: App = { client_id: 'lone', redirect_uri: 'https://lone.test/', scope: 'openid offline_access' }
const web: App = { client_id: 'web', redirect_uri: 'https://web.test/', scope: 'openid offline_access profile email' }
const third: App = { client_id: 'third', redirect_uri: 'https://third.test/', scope: 'openid offline_access email' }

let server: Headgear
let site: Site

beforeAll(async () => {
  server = await headgear()
  site = await openSite(server, {
    oauth: {
      clients: [
        {
          client_id: 'spa',
          name: 'Spa',
          x_application_type: 'spa',
          redirect_uris: ['https://spa.test/after', 'https://spa.test/also'],
        },
        { client_id: 'other', name: 'Other', x_application_type: 'spa', redirect_uris: ['https://spa.test/after'] },
        {
          client_id: 'jwt',
          name: 'Jwt',
          x_application_type: 'native',
          redirect_uris: ['https://jwt.test/'],
          issue_jwt_access_token: true,
          access_token_lifetime_seconds: 600,
        },
        {
          client_id: 'es256',
          name: 'Es',
          x_application_type: 'spa',
          redirect_uris: ['https://jwt.test/'],
          issue_jwt_access_token: true,
          id_token_signed_response_alg: 'ES256',
        },
        {
          client_id: 'lone',
          name: 'Lone',
          x_application_type: 'spa',
          redirect_uris: ['https://lone.test/'],
          x_max_concurrent_session: 1,
        },
        {
          client_id: 'web',
          name: 'Web',
          client_name: 'Web',
          x_application_type: 'confidential',
          redirect_uris: ['https://web.test/'],
        },
        {
          client_id: 'third',
          name: 'Third',
          client_name: 'Third',
          x_application_type: 'third_party_app',
          redirect_uris: ['https://third.test/'],
        },
      ],
    },
  })
  web.secret = site.made.client_secrets.web
  third.secret = site.made.client_secrets.third
})
afterAll(() => server.stop())

const basic = (id: string, secret = '') => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

describe('S3: the code flow', () => {
  test('S4: ends with access, refresh and ID token of the user who signed in', async () => {
    const got = await getTokens(site, spa, { params: { nonce: 'n-1' } })
    expect(got.answer).toEqual({ code: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/), state: 'st', iss: site.origin })
    expect(got.body).toEqual({
      token_type: 'Bearer',
      access_token: expect.stringMatching(/^[A-Za-z0-9._-]+$/),
      expires_in: 1800,
      refresh_token: expect.stringMatching(/^[A-Za-z0-9._-]+$/),
      id_token: expect.any(String),
    })
    const { claims, header } = await verified(site, got.body.id_token, { audience: 'spa' })
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) })
    expect(claims).toMatchObject({
      iss: site.origin,
      aud: ['spa'],
      sub: got.who.userId,
      nonce: 'n-1',
      amr: ['pwd'],
      auth_time: Math.floor(got.who.authTime.getTime() / 1000),
      'https://authgear.com/claims/user/is_anonymous': false,
      'https://authgear.com/claims/user/is_verified': false,
      'https://authgear.com/claims/user/can_reauthenticate': false,
      'https://authgear.com/claims/user/roles': [],
    })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
    expect(claims.email).toBeUndefined()
    expect((await userinfo(site, got.body.access_token)).body.sub).toBe(got.who.userId)
  })

  test('gives no refresh token without offline_access', async () => {
    const got = await getTokens(site, { ...spa, scope: 'openid' })
    expect(Object.keys(got.body).sort()).toEqual(['access_token', 'expires_in', 'id_token', 'token_type'])
    expect((await userinfo(site, got.body.access_token)).status).toBe(200)
  })

  test('S9: a JWT access token names issuer, audience, client, session and lifetime', async () => {
    const got = await getTokens(site, jwt)
    const { claims, header } = await verified(site, got.body.access_token, { audience: site.origin, typ: 'at+jwt' })
    expect(header).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) })
    expect(claims).toMatchObject({
      aud: [site.origin],
      sub: got.who.userId,
      client_id: 'jwt',
      scope: jwt.scope,
      jti: expect.any(String),
      sid: expect.any(String),
    })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(600)
    expect(got.body.expires_in).toBe(600)
    expect(claims.email).toBeUndefined()
    expect((await userinfo(site, got.body.access_token)).body.sub).toBe(got.who.userId)
  })

  test('signs with ES256 for a client that says so', async () => {
    const got = await getTokens(site, es256)
    expect((await verified(site, got.body.id_token, { audience: 'es256' })).header.alg).toBe('ES256')
    expect((await verified(site, got.body.access_token, { audience: site.origin })).header.alg).toBe('ES256')
  })

  test('puts attributes by scope into the ID token of a confidential client', async () => {
    const { body } = await getTokens(site, web)
    const { claims } = await verified(site, body.id_token, { audience: 'web' })
    expect(claims).toMatchObject({ email: ana.email, email_verified: false, given_name: 'Ana', family_name: 'Silva' })
    expect(claims.phone_number).toBeUndefined()
    expect(claims.address).toBeUndefined()
  })

  test('leaves attributes that tokens may not carry out of the ID token', async () => {
    // `name` is hidden from bearers unless the project says otherwise.
    const { body } = await getTokens(site, web)
    expect((await verified(site, body.id_token, { audience: 'web' })).claims.name).toBeUndefined()
  })

  test('makes an SSO grant only when asked, and remembers the browser session either way', async () => {
    const { query: db } = server.node.world.db
    const rows = async (userId: string) =>
      db
        .selectFrom('offline_grant')
        .select(['sso', 'idp_session_id'])
        .where('project_id', '=', site.made.id)
        .where('user_id', '=', userId)
        .execute()
    const plain = await getTokens(site, spa)
    expect(await rows(plain.who.userId)).toEqual([{ sso: false, idp_session_id: plain.who.idpSessionId }])
    const shared = await getTokens(site, spa, { params: { x_sso_enabled: 'true' } })
    expect(await rows(shared.who.userId)).toEqual([{ sso: true, idp_session_id: shared.who.idpSessionId }])
  })

  test('keeps the last session only, for a client that allows one', async () => {
    const first = await getTokens(site, lone)
    const second = await getTokens(site, lone, { who: { ...first.who, idpSessionId: null } })
    expect((await refresh(site, lone, first.body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(site, lone, second.body.refresh_token)).status).toBe(200)
  })

  test('takes five statements at most', async () => {
    const got = await getCode(site, spa)
    const statements = await statementsOf(server, async () => {
      expect((await redeem(site, spa, got)).status).toBe(200)
    })
    expect(statements).toBeLessThanOrEqual(5)
  })
})

describe('a code', () => {
  test('works once; its reuse ends what it made and nothing else', async () => {
    const got = await getTokens(site, spa, { params: { x_sso_enabled: 'true' } })
    expect((await redeem(site, spa, got)).body).toMatchObject({ error: 'invalid_grant' })
    await server.node.log.poll()
    expect((await userinfo(site, got.body.access_token)).status).toBe(401)
    expect((await refresh(site, spa, got.body.refresh_token)).body.error).toBe('invalid_grant')
    // The person is still signed in at the browser: a reloaded callback must not sign anybody out everywhere.
    const silent = await got.browser.get(
      `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, scope: 'openid', response_type: 'none', prompt: 'none' })}`,
    )
    expect(answered(silent).error).toBeUndefined()
  })

  test('redeemed by many at once succeeds once', async () => {
    const got = await getCode(site, spa)
    const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(site, spa, got)))
    expect(answers.filter(({ status }) => status === 200).length).toBe(1)
    for (const { status, body } of answers) if (status !== 200) expect(body.error).toBe('invalid_grant')
  })

  test.each([
    ['of another client', { client_id: 'other' }, 'invalid_grant'],
    ['with another redirect URI', { redirect_uri: 'https://spa.test/also' }, undefined],
    ['with a wrong verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['without a verifier', { code_verifier: undefined }, 'invalid_request'],
    ['with a malformed verifier', { code_verifier: 'short' }, 'invalid_grant'],
    ['without redirect URI', { redirect_uri: undefined }, undefined],
    ['without code', { code: undefined }, 'invalid_request'],
    ['that never was', { code: 'A'.repeat(32) }, 'invalid_grant'],
    ['with a NUL in it', { code: 'A\0B' }, 'invalid_request'],
    ['of an unknown client', { client_id: 'nobody' }, 'invalid_client'],
  ])('%s is refused, and stays good for its owner', async (_, changed, error) => {
    const got = await getCode(site, spa)
    const refused = await redeem(site, spa, got, changed)
    expect(refused.status).toBe(400)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(refused.body).sort()).toEqual(['error', 'error_description'])
    if (error !== undefined) expect(refused.body.error).toBe(error)
    expect(['invalid_grant', 'invalid_request', 'invalid_client']).toContain(refused.body.error)
    expect((await redeem(site, spa, got)).status).toBe(200)
  })

  test('dies after five minutes', async () => {
    const got = await getCode(site, spa)
    await server.clock.advance(301_000)
    expect((await redeem(site, spa, got)).body.error).toBe('invalid_grant')
  })

  test('dies with the browser session that it came from', async () => {
    const got = await getCode(site, spa)
    await server.node.world.db.query
      .updateTable('idp_session')
      .set({ ended_at: server.clock.now() })
      .where('project_id', '=', site.made.id)
      .where('id', '=', got.who.idpSessionId)
      .execute()
    expect((await redeem(site, spa, got)).body.error).toBe('invalid_grant')
  })

  test('is worth nothing once the user is disabled, and leaves no grant behind', async () => {
    const got = await getCode(site, spa)
    const { query: db } = server.node.world.db
    await db
      .updateTable('end_user')
      .set({ is_disabled: true })
      .where('project_id', '=', site.made.id)
      .where('id', '=', got.who.userId)
      .execute()
    expect((await redeem(site, spa, got)).body.error).toBe('invalid_grant')
    expect(
      await db
        .selectFrom('offline_grant')
        .select('id')
        .where('project_id', '=', site.made.id)
        .where('user_id', '=', got.who.userId)
        .execute(),
    ).toEqual([])
  })

  test('is worth nothing once the authorization was removed', async () => {
    const got = await getCode(site, third)
    const { query: db } = server.node.world.db
    await db
      .deleteFrom('authorization_record')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', got.who.userId)
      .execute()
    expect((await redeem(site, third, got)).body.error).toBe('invalid_grant')
  })

  test('never stands in the database as itself', async () => {
    const got = await getCode(site, spa)
    const rows = await server.node.world.db.run<{ row: string }>(
      'select c::text as row from authorization_code c where project_id = $1',
      [site.made.id],
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const { row } of rows) expect(row).not.toContain(got.code)
  })
})

describe('client authentication', () => {
  test('a confidential client needs its secret, in the body or as Basic', async () => {
    const attempt = async (changed: Record<string, string | undefined>, headers: Record<string, string> = {}) =>
      redeem(site, web, await getCode(site, web), changed, headers)
    expect((await attempt({})).status).toBe(200)
    expect((await attempt({ client_id: undefined, client_secret: undefined }, basic('web', web.secret))).status).toBe(
      200,
    )
    const missing = await attempt({ client_secret: undefined })
    expect([missing.status, missing.body.error]).toEqual([400, 'invalid_client'])
    expect((await attempt({ client_secret: 'wrong' })).body.error).toBe('invalid_client')
    const wrong = await attempt({ client_id: undefined, client_secret: undefined }, basic('web', 'wrong'))
    expect([wrong.status, wrong.body.error]).toEqual([401, 'invalid_client'])
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    // Libraries that authenticate by Basic may name themselves in the body as well (RFC 6749 §3.2.1).
    expect((await attempt({ client_secret: undefined }, basic('web', web.secret))).status).toBe(200)
  })

  test('nothing about the failure tells a secret', async () => {
    const { body } = await redeem(site, web, await getCode(site, web), { client_secret: 'wrong-secret-of-mine' })
    expect(JSON.stringify(body)).not.toMatch(/wrong-secret-of-mine/)
    expect(JSON.stringify(body)).not.toContain(web.secret)
  })

  test('the refresh token of a confidential client is worth nothing without its secret', async () => {
    const { body } = await getTokens(site, web)
    expect((await refresh(site, web, body.refresh_token, { client_secret: undefined })).body.error).toBe(
      'invalid_client',
    )
    expect((await refresh(site, web, body.refresh_token)).status).toBe(200)
  })
})

describe('third parties', () => {
  test('get consent asked once for the same scopes', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const ask = async (scope: string, prompt?: string) => {
      const proof = pkce()
      const entry = location(
        await browser.get(
          `/oauth2/authorize?${query({ client_id: 'third', redirect_uri: third.redirect_uri, response_type: 'code', scope, prompt, state: 'st', code_challenge: proof.challenge, code_challenge_method: 'S256' })}`,
        ),
      )
      return finish(site, entry.href, who)
    }
    const first = await ask(third.scope)
    const page = await browser.get(first)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const html = await page.text()
    expect(html).toContain('Third')
    expect((await browser.post(first, { x_action: 'nonsense' })).status).toBe(400)
    const allowed = await browser.post(first, { x_action: 'consent' })
    expect(allowed.status).toBe(303)
    expect(answered(allowed)).toMatchObject({ state: 'st', iss: site.origin, code: expect.any(String) })
    expect((await browser.get(await ask(third.scope))).status).toBe(303)
    expect((await browser.get(await ask('openid'))).status).toBe(303)
    expect((await browser.get(await ask(`${third.scope} phone`))).status).toBe(200)
    expect((await browser.get(await ask(third.scope, 'consent'))).status).toBe(200)
  })

  test('hear access_denied when the person says no', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const proof = pkce()
    const entry = location(
      await browser.get(
        `/oauth2/authorize?${query({ client_id: 'third', redirect_uri: third.redirect_uri, response_type: 'code', scope: 'openid', state: 'st', code_challenge: proof.challenge, code_challenge_method: 'S256' })}`,
      ),
    )
    const consent = await finish(site, entry.href, who)
    const denied = await browser.post(consent, { x_action: 'cancel' })
    expect(answered(denied)).toMatchObject({ error: 'access_denied', state: 'st', iss: site.origin })
    expect((await browser.get(consent)).status).toBeGreaterThanOrEqual(400)
  })

  test('are not consented to by a form of another site', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const entry = location(
      await browser.get(
        `/oauth2/authorize?${query({ client_id: 'third', redirect_uri: third.redirect_uri, response_type: 'none', scope: 'openid' })}`,
      ),
    )
    const consent = await finish(site, entry.href, who)
    const forged = await browser.post(
      consent,
      { x_action: 'consent' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
    )
    expect(forged.headers.get('location')).toBeNull()
    const rows = await server.node.world.db.query
      .selectFrom('authorization_record')
      .select('id')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', who.userId)
      .execute()
    expect(rows).toEqual([])
  })
})

describe('a result of the pages', () => {
  test('is bound to the browser that earned it, which may reload', async () => {
    const browser = openBrowser(site)
    const prefix = (await site.project()).origins.at(-1)?.cookiePrefix ?? ''
    const mine = 'B'.repeat(32)
    const who = await signIn(site, browser)
    const proof = pkce()
    const entry = location(
      await browser.get(
        `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'code', scope: 'openid', code_challenge: proof.challenge, code_challenge_method: 'S256' })}`,
      ),
    )
    const consent = await finish(site, entry.href, who, { boundTo: mine })
    expect((await browser.get(consent)).headers.get('location')).toBeNull()
    browser.cookies.set(`${prefix}authgear_web_session`, mine)
    const [first, second] = [await browser.get(consent), await browser.get(consent)]
    expect(answered(first).code).toBeDefined()
    expect(answered(second).code).toBeDefined()
  })

  test('of a flow through the API works once', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const entry = location(
      await browser.get(
        `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'none', scope: 'openid' })}`,
      ),
    )
    const consent = await finish(site, entry.href, who)
    const answers = await Promise.all([browser.get(consent), browser.get(consent), browser.get(consent)])
    expect(answers.filter((answer) => answer.status === 303).length).toBe(1)
  })

  test('goes back to the client, by the hints beside it, when it is too late', async () => {
    const browser = openBrowser(site)
    const late = await browser.get(
      `/oauth2/consent?${query({ code: 'A'.repeat(32), client_id: 'spa', redirect_uri: spa.redirect_uri, state: 's' })}`,
    )
    expect(answered(late)).toMatchObject({ error: 'invalid_request', state: 's', iss: site.origin })
    const nowhere = await browser.get(
      `/oauth2/consent?${query({ code: 'A'.repeat(32), client_id: 'spa', redirect_uri: 'https://evil.test/' })}`,
    )
    expect(nowhere.headers.get('location')).toBeNull()
    expect((await browser.get('/oauth2/consent')).headers.get('location')).toBeNull()
    const hints = query({ client_id: 'spa', redirect_uri: spa.redirect_uri })
    expect(answered(await browser.get(`/oauth2/consent?${hints}`)).error).toBe('login_required')
  })

  test('must be as fresh as the request asked, whatever the pages thought', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    await server.clock.advance(60_000)
    for (const freshness of [{ prompt: 'login' }, { max_age: '30' }]) {
      const entry = location(
        await browser.get(
          `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'none', scope: 'openid', ...freshness })}`,
        ),
      )
      const response = await browser.get(await finish(site, entry.href, who))
      expect(answered(response).error).toBe('login_required')
    }
  })

  test('must be of the user that the request named', async () => {
    const { body } = await getTokens(site, spa)
    const browser = openBrowser(site)
    const who = await signIn(site, browser, { userId: await newUser(site) })
    const entry = location(
      await browser.get(
        `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'none', scope: 'openid', id_token_hint: body.id_token })}`,
      ),
    )
    const response = await browser.get(await finish(site, entry.href, who))
    expect(answered(response).error).toBe('login_required')
  })
})

describe('a login hint that is enforced', () => {
  test('lets in nobody but its user, by whatever way', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser, { userId: await newUser(site) })
    const hint = (email: string, more = {}) =>
      `https://authgear.com/login_hint?${query({ type: 'login_id', email, enforce: 'true', ...more })}`
    const ask = (login_hint: string, more = {}) =>
      browser.get(
        `/oauth2/authorize?${query({ client_id: 'spa', redirect_uri: spa.redirect_uri, response_type: 'none', scope: 'openid', login_hint, ...more })}`,
      )
    const own = hint(`${who.userId.toUpperCase()}@example.com`)
    const other = hint('somebody@example.com')
    const back = async (entry: Response) => answered(await browser.get(await finish(site, location(entry).href, who)))
    expect(await back(await ask(own, { state: 's' }))).toEqual({ state: 's' })
    expect((await back(await ask(other))).error).toBe('login_required')
    expect((await back(await ask(hint('somebody@example.com', { enforce: 'false' })))).error).toBeUndefined()
    expect(answered(await ask(own, { prompt: 'none' })).error).toBeUndefined()
    expect(answered(await ask(other, { prompt: 'none' })).error).toBe('login_required')
    const page = plainBrowser(site.made)
    await page.open(location(await ask(other)).href)
    expect(page.page.html).toMatch(/<input(?=[^>]*name="x_login_id")(?=[^>]*value="somebody@example.com")[^>]*readonly/)
  })
})

describe('re-authentication', () => {
  test('raises auth_time of the grant that the hint names: same sid, its access token, no refresh token', async () => {
    const first = await getTokens(site, spa)
    const before = (await verified(site, first.body.id_token, { audience: 'spa' })).claims
    const { query: db } = server.node.world.db
    const grant = await db
      .selectFrom('offline_grant')
      .select('id')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', first.who.userId)
      .executeTakeFirstOrThrow()
    await server.clock.advance(60_000)
    const again = { ...spa, scope: `openid ${fullAccess}` }
    const proven = { ...first.who, amr: ['otp'] }
    const second = await getTokens(site, again, {
      browser: first.browser,
      who: proven,
      proves: true,
      grantId: grant.id,
      params: { id_token_hint: first.body.id_token, max_age: '0' },
    })
    const after = (await verified(site, second.body.id_token, { audience: 'spa' })).claims
    expect(after.sid).toBe(before.sid)
    expect(after.auth_time).toBeGreaterThan(before.auth_time as number)
    expect(after.auth_time).toBe(Math.floor(second.who.authTime.getTime() / 1000))
    expect(after.amr).toEqual(['otp'])
    expect(second.body.refresh_token).toBeUndefined()
    expect((await userinfo(site, second.body.access_token)).status).toBe(200)
    // The refresh token that the app holds goes on, and so does the newer time.
    const third = await refresh(site, spa, first.body.refresh_token)
    expect(third.status).toBe(200)
    expect((await verified(site, String(third.body.id_token), { audience: 'spa' })).claims.auth_time).toBe(
      after.auth_time,
    )
    expect(
      await db
        .selectFrom('offline_grant')
        .select('id')
        .where('project_id', '=', site.made.id)
        .where('user_id', '=', first.who.userId)
        .execute(),
    ).toHaveLength(1)
  })

  test('by a code that comes back ends only the access token that it made', async () => {
    const first = await getTokens(site, spa)
    const { query: db } = server.node.world.db
    const grant = await db
      .selectFrom('offline_grant')
      .select('id')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', first.who.userId)
      .executeTakeFirstOrThrow()
    const again = { ...spa, scope: `openid ${fullAccess}` }
    const second = await getTokens(site, again, {
      browser: first.browser,
      who: first.who,
      grantId: grant.id,
      params: { id_token_hint: first.body.id_token },
    })
    expect((await redeem(site, again, second)).body.error).toBe('invalid_grant')
    await server.node.log.poll()
    expect((await userinfo(site, second.body.access_token)).status).toBe(401)
    expect((await refresh(site, spa, first.body.refresh_token)).status).toBe(200)
  })

  test('never hands the access token of one client to another', async () => {
    const first = await getTokens(site, spa)
    const { query: db } = server.node.world.db
    const grant = await db
      .selectFrom('offline_grant')
      .select('id')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', first.who.userId)
      .executeTakeFirstOrThrow()
    const foreign = { ...other, scope: 'openid' }
    const got = await getCode(site, foreign, {
      browser: first.browser,
      who: first.who,
      grantId: grant.id,
      params: { id_token_hint: first.body.id_token },
    })
    const { status, body } = await redeem(site, foreign, got)
    expect(status).toBe(200)
    const { claims } = await verified(site, String(body.id_token), { audience: 'other' })
    expect(claims.sid).not.toBe((await verified(site, first.body.id_token, { audience: 'spa' })).claims.sid)
  })
})

describe('the token endpoint', () => {
  test('says no in the words of RFC 6749', async () => {
    expect((await tokenRequest(site, { client_id: 'spa' })).body.error).toBe('invalid_request')
    expect((await tokenRequest(site, { client_id: 'spa', grant_type: 'password' })).body.error).toBe(
      'unsupported_grant_type',
    )
    expect((await tokenRequest(site, { grant_type: 'refresh_token' })).body.error).toBe('invalid_client')
    const get = await fetch(`${site.origin}/oauth2/token`)
    expect(get.status).toBe(405)
    const json = await fetch(`${site.origin}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(json.status).toBe(400)
    const huge = await fetch(`${site.origin}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `a=${'x'.repeat(1_100_000)}`,
    })
    expect(huge.status).toBe(413)
  })

  test('takes the first of a repeated parameter, and query and body together', async () => {
    const got = await getCode(site, spa)
    const body = query({
      grant_type: 'authorization_code',
      redirect_uri: spa.redirect_uri,
      code: got.code,
      code_verifier: got.pkce.verifier,
    })
    const response = await fetch(`${site.origin}/oauth2/token?client_id=spa&code=zzz`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${body}&code=nonsense`,
    })
    expect(response.status).toBe(200)
  })

  test('lets the pages of its clients call it with credentials', async () => {
    const response = await fetch(`${site.origin}/oauth2/token`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://spa.test',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'dpop',
      },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe('https://spa.test')
    expect(response.headers.get('access-control-allow-credentials')).toBe('true')
  })

  test('x_device_info is read or refused', async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const good = encode({ ios: { uname: { machine: 'iPhone17,3' } } })
    const got = await getCode(site, spa)
    expect((await redeem(site, spa, got, { x_device_info: encode({ web: 1 }) })).body).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringMatching(/^invalid device info: /),
    })
    expect(
      (await redeem(site, spa, got, { x_device_info: encode({ ios: { uname: { machine: 'x', bad: '\0' } } }) })).body
        .error,
    ).not.toBe('server_error')
    const again = await getCode(site, spa)
    expect((await redeem(site, spa, again, { x_device_info: good })).status).toBe(200)
    const row = await server.node.world.db.query
      .selectFrom('offline_grant')
      .select('device_info')
      .where('project_id', '=', site.made.id)
      .where('user_id', '=', again.who.userId)
      .executeTakeFirst()
    expect(row?.device_info).toEqual({ ios: { uname: { machine: 'iPhone17,3' } } })
  })
})
