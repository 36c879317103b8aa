// What the OpenID Foundation's certification plans check of a provider, module by module under the suite's own names:
// Config, Basic and Form Post, and RP-Initiated Logout. A robot without script walks the real pages, as the suite's does.
import { createHash, generateKeyPairSync, randomUUID, verify } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevelopmentProject } from '../src/dev/projects.ts'
import type { Headgear } from '../src/testing.ts'
import { formsOf, type PlainBrowser, plainBrowser, type Seen } from './support/browser.ts'
import { fetchByName } from './support/by_name.ts'
import type { Json } from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const suite = 'https://suite.example.test/test/a/headgear'
const callback = `${suite}/callback`
const afterLogout = `${suite}/post_logout_redirect`
const password = 'correct horse battery'
const scope = 'openid profile email address phone offline_access'

const standard = {
  name: 'Ana Silva',
  given_name: 'Ana',
  family_name: 'Silva',
  middle_name: 'Maria',
  nickname: 'ana',
  preferred_username: 'ana',
  profile: 'https://example.com/ana',
  picture: 'https://example.com/ana.png',
  website: 'https://example.com',
  gender: 'female',
  birthdate: '1990-12-31',
  zoneinfo: 'Europe/Lisbon',
  locale: 'pt-PT',
  email: 'ana@example.com',
  phone_number: '+351912345678',
  address: { formatted: 'Rua 1\n1100-001 Lisboa', street_address: 'Rua 1', locality: 'Lisboa', country: 'PT' },
}
const claimsOf: Record<string, readonly string[]> = {
  profile: Object.keys(standard)
    .filter((name) => !['email', 'phone_number', 'address'].includes(name))
    .concat('updated_at'),
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  address: ['address'],
}

let server: Headgear
let made: DevelopmentProject
let issuer: string
let metadata: Json
let userId: string
let member: PlainBrowser

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type: 'third_party_app',
    redirect_uris: [callback],
    post_logout_redirect_uris: [afterLogout],
  })
  made = await server.project({
    authentication: { primary_authenticators: ['password'] },
    identity: { login_id: { keys: [{ type: 'username' }] } },
    // Tokens tell everything that a scope covers.
    user_profile: {
      standard_attributes: {
        access_control: Object.keys(standard).map((name) => ({
          pointer: `/${name}`,
          access_control: { end_user: 'readwrite', bearer: 'readonly', portal_ui: 'readwrite' },
        })),
      },
    },
    oauth: { clients: [client('client'), client('client2'), client('client_secret_post')] },
  })
  issuer = made.local_origin
  metadata = await json(await fetch(`${issuer}/.well-known/openid-configuration`))
  member = plainBrowser(made)
  await member.open('/signup')
  await member.send({ x_login_id: 'ana' })
  await member.send({ x_password: password, x_confirm_password: password })
  const { query } = server.node.world.db
  const user = await query
    .updateTable('end_user')
    .set({ standard_attributes: JSON.stringify(standard) })
    .where('project_id', '=', made.id)
    .returning('id')
    .executeTakeFirstOrThrow()
  userId = user.id
  for (const name of ['email', 'phone_number'] as const)
    await query
      .insertInto('verified_claim')
      .values({
        project_id: made.id,
        user_id: userId,
        name,
        value: standard[name],
        created_at: server.clock.now(),
      })
      .execute()
})
afterAll(() => server.stop())

const json = async (response: Response) => (await response.json()) as Json
const endpoint = (name: string) => String(metadata[name])

// ---- the robot ------------------------------------------------------------------------------------------------------

type Way = { response_mode?: 'form_post' }
type Answer = {
  params: Record<string, string>
  /** Headings of the pages on the way. */
  pages: string[]
}

