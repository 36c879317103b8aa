// The authorization endpoint: what is refused, where the refusal goes, and that nothing ever goes where it must not.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findOAuthRequest } from '../src/oauth/requests.ts'
import type { Headgear } from '../src/testing.ts'
import {
  answered,
  fullAccess,
  getTokens,
  location,
  newUser,
  openBrowser,
  openSite,
  type Params,
  pkce,
  query,
  type Site,
  settingsAction,
  signIn,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

let server: Headgear
let site: Site

const client = (client_id: string, more: Record<string, unknown> = {}) => ({
  client_id,
  name: client_id,
  x_application_type: 'spa',
  redirect_uris: [`https://${client_id}.test/cb`],
  ...more,
})

beforeAll(async () => {
  server = await headgear()
  site = await openSite(server, {
    oauth: {
      clients: [
        client('spa'),
        client('two', {
          redirect_uris: [
            'https://two.test/a',
            'https://two.test/b?x=1',
            'com.example.app://host/path',
            'https://two.test',
          ],
        }),
        client('web', { x_application_type: 'confidential', client_name: 'Web' }),
        client('third', { x_application_type: 'third_party_app', client_name: 'Third' }),
        client('own', { x_custom_ui_uri: 'https://ui.test/start?theme=1' }),
        client('app', { x_custom_ui_uri: 'app.custom://ui' }),
        client('lone', { x_max_concurrent_session: 1 }),
        client('machine', { x_application_type: 'm2m', redirect_uris: undefined }),
      ],
    },
  })
})
afterAll(() => server.stop())

const challenge = pkce().challenge
const good: Params = {
  client_id: 'spa',
  redirect_uri: 'https://spa.test/cb',
  response_type: 'code',
  scope: 'openid',
  state: 'a b+c&d',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}

const ask = (changed: Params, headers: Record<string, string> = {}) =>
  openBrowser(site).get(`/oauth2/authorize?${query({ ...good, ...changed })}`, headers)

/** The request that was saved for the pages. */
async function saved(response: Response) {
  const ref = location(response).searchParams.get('x_ref') ?? ''
  const found = await findOAuthRequest(
    { projectId: site.made.id, query: server.node.world.db.query },
    ref,
    server.clock.now(),
  )
  if (found === undefined) throw new Error('nothing was saved')
  return found.request
}

describe('a good request', () => {
  test('waits for the person at the pages', async () => {
    const response = await ask({ ui_locales: 'zh-TW en', x_state: 'xs', x_color_scheme: 'dark' })
    expect(response.status).toBe(302)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const entry = location(response)
    expect(entry.origin + entry.pathname).toBe(`${site.origin}/_internals/oauth_entrypoint`)
    expect(Object.fromEntries(entry.searchParams)).toEqual({
      x_ref: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
      client_id: 'spa',
      redirect_uri: 'https://spa.test/cb',
      ui_locales: 'zh-TW en',
      state: 'a b+c&d',
      x_state: 'xs',
      x_color_scheme: 'dark',
    })
  })

  test('may be posted, and its parameters may come in any order with unknown ones among them', async () => {
    const response = await openBrowser(site).post('/oauth2/authorize', {
      unknown: '1',
      ...good,
      display: 'popup',
      claims_locales: 'en',
      acr_values: '1 2',
    })
    expect(await saved(response)).toMatchObject({
      clientId: 'spa',
      scopes: ['openid'],
      state: 'a b+c&d',
      acrValues: ['1', '2'],
    })
  })

  test('is understood', async () => {
    const request = await saved(
      await ask({
        nonce: 'n',
        max_age: '60',
        prompt: 'login consent unheard',
        x_page: 'signup',
        x_platform: 'ios',
        x_oauth_provider_alias: 'google',
        x_authentication_flow_group: 'g',
        dpop_jkt: 'j'.repeat(43),
        x_sso_enabled: 'true',
        claims: '{"userinfo":{"name":{"essential":true,"evil":1}},"id_token":{"acr":{"values":["1"]}}}',
        login_hint: 'ana@example.com',
        response_mode: 'form_post',
      }),
    )
    expect(request).toEqual({
      clientId: 'spa',
      redirectUri: 'https://spa.test/cb',
      responseType: 'code',
      responseMode: 'form_post',
      scopes: ['openid'],
      origin: site.origin,
      state: 'a b+c&d',
      nonce: 'n',
      codeChallenge: challenge,
      dpopJkt: 'j'.repeat(43),
      prompt: ['login', 'consent'],
      maxAge: 60,
      loginHint: { type: 'text', text: 'ana@example.com' },
      claims: { userinfo: { name: { essential: true } }, id_token: { acr: { values: ['1'] } } },
      browserSession: true,
      sso: true,
      page: 'signup',
      platform: 'ios',
      providerAlias: 'google',
      flowGroup: 'g',
    })
  })

  test.each([
    [{}, true, false],
    [{ x_sso_enabled: 'true' }, true, true],
    [{ x_sso_enabled: 'false', x_suppress_idp_session_cookie: 'true' }, false, false],
    [{ x_sso_enabled: 'true', x_suppress_idp_session_cookie: 'true' }, true, true],
    [{ x_suppress_idp_session_cookie: 'true' }, false, false],
    [{ x_suppress_idp_session_cookie: 'false' }, true, false],
  ])('%j: uses the browser session %s, marks the grant SSO %s', async (changed, browserSession, sso) => {
    expect(await saved(await ask(changed))).toMatchObject({ browserSession, sso })
  })

  test.each([
    [
      'https://authgear.com/login_hint?type=login_id&email=a%40b.c&enforce=true',
      { type: 'login_id', email: 'a@b.c', enforce: true },
    ],
    ['https://authgear.com/login_hint?type=anonymous&promotion_code=abc', { type: 'anonymous', promotionCode: 'abc' }],
    ['https://authgear.com/login_hint?type=anonymous&jwt=a.b.c', { type: 'anonymous', jwt: 'a.b.c' }],
    ['+886912345678', { type: 'text', text: '+886912345678' }],
  ])('login_hint %s', async (login_hint, expected) => {
    expect((await saved(await ask({ login_hint }))).loginHint).toEqual(expected)
  })

  test('goes to the client’s own pages, hints and all', async () => {
    const entry = location(await ask({ client_id: 'own', redirect_uri: 'https://own.test/cb', login_hint: 'ana' }))
    expect(entry.href.startsWith('https://ui.test/start?theme=1&x_ref=')).toBe(true)
    expect(entry.searchParams.get('login_hint')).toBe('ana')
  })

  test('needs no redirect URI when there is only one', async () => {
    expect((await saved(await ask({ redirect_uri: undefined }))).redirectUri).toBe('https://spa.test/cb')
  })

  test('needs no PKCE from a client with a secret, nor for response_type none', async () => {
    expect(
      (
        await saved(
          await ask({
            client_id: 'web',
            redirect_uri: 'https://web.test/cb',
            code_challenge: undefined,
            code_challenge_method: undefined,
          }),
        )
      ).codeChallenge,
    ).toBeUndefined()
    expect(
      (await saved(await ask({ response_type: 'none', code_challenge: undefined, code_challenge_method: undefined })))
        .responseType,
    ).toBe('none')
  })

  test.each(['-1', 'abc', '1.5', ''])('ignores max_age=%s', async (max_age) => {
    expect((await saved(await ask({ max_age }))).maxAge).toBeUndefined()
  })
})

describe('a request without a good client or redirect URI', () => {
  test.each([
    ['no client', { client_id: undefined }, 'unauthorized_client'],
    ['an unknown client', { client_id: 'nobody' }, 'unauthorized_client'],
    ['a machine', { client_id: 'machine' }, 'unauthorized_client'],
    ['no URI of several', { client_id: 'two', redirect_uri: undefined }, 'invalid_request'],
    ['another URI', { redirect_uri: 'https://spa.test/other' }, 'invalid_request'],
    ['a longer URI', { redirect_uri: 'https://spa.test/cb/x' }, 'invalid_request'],
    ['a query added', { redirect_uri: 'https://spa.test/cb?x=1' }, 'invalid_request'],
    ['a query changed', { client_id: 'two', redirect_uri: 'https://two.test/b?x=2' }, 'invalid_request'],
    ['a fragment', { redirect_uri: 'https://spa.test/cb#x' }, 'invalid_request'],
    ['userinfo', { redirect_uri: 'https://evil@spa.test/cb' }, 'invalid_request'],
    ['another port', { redirect_uri: 'https://spa.test:8443/cb' }, 'invalid_request'],
    ['plain http', { redirect_uri: 'http://spa.test/cb' }, 'invalid_request'],
    ['the URI of another client', { redirect_uri: 'https://two.test/a' }, 'invalid_request'],
    ['a script', { redirect_uri: 'javascript:alert(1)' }, 'invalid_request'],
    ['a line end', { redirect_uri: 'https://spa.test/c\nb' }, 'invalid_request'],
    [
      'our redirector',
      { redirect_uri: `http://localhost/oauth2/redirect?redirect_uri=https://two.test/a` },
      'invalid_request',
    ],
    ['any scheme beside custom pages', { client_id: 'app', redirect_uri: 'evil.app://x' }, 'invalid_request'],
    ['an unknown response_mode', { response_mode: 'web_message' }, 'invalid_request'],
  ])('%s is told so and sent nowhere', async (_, changed, error) => {
    const text = await ask(changed, { accept: '*/*' })
    expect([text.status, text.headers.get('location'), text.headers.get('content-type')]).toEqual([
      400,
      null,
      expect.stringMatching(/^text\/plain/),
    ])
    const lines = (await text.text()).split('\n')
    expect(lines[0]).toBe('Invalid OAuth authorization request:')
    expect(lines[1]).toBe(`error: ${error}`)
    const page = await ask(changed)
    expect([page.status, page.headers.get('location'), page.headers.get('content-type')]).toEqual([
      400,
      null,
      expect.stringMatching(/^text\/html/),
    ])
  })

  test('may name a page of ours, but none that leads on', async () => {
    const at = (path: string) => ask({ redirect_uri: `${site.origin}${path}` })
    expect((await saved(await at('/settings?ui_locales=en'))).redirectUri).toBe(`${site.origin}/settings?ui_locales=en`)
    for (const path of [
      '/oauth2/redirect?redirect_uri=https://two.test/a',
      '/%6fauth2/redirect',
      '/OAuth2/redirect',
      '/_internals/x',
      '/oauth2/authorize',
    ])
      expect((await at(path)).headers.get('location'), path).toBeNull()
    expect(
      (await ask({ client_id: 'third', redirect_uri: `${site.origin}/settings` })).headers.get('location'),
    ).toBeNull()
  })
})

describe('a request with a fault', () => {
  const fullHint = `https://authgear.com/login_hint?type=app_session_token&app_session_token=x`
  test.each([
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type id_token', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['no scope', { scope: undefined }, 'invalid_request'],
    ['no openid', { scope: 'email' }, 'invalid_scope'],
    ['an unknown scope', { scope: 'openid admin' }, 'invalid_scope'],
    [
      'full access for a client with a secret',
      { client_id: 'web', redirect_uri: 'https://web.test/cb', scope: `openid ${fullAccess}` },
      'invalid_scope',
    ],
    ['device_sso without pre-authenticated URLs', { scope: 'openid device_sso' }, 'invalid_scope'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE without method', { code_challenge_method: undefined }, 'invalid_request'],
    ['a malformed challenge', { code_challenge: 'short' }, 'invalid_request'],
    ['prompt=none with another', { prompt: 'none login' }, 'invalid_request'],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['a request_uri', { request_uri: 'https://spa.test/request' }, 'request_uri_not_supported'],
    ['an id_token_hint of somebody else', { id_token_hint: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' }, 'invalid_request'],
    [
      'a login_hint URL that is none',
      { login_hint: 'https://authgear.com/login_hint?type=unheard' },
      'invalid_request',
    ],
    [
      'an anonymous hint with nothing',
      { login_hint: 'https://authgear.com/login_hint?type=anonymous' },
      'invalid_request',
    ],
    ['malformed claims', { claims: '{' }, 'invalid_request'],
    ['claims that are a list', { claims: '[]' }, 'invalid_request'],
    [
      'SSO for one concurrent session',
      { client_id: 'lone', redirect_uri: 'https://lone.test/cb', x_sso_enabled: 'true' },
      'invalid_request',
    ],
    ['a malformed dpop_jkt', { dpop_jkt: 'x' }, 'invalid_request'],
    ['a settings action without action', { response_type: settingsAction, login_hint: fullHint }, 'invalid_request'],
    [
      'a settings action without token',
      { response_type: settingsAction, x_settings_action: 'change_password' },
      'invalid_request',
    ],
    [
      'linking without provider',
      { response_type: settingsAction, x_settings_action: 'link_oauth', login_hint: fullHint },
      'invalid_request',
    ],
    [
      'deleting where nobody may',
      { response_type: settingsAction, x_settings_action: 'delete_account', login_hint: fullHint },
      'invalid_request',
    ],
    [
      'a settings action of a client with a secret',
      {
        client_id: 'web',
        redirect_uri: 'https://web.test/cb',
        response_type: settingsAction,
        x_settings_action: 'change_password',
        login_hint: fullHint,
      },
      'unauthorized_client',
    ],
    ['an app session token that never was', { response_type: 'none', login_hint: fullHint }, 'invalid_request'],
    ['a parameter without end', { nonce: 'x'.repeat(17_000) }, 'invalid_request'],
    ['prompt=none and nobody there', { prompt: 'none' }, 'login_required'],
  ])('%s goes back to the client', async (_, changed, error) => {
    const response = !('nonce' in changed)
      ? await ask(changed)
      : await openBrowser(site).post('/oauth2/authorize', { ...good, ...changed })
    expect(response.status).toBe(303)
    const to = location(response)
    expect(to.origin).toMatch(/^https:\/\/(spa|web|lone)\.test$/)
    expect(Object.fromEntries(to.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      state: 'a b+c&d',
      iss: site.origin,
    })
    // RFC 6749 §4.1.2.1: what an error description may hold.
    expect(to.searchParams.get('error_description')).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
  })

  test('is answered in the fragment, or by a form that works without script', async () => {
    const fragment = location(await ask({ scope: 'email', response_mode: 'fragment' }))
    expect(fragment.search).toBe('')
    expect(Object.fromEntries(new URLSearchParams(fragment.hash.slice(1)))).toMatchObject({
      error: 'invalid_scope',
      state: 'a b+c&d',
      iss: site.origin,
    })
    const form = await ask({ scope: 'email', response_mode: 'form_post', state: '"><script>alert(1)</script>' })
    expect(form.status).toBe(200)
    const html = await form.text()
    expect(html).toContain('action="https://spa.test/cb"')
    expect(html).toContain('name="error" value="invalid_scope"')
    expect(html).toContain(`name="iss" value="${site.origin}"`)
    expect(html).toMatch(/<button/)
    expect(html).not.toContain('<script>alert')
    expect(form.headers.get('content-security-policy')).toMatch(/script-src 'self'/)
    expect(form.headers.get('cache-control')).toBe('no-store')
  })

  test('keeps what the redirect URI holds already, and custom schemes as they are', async () => {
    const kept = await ask({ client_id: 'two', redirect_uri: 'https://two.test/b?x=1', scope: 'email' })
    expect(kept.headers.get('location')).toMatch(/^https:\/\/two\.test\/b\?x=1&error=invalid_scope&/)
    const scheme = await ask({ client_id: 'two', redirect_uri: 'com.example.app://host/path', scope: 'email' })
    expect(scheme.headers.get('location')).toMatch(/^com\.example\.app:\/\/host\/path\?error=invalid_scope&/)
    const spaces = (await ask({ scope: 'email' })).headers.get('location')
    expect(spaces).toContain('state=a%20b%2Bc%26d')
  })

  test('of a client with pages of its own is a page, since scripts there may wait for it', async () => {
    const response = await ask({ client_id: 'own', redirect_uri: 'https://own.test/cb', scope: 'email' })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('https://own.test/cb?error=invalid_scope')
  })

  test('a redirect has a body that leads on, too', async () => {
    const html = await (await ask({ scope: 'email', state: '"><b>' })).text()
    expect(html).toContain('http-equiv="refresh"')
    expect(html).not.toContain('"><b>')
    expect(html).not.toMatch(/<script/)
  })
})

describe('whatever is sent', () => {
  const names = [
    'client_id',
    'redirect_uri',
    'response_type',
    'response_mode',
    'scope',
    'state',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'prompt',
    'max_age',
    'id_token_hint',
    'login_hint',
    'ui_locales',
    'dpop_jkt',
    'x_sso_enabled',
    'x_page',
    'claims',
    'acr_values',
    'request',
    'request_uri',
    'x_settings_action',
    'x_settings_action_query',
    'x_state',
  ]
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.webUrl(),
    fc.constantFrom(
      'none',
      'code',
      'openid',
      'query',
      'form_post',
      'https://spa.test/cb',
      '//evil.test',
      'https://spa.test/cb@evil.test',
      'https://spa.test/cb\\@evil.test',
      '{"userinfo":{"\ud800":null,"a":{"value":"\\u0000"}}}',
      'javascript:alert(1)',
      settingsAction,
      '\0',
    ),
  )
  const registered =
    /^(https:\/\/(spa|two|web|third|own|lone|app)\.test\/|https:\/\/ui\.test\/start|com\.example\.app:|app\.custom:)/

  test('nobody is sent to an address that is not registered, and nothing breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 }),
        fc.boolean(),
        async (changed, post) => {
          const browser = openBrowser(site)
          const params = { ...good, ...changed }
          const response = post
            ? await browser.post('/oauth2/authorize', params)
            : await browser.get(`/oauth2/authorize?${query(params)}`)
          expect(response.status).toBeLessThan(500)
          const to = response.headers.get('location')
          if (to !== null)
            expect(registered.test(to) || to.startsWith(`${site.origin}/_internals/oauth_entrypoint?`), to).toBe(true)
          const html = await response.text()
          const form = /<form[^>]*action="(https?:[^"]*)"/.exec(html)?.[1]
          if (form !== undefined) expect(form).toMatch(registered)
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('prompt=none', () => {
  const silent = (browser: ReturnType<typeof openBrowser>, changed: Params = {}) =>
    browser.get(`/oauth2/authorize?${query({ ...good, prompt: 'none', ...changed })}`)

  test('finishes without a page for who is signed in', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    expect(answered(await silent(browser))).toEqual({ code: expect.any(String), state: 'a b+c&d', iss: site.origin })
    expect(answered(await silent(browser, { max_age: '10000' })).code).toBeDefined()
  })

  test('but not for one who signed in too long ago, nor when the session is not to be used', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    await server.clock.advance(5000)
    expect(answered(await silent(browser, { max_age: '1' })).error).toBe('login_required')
    expect(answered(await silent(browser, { max_age: '0' })).error).toBe('login_required')
    expect(answered(await silent(browser, { x_sso_enabled: 'false' })).error).toBe('login_required')
  })

  test('and not for somebody else than the hint or the claims name', async () => {
    const tokens = await getTokens(site, { client_id: 'spa', redirect_uri: 'https://spa.test/cb', scope: 'openid' })
    expect(answered(await silent(tokens.browser, { id_token_hint: tokens.body.id_token })).code).toBeDefined()
    const other = openBrowser(site)
    await signIn(site, other, { userId: await newUser(site) })
    expect(answered(await silent(other, { id_token_hint: tokens.body.id_token })).error).toBe('login_required')
    expect(
      answered(await silent(other, { claims: JSON.stringify({ id_token: { sub: { value: tokens.who.userId } } }) }))
        .error,
    ).toBe('login_required')
    expect(answered(await silent(tokens.browser, { id_token_hint: tokens.body.access_token })).error).toBe(
      'invalid_request',
    )
  })

  test('needs a consent that was given before from third parties', async () => {
    const browser = openBrowser(site)
    const who = await signIn(site, browser)
    const third = { client_id: 'third', redirect_uri: 'https://third.test/cb', scope: 'openid email' }
    expect(answered(await silent(browser, third)).error).toBe('consent_required')
    await getTokens(site, { ...third, secret: site.made.client_secrets.third }, { browser, who })
    expect(answered(await silent(browser, third)).code).toBeDefined()
    expect(answered(await silent(browser, { ...third, scope: 'openid email phone' })).error).toBe('consent_required')
    // A claim asked for by name wants the same consent as its scope.
    expect(answered(await silent(browser, { ...third, claims: '{"userinfo":{"phone_number":null}}' })).error).toBe(
      'consent_required',
    )
  })

  test('an essential acr that was not reached is said to be missing', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    const claims = (value: string) => JSON.stringify({ id_token: { acr: { essential: true, value } } })
    expect(
      answered(
        await silent(browser, { claims: claims('http://schemas.openid.net/pape/policies/2007/06/multi-factor') }),
      ).error,
    ).toBe('unmet_authentication_requirements')
    expect(answered(await silent(browser, { claims: claims('1') })).code).toBeDefined()
  })

  test('response_type none only brings the state back', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    expect(answered(await silent(browser, { response_type: 'none' }))).toEqual({ state: 'a b+c&d' })
  })

  test('max_age that the session meets is silent, too', async () => {
    const browser = openBrowser(site)
    await signIn(site, browser)
    const response = await browser.get(`/oauth2/authorize?${query({ ...good, max_age: '10000' })}`)
    expect(answered(response).code).toBeDefined()
  })
})

describe('/oauth2/redirect', () => {
  test('leads to registered addresses only, with their query', async () => {
    const go = (redirect_uri: string) => openBrowser(site).get(`/oauth2/redirect?${query({ redirect_uri })}`)
    expect((await go('https://spa.test/cb?a=1&b=2')).headers.get('location')).toBe('https://spa.test/cb?a=1&b=2')
    for (const uri of [
      'https://evil.test/',
      'https://spa.test/other',
      '//evil.test',
      'nonsense',
      'javascript:alert(1)',
      `${site.origin}/oauth2/redirect?redirect_uri=x`,
    ]) {
      const response = await go(uri)
      expect([response.status, response.headers.get('location')], uri).toEqual([400, null])
    }
  })
})
