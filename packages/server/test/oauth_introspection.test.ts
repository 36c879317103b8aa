// Token introspection (RFC 7662) over HTTP: who may ask about which token, and what is said of it.
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Headgear } from '../src/testing.ts'
import { dpopKey } from './support/dpop_key.ts'
import {
  type App,
  getCode,
  getTokens,
  type Json,
  openBrowser,
  openSite,
  type Params,
  query,
  redeem,
  refresh,
  type Site,
  signIn,
} from './support/oauth_client.ts'
import { headgear, statementsOf } from './support/store.ts'

const app = (client_id: string): App => ({
  client_id,
  redirect_uri: 'https://app.test/',
  scope: 'openid offline_access email',
  secret: site.made.client_secrets[client_id],
})

let server: Headgear
let site: Site
let elsewhere: Site

beforeAll(async () => {
  server = await headgear()
  const client = (client_id: string, x_application_type: string, more: Record<string, unknown> = {}) => ({
    client_id,
    name: client_id,
    client_name: client_id,
    x_application_type,
    redirect_uris: ['https://app.test/'],
    ...more,
  })
  const config = {
    oauth: {
      clients: [
        client('opaque', 'spa'),
        client('jwt', 'spa', { issue_jwt_access_token: true }),
        client('bound', 'spa', { dpop_bound_access_tokens: true }),
        client('api', 'confidential'),
        client('machine', 'm2m', { redirect_uris: undefined }),
        client('third', 'third_party_app'),
      ],
    },
  }
  site = await openSite(server, config)
  elsewhere = await openSite(server, config)
})
afterAll(() => server.stop())