/** Presses on until the answer is sent to the suite, or a page comes that leads no further. */
async function walk(browser: PlainBrowser, first: Seen): Promise<Answer & { last: Seen }> {
  const pages: string[] = []
  let page = first
  for (let step = 0; step < 10; step++) {
    if (page.url.origin !== issuer) return { params: Object.fromEntries(page.url.searchParams), pages, last: page }
    const forms = formsOf(page.html)
    const toSuite = forms.find((form) => form.action?.startsWith(suite))
    if (toSuite !== undefined) return { params: Object.fromEntries(toSuite.fields), pages, last: page }
    pages.push(page.heading)
    const has = (field: string) => forms.some((form) => form.fields.has(field))
    if (page.url.pathname === '/signup') page = await browser.follow('/login')
    else if (has('x_password')) page = await browser.send({ x_password: password })
    else if (has('x_login_id')) page = await browser.send({ x_login_id: 'ana' })
    else if (forms.some((form) => form.fields.get('x_action') === 'continue'))
      page = await browser.send({}, { form: { action: 'continue' } })
    else if (page.url.pathname === '/oauth2/consent' && page.status === 200)
      page = await browser.send({ x_action: 'consent' })
    else break
  }
  return { params: {}, pages, last: page }
}

type Asked = Record<string, string | undefined>

function request(asked: Asked): URLSearchParams {
  const all: Asked = {
    client_id: 'client',
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    state: 'S'.repeat(64),
    nonce: 'N'.repeat(64),
    ...asked,
  }
  return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined))
}

/** Another tab of the person who has signed in already: most modules are not about that. */
function signedInAlready(): PlainBrowser {
  const browser = plainBrowser(made)
  for (const [name, value] of member.cookies) browser.cookies.set(name, value)
  return browser
}

async function authorize(asked: Asked, browser = signedInAlready()): Promise<Answer & { last: Seen }> {
  return walk(browser, await browser.open(`${endpoint('authorization_endpoint')}?${request(asked)}`))
}

const basic = (client: string) => `Basic ${Buffer.from(`${client}:${made.client_secrets[client]}`).toString('base64')}`

async function token(form: Record<string, string>, client = 'client') {
  const response = await fetch(endpoint('token_endpoint'), {
    method: 'POST',
    headers: { authorization: basic(client) },
    body: new URLSearchParams(form),
  })
  return { status: response.status, headers: response.headers, body: await json(response) }
}

const redeem = (code: string | undefined, client = 'client', more: Record<string, string> = {}) =>
  token({ grant_type: 'authorization_code', code: code ?? '', redirect_uri: callback, ...more }, client)

