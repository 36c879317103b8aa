// Pushed authorization requests (RFC 9126) over HTTP.
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  answered,
  type Browser,
  finish,
  type Json,
  location,
  openBrowser,
  openSite,
  type Params,
  type Pkce,
  pkce,
  query,
  redeem,
  type Site,
  signIn,
} from './support/oauth_client.ts'
import { headgear } from './support/store.ts'

const redirect_uri = 'https://app.test/cb'
let server: Headgear
let site: Site

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string, x_application_type: string, more: Record<string, unknown> = {}) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type,
    redirect_uris: [redirect_uri],
    ...more,
  })
  site = await openSite(server, {
    oauth: {
      clients: [
        client('web', 'confidential'),
        client('other', 'confidential'),
        client('spa', 'spa'),
        client('pushing', 'spa', { require_pushed_authorization_requests: true }),
        client('bound', 'spa', { dpop_bound_access_tokens: true }),
        client('machine', 'm2m', { redirect_uris: undefined }),
      ],
    },
  })
})
afterAll(() => server.stop())

async function push(form: Params, headers: Record<string, string> = {}) {
  const response = await fetch(`${site.origin}/oauth2/par`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: query(form),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}

const proof: Pkce = pkce()
const wanted = (client_id: string): Params => ({
  client_id,
  client_secret: site.made.client_secrets[client_id],
  redirect_uri,
  response_type: 'code',
  scope: 'openid offline_access',
  state: 'pushed',
  code_challenge: proof.challenge,
  code_challenge_method: 'S256',
})

async function pushed(client_id: string, more: Params = {}, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await push({ ...wanted(client_id), ...more }, headers)
  expect([status, body.error]).toEqual([201, undefined])
  return String(body.request_uri)
}

const open = (browser: Browser, client_id: string, request_uri: string, more: Params = {}) =>
  browser.get(`/oauth2/authorize?${query({ client_id, request_uri, ...more })}`)

describe('a pushed request', () => {
  test('is kept for five minutes under an address of its own', async () => {
    const { status, headers, body } = await push(wanted('web'))
    expect([status, headers.get('cache-control'), body.expires_in]).toEqual([201, 'no-store', 300])
    expect(body.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{32}$/)
    expect((await fetch(`${site.origin}/oauth2/par`)).status).toBe(405)
  })

  test.each(['web', 'spa', 'pushing'])('signs in for %s, and nothing beside it in the browser counts', async (id) => {
    const uri = await pushed(id)
    const browser = openBrowser(site)
    const beside = { scope: 'openid email', state: 'evil', redirect_uri: 'https://evil.test/', prompt: 'none' }
    const entry = location(await open(browser, id, uri, beside))
    const done = await browser.get(await finish(site, entry.href, await signIn(site, browser)))
    const { code = '', state } = answered(done)
    expect([location(done).origin, state]).toEqual(['https://app.test', 'pushed'])
    const app = { client_id: id, redirect_uri, scope: '', secret: site.made.client_secrets[id] }
    const { status, body } = await redeem(site, app, { code, pkce: proof })
    expect([status, typeof body.refresh_token]).toEqual([200, 'string'])
  })

  test('may be opened often until somebody has signed in, and is answered once', async () => {
    const uri = await pushed('web')
    const [first, second] = [openBrowser(site), openBrowser(site)]
    const one = location(await open(first, 'web', uri))
    const two = location(await open(second, 'web', uri))
    const who = await signIn(site, first)
    const mine = 'B'.repeat(32)
    const consent = await finish(site, one.href, who, { boundTo: mine })
    const prefix = (await site.project()).origins.at(-1)?.cookiePrefix ?? ''
    first.cookies.set(`${prefix}authgear_web_session`, mine)
    expect(answered(await first.get(consent)).code).toMatch(/^[\w-]{32}$/)
    // A double click answers once more what it answered; the other tab comes too late.
    expect(answered(await first.get(consent)).code).toMatch(/^[\w-]{32}$/)
    const late = answered(await second.get(await finish(site, two.href, who)))
    expect([late.error, late.code]).toEqual(['invalid_request', undefined])
    const again = await open(first, 'web', uri)
    expect([again.status, again.headers.get('location')]).toEqual([400, null])
  })

  test('with prompt=none is answered once, too', async () => {
    const browser = openBrowser(site)
    const uri = await pushed('spa', { prompt: 'none' })
    expect(answered(await open(openBrowser(site), 'spa', uri)).error).toBe('login_required')
    await signIn(site, browser)
    expect(answered(await open(browser, 'spa', uri)).code).toMatch(/^[\w-]{32}$/)
    expect((await open(browser, 'spa', uri)).status).toBe(400)
  })

  test('is nobody else’s, and dies', async () => {
    const uri = await pushed('web')
    const browser = openBrowser(site)
    for (const [client_id, request_uri] of [
      ['other', uri],
      ['', uri],
      ['web', `${uri.slice(0, -1)}!`],
      ['web', 'urn:ietf:params:oauth:request_uri:'],
    ] as const) {
      const refused = await open(browser, client_id, request_uri, { redirect_uri })
      expect([refused.status, refused.headers.get('location')]).toEqual([400, null])
      expect(await refused.text()).toContain('invalid_request_uri')
    }
    await server.clock.advance(301_000)
    expect((await open(browser, 'web', uri)).status).toBe(400)
  })

  test('leaves no secret in the database', async () => {
    await pushed('web')
    const { rows } = await sql<{ request: string }>`select request::text from oauth_request
      where project_id = ${site.made.id} and pushed`.execute(server.node.world.db.query)
    const secret = site.made.client_secrets.web ?? '?'
    expect(rows.map((row) => row.request).filter((text) => text.includes(secret))).toEqual([])
  })
})

describe('is refused', () => {
  test.each<[string, Params, string, string]>([
    ['an address that is not registered', { redirect_uri: 'https://evil.test/' }, 'web', 'invalid_request'],
    ['a scope that the client cannot have', { scope: 'openid nonsense' }, 'web', 'invalid_scope'],
    ['no challenge from a public client', { code_challenge: undefined }, 'spa', 'invalid_request'],
    ['an unknown response type', { response_type: 'token' }, 'web', 'unsupported_response_type'],
    ['a request object', { request: 'e30.e30.' }, 'web', 'request_not_supported'],
    ['a request_uri', { request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'web', 'invalid_request'],
    ['a machine', {}, 'machine', 'unauthorized_client'],
    ['no secret', { client_secret: undefined }, 'web', 'invalid_client'],
    ['a wrong secret', { client_secret: 'wrong' }, 'web', 'invalid_client'],
    ['an unknown client', { client_id: 'nobody' }, 'web', 'invalid_client'],
    [
      'a one-time token',
      { login_hint: 'https://authgear.com/login_hint?type=app_session_token&app_session_token=x' },
      'web',
      'invalid_request',
    ],
    [
      'more than can be kept',
      Object.fromEntries([...'abcdef'].map((n) => [n, 'x'.repeat(12_000)])),
      'web',
      'invalid_request',
    ],
  ])('%s', async (_, bent, client_id, error) => {
    const { status, body } = await push({ ...wanted(client_id), ...bent })
    expect([status, body.error]).toEqual([400, error])
  })

  test('a request that should have been pushed', async () => {
    const { client_secret: _, ...params } = wanted('pushing')
    const refused = answered(await openBrowser(site).get(`/oauth2/authorize?${query(params)}`))
    expect(refused.error).toBe('invalid_request')
  })
})

describe('a DPoP proof', () => {
  const url = () => `${site.origin}/oauth2/par`

  test('beside it binds the code, as dpop_jkt would', async () => {
    const key = dpopKey()
    const now = () => server.clock.now()
    const uri = await pushed('web', {}, { dpop: key.proof(url(), now()) })
    const browser = openBrowser(site)
    const entry = location(await open(browser, 'web', uri))
    const { code = '' } = answered(await browser.get(await finish(site, entry.href, await signIn(site, browser))))
    const app = { client_id: 'web', redirect_uri, scope: '', secret: site.made.client_secrets.web }
    const got = { code, pkce: proof }
    expect((await redeem(site, app, got)).body.error).toBe('invalid_dpop_proof')
    const other = { dpop: dpopKey().proof(`${site.origin}/oauth2/token`, now()) }
    expect((await redeem(site, app, got, {}, other)).body.error).toBe('invalid_dpop_proof')
    const good = { dpop: key.proof(`${site.origin}/oauth2/token`, now()) }
    expect((await redeem(site, app, got, {}, good)).status).toBe(200)
  })

  test('that is bad, or of another key than dpop_jkt, is refused', async () => {
    const key = dpopKey()
    const good = key.proof(url(), server.clock.now())
    expect((await push(wanted('web'), { dpop: 'garbage' })).body.error).toBe('invalid_dpop_proof')
    expect((await push({ ...wanted('web'), dpop_jkt: dpopKey().jkt }, { dpop: good })).body.error).toBe(
      'invalid_dpop_proof',
    )
    expect((await push({ ...wanted('web'), dpop_jkt: key.jkt }, { dpop: good })).status).toBe(201)
  })

  test('of a client that binds its tokens needs a nonce, and works once', async () => {
    const key = dpopKey()
    const asked = await push(wanted('bound'), { dpop: key.proof(url(), server.clock.now()) })
    expect(asked.body.error).toBe('use_dpop_nonce')
    const claims = { nonce: asked.headers.get('dpop-nonce') }
    const dpop = key.proof(url(), server.clock.now(), { claims })
    expect((await push(wanted('bound'), { dpop })).status).toBe(201)
    expect((await push(wanted('bound'), { dpop })).body.error).toBe('invalid_dpop_proof')
    expect((await push(wanted('bound'))).status).toBe(201)
  })
})