async function ask(token: string | undefined, by = 'api', at = site, changed: Params = {}) {
  const form = { token, client_id: by, client_secret: at.made.client_secrets[by], ...changed }
  const response = await fetch(`${at.origin}/oauth2/introspect`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: query(form),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}

describe('an access token', () => {
  test.each(['opaque', 'jwt'])('of the %s kind is what its JWT would say', async (kind) => {
    const { body, who } = await getTokens(site, app(kind))
    const { status, headers, body: said } = await ask(body.access_token)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(said).toMatchObject({
      active: true,
      token_use: 'access_token',
      token_type: 'Bearer',
      client_id: kind,
      scope: 'openid offline_access email',
      sub: who.userId,
      iss: site.origin,
      aud: [site.origin],
      amr: ['pwd'],
      auth_time: Math.floor(who.authTime.getTime() / 1000),
      sid: decodeJwt(body.id_token).sid,
      'https://authgear.com/claims/user/is_anonymous': false,
    })
    expect(Number(said.exp) - server.clock.now().getTime() / 1000).toBeCloseTo(1800, -1)
    if (kind === 'jwt') {
      const { email: _, email_verified: __, ...claims } = decodeJwt(body.access_token)
      expect(said).toMatchObject(claims)
    }
  })

  test('with less scope than its session says so', async () => {
    const first = await getTokens(site, app('opaque'))
    const { body } = await refresh(site, app('opaque'), first.body.refresh_token, { scope: 'openid' })
    expect((await ask(String(body.access_token))).body.scope).toBe('openid')
  })

  test('that is bound names its key, which the resource server then checks', async () => {
    const key = dpopKey()
    const url = `${site.origin}/oauth2/token`
    const got = await getCode(site, app('bound'))
    const proof = (nonce: string | null) => ({ dpop: key.proof(url, server.clock.now(), { claims: { nonce } }) })
    const { headers } = await redeem(site, app('bound'), got, {}, proof(null))
    const { body } = await redeem(site, app('bound'), got, {}, proof(headers.get('dpop-nonce')))
    const { body: said } = await ask(String(body.access_token))
    expect([said.active, said.token_type, said.cnf]).toEqual([true, 'DPoP', { jkt: key.jkt }])
  })

  test('is inactive once it has expired, was revoked, or its session or user was stopped', async () => {
    const make = () => getTokens(site, app('opaque'))
    const [expired, revoked, ended, barred] = [await make(), await make(), await make(), await make()]
    const revoke = (token: string) =>
      fetch(`${site.origin}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams({ token }) })
    for (const { body } of [expired, revoked, ended, barred])
      expect((await ask(body.access_token)).body.active).toBe(true)
    await revoke(revoked.body.access_token)
    await revoke(ended.body.refresh_token)
    await server.admin(
      `mutation ($id: ID!) { setDisabledStatus(input: { userID: $id, isDisabled: true }) { user { id } } }`,
      { id: Buffer.from(`User:${barred.who.userId}`).toString('base64url') },
      site.made,
    )
    await server.node.log.poll()
    for (const { body } of [revoked, ended, barred])
      expect((await ask(body.access_token)).body).toEqual({ active: false })
    expect((await ask(barred.body.refresh_token)).body).toEqual({ active: false })
    await server.clock.advance(1_801_000)
    expect((await ask(expired.body.access_token)).body).toEqual({ active: false })
    expect((await ask(expired.body.refresh_token)).body.active).toBe(true)
  })

  test('that is warm costs no statement', async () => {
    const { body } = await getTokens(site, app('opaque'))
    await ask(body.access_token)
    expect(await statementsOf(server, () => ask(body.access_token))).toBe(0)
    expect((await ask(body.access_token)).body.active).toBe(true)
  })

  test('that was asked about has been seen: the refresh token before it earns nothing more', async () => {
    const first = await getTokens(site, app('opaque'))
    const second = await refresh(site, app('opaque'), first.body.refresh_token)
    await ask(String(second.body.access_token))
    await server.node.sessions.access.flush()
    await server.clock.advance(31_000)
    expect((await refresh(site, app('opaque'), first.body.refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe('a refresh token', () => {
  test('is active as what it is, and no asking spends it', async () => {
    const { body, who } = await getTokens(site, app('opaque'))
    const { body: said } = await ask(body.refresh_token)
    expect(said).toMatchObject({
      active: true,
      token_use: 'refresh_token',
      client_id: 'opaque',
      sub: who.userId,
      scope: 'openid offline_access email',
    })
    expect(said.token_type).toBeUndefined()
    expect(said.aud).toBeUndefined()
    expect(Number(said.exp)).toBeGreaterThan(server.clock.now().getTime() / 1000 + 86_400 * 29)
    const next = await refresh(site, app('opaque'), body.refresh_token)
    expect(next.status).toBe(200)
    await refresh(site, app('opaque'), String(next.body.refresh_token))
    await server.clock.advance(31_000)
    expect((await ask(body.refresh_token)).body).toEqual({ active: false })
    expect((await ask(String(next.body.refresh_token))).body.active).toBe(true)
  })
})

test('what is no token of this project is inactive', async () => {
  const { body } = await getTokens(elsewhere, app('opaque'))
  const { body: jwt } = await getTokens(elsewhere, app('jwt'))
  const own = await getTokens(site, app('opaque'))
  const { code } = await getCode(site, app('opaque'))
  const browser = openBrowser(site)
  await signIn(site, browser)
  const [cookie = ''] = browser.cookies.values()
  const others = [body.access_token, body.refresh_token, jwt.access_token]
  for (const token of [...others, own.body.id_token, code, cookie, 'garbage', 'a.b.c', ''])
    expect((await ask(token)).body).toEqual({ active: false })
  expect((await ask(body.access_token, 'api', elsewhere)).body.active).toBe(true)
})

describe('asking', () => {
  test('is for clients with a secret', async () => {
    const { body } = await getTokens(site, app('opaque'))
    for (const changed of [
      { client_id: undefined, client_secret: undefined },
      { client_id: 'opaque', client_secret: undefined },
      { client_secret: 'wrong' },
      { client_secret: undefined },
      { client_id: 'nobody' },
    ]) {
      const refused = await ask(body.access_token, 'api', site, changed)
      expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
      expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /)
    }
    expect((await ask(undefined)).body.error).toBe('invalid_request')
    expect((await ask(body.access_token, 'machine')).body.active).toBe(true)
    const basic = Buffer.from(`api:${site.made.client_secrets.api}`).toString('base64')
    const response = await fetch(`${site.origin}/oauth2/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ token: body.access_token, token_type_hint: 'refresh_token' }),
    })
    expect(((await response.json()) as Json).active).toBe(true)
    expect((await fetch(`${site.origin}/oauth2/introspect`)).status).toBe(405)
  })

  test('a third party learns of its own tokens alone', async () => {
    const { body: theirs } = await getTokens(site, app('third'))
    const { body: ours } = await getTokens(site, app('opaque'))
    for (const token of [theirs.access_token, theirs.refresh_token])
      expect((await ask(token, 'third')).body.active).toBe(true)
    for (const token of [ours.access_token, ours.refresh_token])
      expect((await ask(token, 'third')).body).toEqual({ active: false })
    expect((await ask(theirs.access_token)).body.active).toBe(true)
  })
})