async function userinfo(access: unknown, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${access}` }
  const response = await fetch(endpoint('userinfo_endpoint'), { headers, ...init })
  return { status: response.status, headers: response.headers, body: await json(response) }
}

/** OpenID Core §3.1.3.7, by hand. */
async function checkIdToken(idToken: unknown, expected: { nonce?: string; access?: unknown }) {
  const text = String(idToken)
  const { kid, alg } = decodeProtectedHeader(text)
  expect(alg).toBe('RS256')
  const { keys } = (await json(await fetch(endpoint('jwks_uri')))) as { keys: (JWK & { kid: string })[] }
  const key = keys.filter((one) => one.kid === kid)
  expect(key).toHaveLength(1)
  const [head, body, signature = ''] = text.split('.')
  const input = Buffer.from(`${head}.${body}`)
  expect(verify('sha256', input, { key: key[0] as never, format: 'jwk' }, Buffer.from(signature, 'base64url'))).toBe(
    true,
  )
  const claims = decodeJwt(text)
  const now = server.clock.now().getTime() / 1000
  expect([claims.iss, [claims.aud].flat(), claims.sub]).toEqual([issuer, ['client'], userId])
  expect(claims.exp).toBeGreaterThan(now)
  expect(Math.abs(Number(claims.iat) - now)).toBeLessThan(60)
  expect(claims.nonce).toBe(expected.nonce)
  const half = createHash('sha256').update(String(expected.access)).digest().subarray(0, 16)
  expect(claims.at_hash).toBe(half.toString('base64url'))
  return claims as Json & { auth_time: number }
}

/** The whole way; everything on it is checked as the suite checks it in every module. */
async function happy(asked: Asked = {}, browser = signedInAlready()) {
  const answer = await authorize(asked, browser)
  expect(answer.params.error).toBeUndefined()
  expect([answer.params.state, answer.params.iss]).toEqual([request(asked).get('state'), issuer])
  const redeemed = await redeem(answer.params.code)
  expect([redeemed.status, redeemed.headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(redeemed.headers.get('content-type')).toMatch(/^application\/json/)
  expect(String(redeemed.body.token_type).toLowerCase()).toBe('bearer')
  const { access_token: access, id_token: idToken } = redeemed.body
  const nonce = request(asked).get('nonce') ?? undefined
  const claims = await checkIdToken(idToken, { access, ...(nonce === undefined ? {} : { nonce }) })
  return { ...answer, browser, body: redeemed.body, access, idToken: String(idToken), claims }
}

/** A request that must not lead to the suite at all. */
async function staysHere(asked: Asked) {
  const { last, params } = await authorize(asked)
  expect([last.url.origin, params]).toEqual([issuer, {}])
  expect([last.status, last.headers.get('content-type')]).toEqual([400, expect.stringMatching(/^text\/html/)])
  return last
}

// ---- Config ---------------------------------------------------------------------------------------------------------

test('oidcc-discovery-endpoint-verification', async () => {
  const origin = 'https://identity.example.test'
  await server.project({ http: { public_origin: origin } })
  const at = (path: string) => fetchByName(made.local_origin, new URL(`${origin}${path}`))
  const response = await at('/.well-known/openid-configuration')
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^application\/json/),
  ])
  const document = await json(response)
  expect(document.issuer).toBe(origin)
  const endpoints = Object.entries(document).filter(([name]) => /_endpoint$|_uri$/.test(name))
  expect(endpoints.length).toBeGreaterThan(5)
  for (const [, url] of endpoints) expect(String(url)).toMatch(/^https:\/\/identity\.example\.test\//)
  expect(document).toMatchObject({
    response_types_supported: expect.arrayContaining(['code']),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
    scopes_supported: expect.arrayContaining(scope.split(' ')),
    grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token']),
    token_endpoint_auth_methods_supported: expect.arrayContaining(['client_secret_basic', 'client_secret_post']),
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  })
  expect(document.id_token_signing_alg_values_supported).not.toContain('none')
  for (const locale of document.ui_locales_supported as string[])
    expect(new Intl.Locale(locale).toString()).toBe(locale)
  const { keys } = (await json(await at(new URL(String(document.jwks_uri)).pathname))) as { keys: JWK[] }
  expect(new Set(keys.map((key) => key.kid)).size).toBe(keys.length)
  for (const key of keys) {
    expect(['RSA', 'EC']).toContain(key.kty)
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(part)
  }
})

// ---- Basic and Form Post ------------------------------------------------------------------------------------------
// Form Post runs the modules of Basic again. What follows the authorization response is the same then; here the modules
// that are about the response run in both modes.

describe.each<[string, Way]>([
  ['default', {}],
  ['form_post', { response_mode: 'form_post' }],
])('response_mode %s:', (mode, way) => {
  test.each(['oidcc-server', 'oidcc-idtoken-signature', 'oidcc-alternate-happy-flow'])('%s', async (module) => {
    const asked = { ...way, ...(module.endsWith('alternate-happy-flow') ? { scope } : {}) }
    const { pages, last } = await happy(asked, plainBrowser(made))
    expect(pages.length).toBeGreaterThan(1)
    if (mode === 'default') return
    // Posted by itself with script, by a button without; nothing in the address.
    expect([last.url.origin, last.status]).toEqual([issuer, 200])
    expect(last.html).toMatch(new RegExp(`<form[^>]*method="post"[^>]*action="${callback}"[\\s\\S]*<button[^>]*submit`))
  })

  test('oidcc-response-type-missing', async () => {
    const { params } = await authorize({ ...way, response_type: undefined })
    expect(['unsupported_response_type', 'invalid_request']).toContain(params.error)
    expect([params.state, params.code]).toEqual(['S'.repeat(64), undefined])
  })

  test('oidcc-prompt-none-not-logged-in', async () => {
    const { params, pages } = await authorize({ ...way, prompt: 'none' }, plainBrowser(made))
    expect([params.error, params.state, params.code, pages]).toEqual(['login_required', 'S'.repeat(64), undefined, []])
  })

  test.each<[string, (idToken: string) => Asked]>([
    ['oidcc-prompt-none-logged-in', () => ({ prompt: 'none' })],
    ['oidcc-id-token-hint', (idToken) => ({ prompt: 'none', id_token_hint: idToken })],
    ['oidcc-max-age-10000', () => ({ max_age: '10000' })],
  ])('%s', async (_, asked) => {
    const browser = plainBrowser(made)
    const first = await happy(way, browser)
    await server.clock.advance(2000)
    const second = await happy({ ...way, ...asked(first.idToken) }, browser)
    expect(second.pages).toEqual([])
    expect([second.claims.sub, second.claims.auth_time]).toEqual([first.claims.sub, first.claims.auth_time])
  })

  test('oidcc-ensure-registered-redirect-uri', async () => {
    for (const redirect_uri of [`${callback}/${randomUUID()}`, `${callback}?x=1`, 'https://evil.test/', 'nonsense'])
      await staysHere({ ...way, redirect_uri })
  })

  test('oidcc-ensure-post-request-succeeds', async () => {
    const browser = plainBrowser(made)
    const first = await browser.post(endpoint('authorization_endpoint'), Object.fromEntries(request(way)), {
      'sec-fetch-site': 'cross-site',
    })
    const { params } = await walk(browser, first)
    expect((await redeem(params.code)).status).toBe(200)
  })

  const unsigned = (claims: object) =>
    `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

  test.each<[string, Asked, string]>([
    [
      'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
      { request: unsigned({ ...Object.fromEntries(request({})), state: 'other' }) },
      'request_not_supported',
    ],
    [
      'oidcc-ensure-request-object-with-redirect-uri',
      { request: unsigned({ redirect_uri: 'https://evil.test/' }) },
      'request_not_supported',
    ],
    [
      'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
      { request_uri: `${suite}/requesturi.jwt` },
      'request_uri_not_supported',
    ],
  ])('%s', async (_, asked, error) => {
    const { params } = await authorize({ ...way, ...asked })
    expect([params.error, params.state, params.code]).toEqual([error, 'S'.repeat(64), undefined])
  })
})

describe('Basic:', () => {
  test.each([
    ['oidcc-userinfo-get', undefined],
    ['oidcc-userinfo-post-header', {}],
    ['oidcc-userinfo-post-body', { body: true }],
  ])('%s', async (_, post) => {
    const { access, claims } = await happy()
    const init: RequestInit | undefined =
      post === undefined
        ? undefined
        : 'body' in post
          ? { method: 'POST', headers: {}, body: new URLSearchParams({ access_token: String(access) }) }
          : { method: 'POST', headers: { authorization: `Bearer ${access}` } }
    const answer = await userinfo(access, init)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^application\/json/),
    ])
    expect(answer.body.sub).toBe(claims.sub)
  })

  test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async () => {
    await happy({ nonce: undefined })
  })

  test.each(['profile', 'email', 'address', 'phone', 'all'])('oidcc-scope-%s', async (one) => {
    expect(metadata.scopes_supported).toEqual(expect.arrayContaining(Object.keys(claimsOf)))
    const asked = one === 'all' ? Object.keys(claimsOf) : [one]
    const { access } = await happy({ scope: ['openid', ...asked].join(' ') })
    const { body } = await userinfo(access)
    for (const [name, names] of Object.entries(claimsOf))
      for (const claim of names) expect([claim, claim in body]).toEqual([claim, asked.includes(name)])
    const types = {
      address: 'object',
      updated_at: 'number',
      email_verified: 'boolean',
      phone_number_verified: 'boolean',
    }
    for (const [claim, value] of Object.entries(body))
      if (!claim.includes(':')) expect([claim, typeof value]).toEqual([claim, types[claim as 'address'] ?? 'string'])
    for (const claim of asked.flatMap((name) => claimsOf[name] ?? []))
      if (claim in standard) expect(body[claim]).toEqual(standard[claim as 'name'])
  })

  test('oidcc-ensure-other-scope-order-succeeds', async () => {
    await happy({ scope: 'email openid' })
  })

  test.each<[string, Asked]>([
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ui-locales', { ui_locales: 'se fr' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
  ])('%s', async (_, asked) => {
    await happy({ ...asked })
  })

  // In a browser of its own: a sign-in replaces the session that the other modules share.
  test('oidcc-login-hint', async () => {
    await happy({ login_hint: 'buffy@client.example.test' }, plainBrowser(made))
  })

  test('oidcc-ensure-request-with-acr-values-succeeds', async () => {
    const supported = metadata.acr_values_supported as string[] | undefined
    const { claims } = await happy({ acr_values: supported?.join(' ') ?? '1 2' })
    expect(['1', '2', ...(supported ?? [])]).toContain(claims.acr)
  })

  test('oidcc-prompt-login', async () => {
    const browser = plainBrowser(made)
    const first = await happy({}, browser)
    await server.clock.advance(2000)
    const second = await happy({ prompt: 'login' }, browser)
    expect(second.pages.length).toBeGreaterThan(0)
    expect(second.claims.sub).toBe(first.claims.sub)
    expect(second.claims.auth_time).toBeGreaterThan(first.claims.auth_time)
  })

  test('oidcc-max-age-1', async () => {
    const browser = plainBrowser(made)
    const first = await happy({}, browser)
    await server.clock.advance(2000)
    const second = await happy({ max_age: '1' }, browser)
    expect(second.pages.length).toBeGreaterThan(0)
    expect(second.claims.auth_time).toBeGreaterThan(first.claims.auth_time)
  })

  test.each([
    ['oidcc-codereuse', 0],
    ['oidcc-codereuse-30seconds', 30],
  ])('%s', async (_, seconds) => {
    const { params, access } = await happy()
    expect((await userinfo(access)).status).toBe(200)
    await server.clock.advance(seconds * 1000)
    const again = await redeem(params.code)
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant'])
    await server.node.log.poll()
    expect((await userinfo(access)).status).toBe(401)
  })

  test('oidcc-server-client-secret-post', async () => {
    const { params } = await authorize({ client_id: 'client_secret_post' })
    const response = await fetch(endpoint('token_endpoint'), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: params.code ?? '',
        redirect_uri: callback,
        client_id: 'client_secret_post',
        client_secret: made.client_secrets.client_secret_post ?? '',
      }),
    })
    expect(response.status).toBe(200)
  })

  test('oidcc-claims-essential', async () => {
    const { access } = await happy({ claims: JSON.stringify({ userinfo: { name: { essential: true } } }) })
    expect((await userinfo(access)).body.name).toBe(standard.name)
  })

  test('oidcc-refresh-token', async () => {
    const { params, pages } = await authorize({ scope: 'openid offline_access', prompt: 'consent' })
    expect(pages.filter((heading) => heading === 'client wants to')).toHaveLength(1)
    const { body } = await redeem(params.code)
    const form = { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) }
    expect((await token(form, 'client2')).body.error).toBe('invalid_grant')
    const { status, body: next } = await token(form)
    expect(status).toBe(200)
    await checkIdToken(next.id_token, { access: next.access_token })
    const [before, after] = [decodeJwt(String(body.id_token)), decodeJwt(String(next.id_token))]
    for (const claim of ['iss', 'sub', 'aud', 'auth_time'] as const) expect(after[claim]).toEqual(before[claim])
    expect((await userinfo(next.access_token)).status).toBe(200)
    const latest = String(next.refresh_token ?? body.refresh_token)
    expect((await token({ grant_type: 'refresh_token', refresh_token: latest }, 'client2')).body.error).toBe(
      'invalid_grant',
    )
  })

  test('a code is bound to the client that asked for it', async () => {
    const { params } = await authorize({})
    expect((await redeem(params.code, 'client2')).body.error).toBe('invalid_grant')
    expect((await redeem(params.code)).status).toBe(200)
  })

  test('oidcc-ensure-request-with-valid-pkce-succeeds', async () => {
    const verifier = 'v'.repeat(43)
    const code_challenge = createHash('sha256').update(verifier).digest('base64url')
    const asked = { code_challenge, code_challenge_method: 'S256' }
    const { params } = await authorize(asked)
    expect((await redeem(params.code, 'client', { code_verifier: 'w'.repeat(43) })).body.error).toBe('invalid_grant')
    expect((await redeem(params.code, 'client', { code_verifier: verifier })).status).toBe(200)
  })
})

test('oidcc-idtoken-unsigned', () => {
  // The suite skips it: discovery does not offer `none`.
  expect(metadata.id_token_signing_alg_values_supported).not.toContain('none')
})

// ---- RP-Initiated Logout ----------------------------------------------------------------------------------------------

describe('RP-Initiated Logout:', () => {
  async function signedIn() {
    const { browser, idToken } = await happy({}, plainBrowser(made))
    // A browser that comes from the suite brings no Strict cookie.
    for (const name of browser.cookies.keys()) if (name.endsWith('same_site_strict')) browser.cookies.delete(name)
    return { browser, idToken }
  }

  /** Logs out as the robot does: it presses the button of whatever question comes. */
  async function logOut(browser: PlainBrowser, asked: Asked): Promise<Seen> {
    const params = Object.entries(asked).filter((pair): pair is [string, string] => pair[1] !== undefined)
    const first = await browser.open(`${endpoint('end_session_endpoint')}?${new URLSearchParams(params)}`)
    const question = formsOf(first.html).some((form) => form.fields.get('x_action') === 'logout')
    return question ? browser.send({}, { form: { action: 'logout' } }) : first
  }
  const isOut = async (browser: PlainBrowser) =>
    (await authorize({ prompt: 'none' }, browser)).params.error === 'login_required'

  test('oidcc-rp-initiated-logout-discovery-endpoint-verification', () => {
    expect(endpoint('end_session_endpoint')).toBe(`${issuer}/oauth2/end_session`)
  })

  test.each<[string, Asked]>([
    ['oidcc-rp-initiated-logout', { state: 'S'.repeat(128) }],
    ['oidcc-rp-initiated-logout-no-state', {}],
  ])('%s', async (_, more) => {
    const { browser, idToken } = await signedIn()
    const done = await logOut(browser, { id_token_hint: idToken, post_logout_redirect_uri: afterLogout, ...more })
    expect(done.url.origin + done.url.pathname).toBe(afterLogout)
    expect(Object.fromEntries(done.url.searchParams)).toEqual(more)
    expect(await isOut(browser)).toBe(true)
  })

  test.each<[string, (idToken: string) => Asked | Promise<Asked>]>([
    ['oidcc-rp-initiated-logout-no-id-token-hint', () => ({ id_token_hint: undefined })],
    [
      'oidcc-rp-initiated-logout-bad-id-token-hint',
      async (idToken) => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        const header = { alg: 'RS256', kid: decodeProtectedHeader(idToken).kid ?? '' }
        return { id_token_hint: await new SignJWT(decodeJwt(idToken)).setProtectedHeader(header).sign(privateKey) }
      },
    ],
    [
      'oidcc-rp-initiated-logout-modified-id-token-hint',
      (idToken) => {
        const [head, , signature] = idToken.split('.')
        const body = Buffer.from(JSON.stringify({ ...decodeJwt(idToken), sub: 'somebody' })).toString('base64url')
        return { id_token_hint: [head, body, signature].join('.') }
      },
    ],
    [
      'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${afterLogout}/${randomUUID()}` }),
    ],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${afterLogout}?foo=bar` }),
    ],
  ])('%s', async (_, bent) => {
    const { browser, idToken } = await signedIn()
    const asked = { id_token_hint: idToken, post_logout_redirect_uri: afterLogout, state: 'S' }
    const done = await logOut(browser, { ...asked, ...(await bent(idToken)) })
    expect(done.url.origin).toBe(issuer)
    expect(done.headers.get('content-type')).toMatch(/^text\/html/)
    expect(done.url.pathname).not.toMatch(/^\/settings/)
  })

  test.each<[string, (idToken: string) => Asked]>([
    ['oidcc-rp-initiated-logout-no-post-logout-redirect-uri', (id_token_hint) => ({ id_token_hint, state: 'S' })],
    ['oidcc-rp-initiated-logout-only-state', () => ({ state: 'S' })],
    ['oidcc-rp-initiated-logout-no-params', () => ({})],
  ])('%s', async (_, asked) => {
    const { browser, idToken } = await signedIn()
    const done = await logOut(browser, asked(idToken))
    expect([done.url.origin, done.status, done.heading]).toEqual([issuer, 200, 'You’re signed out'])
    expect(await isOut(browser)).toBe(true)
  })
})
